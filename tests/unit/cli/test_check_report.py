"""What a person sees of a check: lines that end before the edge, whatever a domain shows."""

from dataclasses import dataclass

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.cli.checked.report import report, summary_lines
from mtasts_resolver.cli.checked.results import CheckedDomain, DaemonCheck, checked
from mtasts_resolver.cli.moments import shown_locally
from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.published.observed import (
    Observed,
    SeenAddress,
    SeenDane,
    SeenFailure,
    SeenHost,
)

from .observations import (
    DOCUMENT,
    EXPIRES_SOON,
    NO_STARTTLS,
    SHORT_MAX_AGE,
    TITLES,
    found,
    mx_address,
    mx_host,
    observed,
    policy_host,
    tls,
)


def shown(one: CheckedDomain, columns: int = 80) -> list[str]:
    return [click.unstyle(line) for line in report(one, TITLES, columns)]


def row(seen: Observed, label: str) -> str:
    return next(line for line in shown(checked(seen, ())) if line.strip().startswith(label))


def test_a_domain_without_a_fault_is_a_verdict_and_a_table() -> None:
    assert shown(checked(observed(), ())) == [
        "OK  good.example: nothing to mend; mode enforce, 1 MX host, DANE required",
        "",
        "HOST                      TLS      CERTIFICATE  DAYS  POLICY  DANE",
        "mta-sts.good.example",
        "  192.0.2.80              TLSv1.3  valid          58",
        "  2001:db8::80            TLSv1.3  valid          58",
        "MX 10 mx.good.example                                 in      usable",
        "  192.0.2.25              TLSv1.3  valid          58",
    ]


def test_advice_comes_in_order_of_urgency_and_what_is_alike_is_said_once() -> None:
    findings = (
        found(SHORT_MAX_AGE, "mta-sts.good.example"),
        found(NO_STARTTLS, "mx1.good.example"),
        EXPIRES_SOON.found("mx3.good.example", "5 days are left", commands=("certbot renew",)),
        found(NO_STARTTLS, "mx2.good.example"),
    )
    text = "\n".join(shown(checked(observed(), findings)))
    assert text.startswith("ERROR  good.example: 2 errors, 1 warning, 1 note; mode enforce, ")
    assert text.endswith(
        """

error    an MX host does not offer STARTTLS (mx-host-without-starttls)
         - mx1.good.example: so it is
         - mx2.good.example: so it is
         Senders that enforce the policy hold mail to it.
         To do: Have it offer STARTTLS, with a certificate for its name.

warning  a certificate expires soon (certificate-expires-soon)
         - mx3.good.example: 5 days are left
         Then senders hold the mail.
         To do: Renew it.
             certbot renew

note     max_age is short (max-age-short)
         - mta-sts.good.example: so it is
         Whoever keeps a sender from the policy for so long has it forgotten.
         To do: Set max_age to 604800 or more."""
    )


@pytest.mark.parametrize(
    ("address", "shows"),
    [
        (
            SeenAddress(address="192.0.2.1", failure=SeenFailure("unreachable", "refused")),
            "refused",
        ),
        (SeenAddress(address="192.0.2.1", starttls=False), "no STARTTLS"),
        (
            SeenAddress(
                address="192.0.2.1",
                starttls=True,
                tls=tls("x", days=-3, failure=SeenFailure("certificate-expired", "expired")),
            ),
            "TLSv1.3  EXPIRED        -3",
        ),
        (
            SeenAddress(
                address="192.0.2.1",
                starttls=True,
                tls=tls("x", failure=SeenFailure("certificate-names-another", "for x")),
            ),
            "TLSv1.3  OTHER NAME     58",
        ),
    ],
)
def test_an_address_says_what_came_of_it(address: SeenAddress, shows: str) -> None:
    seen = observed(mx_hosts=(mx_host("mx.good.example", 10, address),))
    assert " ".join(row(seen, "192.0.2.1 ").split()) == f"192.0.2.1 {' '.join(shows.split())}"


@pytest.mark.parametrize(
    ("changes", "policy", "dane"),
    [
        ({}, "in", "usable"),
        ({"policy_host": policy_host("good.example", None)}, "-", "usable"),
        ({"policy_host": policy_host("good.example", "version: STSv1")}, "-", "usable"),
        (
            {"policy_host": policy_host("good.example", DOCUMENT.replace("*", "a"))},
            "NOT IN",
            "usable",
        ),
        ({"dane_hosts": ()}, "in", "-"),
        (
            {"dane_hosts": (SeenDane(host="mx.good.example", outcome="no TLSA records"),)},
            "in",
            "none",
        ),
        (
            {
                "dane_hosts": (
                    SeenDane(host="mx.good.example", outcome="usable TLSA records", fits=False),
                )
            },
            "in",
            "MISFIT",
        ),
    ],
)
def test_a_host_is_in_the_policy_or_not_and_dane_fits_or_not(
    changes: dict[str, object], policy: str, dane: str
) -> None:
    words = " ".join(row(observed("good.example", **changes), "MX 10").split())
    assert words == f"MX 10 mx.good.example {policy} {dane}"


def test_addresses_of_which_all_is_the_same_are_told_in_two_lines() -> None:
    name = "mx.good.example"
    addresses = [mx_address(name, f"192.0.2.{number}") for number in range(1, 9)]
    addresses.insert(4, SeenAddress(address="192.0.2.99", failure=SeenFailure("x", "refused")))
    lines = shown(checked(observed(mx_hosts=(mx_host(name, 10, *addresses),)), ()))
    labels = [line.partition("  TLS")[0].strip() for line in lines[-5:]]
    assert labels == [
        "192.0.2.1",
        "and 3 more alike",
        "192.0.2.99              refused",
        "192.0.2.5",
        "and 3 more alike",
    ]


def test_what_was_not_visited_is_said() -> None:
    hosts = (
        SeenHost(name="mx.good.example", addresses=(SeenAddress(address="192.0.2.25"),)),
        SeenHost(
            name="mx2.good.example", preference=20, failure=SeenFailure("x", "it has no address")
        ),
    )
    lines = shown(
        checked(
            observed(mx_hosts=hosts, more_mx_hosts=3, smtp=False, policy_host=many()),
            (),
        )
    )
    assert "mode enforce, 5 MX hosts" in lines[0]
    for line in (
        "MX - mx.good.example                                  in      usable",
        "  192.0.2.25              not visited",
        "MX 20 mx2.good.example                                in      -",
        "    it has no address",
        "  and 7 more              not visited",
        "and 3 more MX hosts, not visited",
    ):
        assert line in lines


def many() -> SeenHost:
    host = policy_host("good.example")
    return SeenHost(name=host.name, addresses=host.addresses, more_addresses=7)


def test_a_domain_without_mx_hosts() -> None:
    failure = SeenFailure("mx-null", "a null MX record says that it takes no mail")
    lines = shown(checked(observed(mx_hosts=(), mx_failure=failure), ()))
    assert lines[0] == "OK  good.example: nothing to mend; mode enforce, 0 MX hosts, DANE required"
    assert lines[-1] == "MX  a null MX record says that it takes no mail"


def test_where_nothing_can_be_found_out_there_is_no_table() -> None:
    failure = SeenFailure("dns-timeout", "no name server answered within 5 s", outage=True)
    seen = observed()
    lost = observed(
        record=type(seen.record)(name=seen.record.name, failure=failure),
        mx_hosts=(),
        mx_failure=failure,
    )
    one = checked(lost, ())
    assert one.verdict == "unknown"
    assert " ".join(map(str.strip, shown(one))) == (
        "UNKNOWN  good.example: nothing can be found out: no name server answered within 5 s"
    )


def test_of_a_check_by_the_daemon_it_is_said_when_it_was_made() -> None:
    made = DaemonCheck(
        checked="2026-11-26T12:00:00Z", next="2026-11-26T18:00:00Z", trouble="no name server"
    )
    head, *when, empty, _ = shown(checked(observed(), (), by_daemon=made))[:5]
    assert head.startswith("OK  good.example: ")
    words = " ".join(map(str.strip, when))
    assert words.startswith(f"checked by the daemon {shown_locally('2026-11-26T12:00:00Z')}, next ")
    assert words.endswith("; it could not be checked since: no name server")
    assert empty == ""


def test_that_the_daemon_has_not_checked_a_domain_yet_is_no_failure() -> None:
    never = DaemonCheck(checked=None, next=None, trouble="")
    one = CheckedDomain(
        domain="a.example", verdict="unknown", reason="not checked yet", by_daemon=never
    )
    assert shown(one) == [
        "UNKNOWN  a.example: not checked yet",
        "         checked by the daemon never, being checked now",
    ]


HOSTILE = st.text(max_size=300) | st.text("a.\x1b[31m\t\n\u202e", max_size=80)
SHORT = st.text("abc-.:\x1b\u202e", max_size=75)


@dataclass
class Hostile:
    """A domain whose owner has chosen every word."""

    words: str
    name: str

    def checked(self) -> CheckedDomain:
        failure = SeenFailure(self.words, self.words)
        addresses = (
            SeenAddress(address=self.name, failure=failure),
            SeenAddress(address="192.0.2.1", tls=tls(self.words, failure=failure)),
        )
        host = SeenHost(name=self.name, preference=10, addresses=addresses, failure=failure)
        seen = observed(mx_hosts=(host,), mx_failure=failure, dane=self.words[:7])
        kind = FindingKind(code="some-code", severity=Severity.ERROR, title="t", action="act")
        finding: Finding = kind.found(self.name, self.words, commands=(self.words[:40],))
        return checked(seen, (finding,))


@pytest.mark.threat("words-at-terminal")
@given(HOSTILE, SHORT)
def test_no_word_of_a_stranger_reaches_the_terminal_as_more_than_words(
    words: str, name: str
) -> None:
    for line in shown(Hostile(words, name).checked()):
        assert line.isprintable()


@given(st.integers(60, 200), st.integers(0, 20), st.integers(0, 8), SHORT)
def test_lines_end_before_the_edge(columns: int, hosts: int, addresses: int, words: str) -> None:
    name = "x" * 20 + ".good.example"
    reason = SeenFailure("x", " ".join(words[:20] for _ in range(9)))
    seen = observed(
        mx_hosts=tuple(
            mx_host(
                f"{number}{name}",
                65535,
                *(
                    SeenAddress(
                        address=f"2001:db8:1111:2222:3333:4444:5555:{number:x}{at:x}",
                        failure=reason if at % 2 else None,
                        tls=tls(name, days=number),
                    )
                    for at in range(addresses)
                ),
            )
            for number in range(hosts)
        )
    )
    for line in shown(checked(seen, (found(NO_STARTTLS), found(SHORT_MAX_AGE))), columns):
        assert len(line.expandtabs()) <= max(columns, 66)


@pytest.mark.parametrize(("days", "marked"), [(58.5, False), (9.0, True)])
def test_the_days_of_a_certificate_that_is_overdue_stand_out(days: float, *, marked: bool) -> None:
    """Of one that lives for a month longer than `days`, a quarter."""
    host = mx_host("mx.good.example", 10, mx_address("mx.good.example", days=days))
    lines = list(report(checked(observed(mx_hosts=(host,)), ()), TITLES, 80))
    assert ("\x1b[33m" in lines[-1]) is marked


def test_colours_are_there_and_nothing_is_said_by_them_alone() -> None:
    one = checked(observed(), (found(NO_STARTTLS),))
    styled = "\n".join(report(one, TITLES, 80))
    assert styled.startswith("\x1b[31m\x1b[1mERROR")
    assert click.unstyle(styled) == "\n".join(shown(one))


def test_of_several_domains_the_most_urgent_comes_first() -> None:
    domains = (
        checked(observed("a.example"), ()),
        CheckedDomain(domain="b.example", verdict="unknown", reason="no name server"),
        checked(observed("c.example"), (found(NO_STARTTLS), found(SHORT_MAX_AGE))),
    )
    assert summary_lines(domains) == [
        ("c.example", "ERROR", "1", "0", "58", "mode enforce"),
        ("b.example", "UNKNOWN", "0", "0", "-", "no name server"),
        ("a.example", "OK", "0", "0", "58", "mode enforce"),
    ]
