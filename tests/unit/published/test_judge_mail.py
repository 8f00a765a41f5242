"""Findings on MX records and hosts, on DANE, on the TLSRPT record, and beside what was before."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mtasts_resolver.findings import Severity
from mtasts_resolver.published.judge import SeenBefore
from mtasts_resolver.published.observed import (
    Observed,
    SeenAddress,
    SeenDane,
    SeenFailure,
    SeenHost,
)

from .setups import (
    DOCUMENT,
    GOOD,
    NOW,
    certificate,
    codes,
    failed_policy_host,
    named,
    the_one,
    tls,
    with_document,
    with_mode,
    with_mx,
    with_reports,
    without_dane,
    without_policy,
)

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
REJECTED = SeenFailure("certificate-names-another", "it is for elsewhere.example")
ELSEWHERE = tls("elsewhere.example", failure=REJECTED)

# -- MX records ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "code", "severity"),
    [
        ("mx-null", "domain-takes-no-mail", NOTE),
        ("domain-unknown", "domain-unknown", ERROR),
        ("dns-server-failure", "mx-lookup-failed", ERROR),
    ],
)
def test_mx_records_that_name_no_host(failure: str, code: str, severity: Severity) -> None:
    observed = replace(
        without_dane(), mx_hosts=(), mx_failure=SeenFailure(failure, "so it is"), dane="unknown"
    )
    finding = named(observed, code)
    assert (finding.severity, finding.about, finding.found) == (
        severity,
        "good.example",
        "so it is",
    )
    assert set(codes(observed)) <= {code, "report-address-affected"}


def test_of_a_domain_that_does_not_exist_nothing_else_is_missed() -> None:
    observed = without_dane(without_policy(with_reports()))
    failure = SeenFailure("domain-unknown", "the domain does not exist")
    assert codes(replace(observed, mx_hosts=(), mx_failure=failure)) == ["domain-unknown"]


def test_a_domain_that_is_its_own_mx_host() -> None:
    host = replace(GOOD.mx_hosts[0], preference=None)
    observed = replace(GOOD, mx_hosts=(host,))
    assert codes(observed) == ["mx-records-missing", "mx-pattern-without-host"]


def test_mx_host_outside_the_policy() -> None:
    renamed = replace(GOOD.mx_hosts[0], name="deep.two.mx.example", addresses=())
    observed = replace(GOOD, mx_hosts=(*GOOD.mx_hosts, renamed))
    finding = the_one(observed)
    assert (finding.code, finding.severity) == ("mx-host-outside-policy", ERROR)
    assert finding.about == "deep.two.mx.example"
    assert finding.found == "the policy names mx1.example, *.mx.example"


def test_nobody_is_outside_a_policy_that_is_none() -> None:
    other = replace(GOOD.mx_hosts[0], name="other.example", addresses=())
    observed = with_mode("none", replace(GOOD, mx_hosts=(other,)))
    assert codes(observed) == ["policy-none"]


def test_pattern_without_host() -> None:
    finding = the_one(replace(GOOD, mx_hosts=GOOD.mx_hosts[:1]))
    assert (finding.code, finding.severity) == ("mx-pattern-without-host", NOTE)
    assert finding.found == "*.mx.example"


def test_where_not_every_mx_host_is_known_a_pattern_may_fit_another() -> None:
    observed = replace(GOOD, mx_hosts=GOOD.mx_hosts[:1], more_mx_hosts=4)
    finding = the_one(observed)
    assert finding.code == "not-all-checked"
    assert finding.found == "MX hosts beyond the first 1: 4"


# -- MX hosts ------------------------------------------------------------------------------------

BAD_HOSTS = [
    ({"starttls": False, "tls": None}, "mx-host-without-starttls", ERROR),
    ({"failure": SeenFailure("tls-failed", "r"), "tls": None}, "mx-host-starttls-fails", ERROR),
    (
        {"failure": SeenFailure("starttls-refused", "r"), "tls": None},
        "mx-host-starttls-fails",
        ERROR,
    ),
    (
        {"failure": SeenFailure("starttls-injection", "r"), "tls": None},
        "mx-host-starttls-fails",
        ERROR,
    ),
    (
        {"tls": tls("x", certificate=None, failure=SeenFailure("tls-outdated", "r"))},
        "mx-host-tls-outdated",
        ERROR,
    ),
    ({"tls": ELSEWHERE}, "mx-host-certificate-names-another", ERROR),
    (
        {"tls": tls("mx1.example", certificate=certificate("mx1.example", days_left=20))},
        "mx-host-certificate-ends-soon",
        WARNING,
    ),
    (
        {"tls": tls("mx1.example", certificate=certificate("mx1.example", days_left=2))},
        "mx-host-certificate-about-to-end",
        ERROR,
    ),
]
FAILED = {"tls": None, "starttls": None}
OTHER_HOSTS = [
    ({"failure": SeenFailure("unreachable", "r"), **FAILED}, "mx-host-unreachable", WARNING),
    ({"failure": SeenFailure("smtp-invalid", "r"), **FAILED}, "mx-host-unreachable", WARNING),
    ({"failure": SeenFailure("smtp-refused", "554 no"), **FAILED}, "mx-host-refuses", WARNING),
    (
        {"failure": SeenFailure("address-forbidden", "r"), **FAILED},
        "mx-host-address-forbidden",
        WARNING,
    ),
    ({"tls": tls("mx1.example", outdated=("TLSv1",))}, "mx-host-takes-outdated-tls", NOTE),
]


@pytest.mark.parametrize(("changed", "code", "severity"), [*BAD_HOSTS, *OTHER_HOSTS])
def test_mx_host(changed: dict[str, object], code: str, severity: Severity) -> None:
    finding = named(with_mx(**changed), code)
    assert (finding.severity, finding.about) == (severity, "mx1.example")
    assert set(codes(with_mx(**changed))) <= {code, "report-address-affected"}


@pytest.mark.parametrize(("changed", "code", "_"), BAD_HOSTS)
@pytest.mark.parametrize("mode", ["testing", "none"])
def test_what_keeps_nobody_from_delivering_weighs_less(
    changed: dict[str, object], code: str, _: Severity, mode: str
) -> None:
    finding = named(with_mode(mode, with_mx(**changed)), code)
    plain = code == "mx-host-without-starttls"
    assert finding.severity is (WARNING if plain or mode == "testing" else NOTE)


@pytest.mark.parametrize(("changed", "code", "_"), BAD_HOSTS)
def test_without_mta_sts_nobody_verifies(
    changed: dict[str, object], code: str, _: Severity
) -> None:
    observed = without_dane(without_policy(with_mx(**changed)))
    plain = code == "mx-host-without-starttls"
    assert named(observed, code).severity is (WARNING if plain else NOTE)


def test_what_happens_to_mail_is_told_as_it_is() -> None:
    bad = with_mx(tls=ELSEWHERE)
    told = [
        named(observed, "mx-host-certificate-names-another").matters
        for observed in (
            bad,
            with_mode("testing", bad),
            with_mode("none", bad),
            replace(bad, policy_host=failed_policy_host("unreachable").policy_host),
        )
    ]
    assert told[0].startswith("Senders that enforce the policy do not deliver there")
    assert told[0].endswith("Senders that know DANE deliver all the same: its TLSA records fit.")
    assert "DANE" not in told[1]
    assert "the mail is delivered, and that is reported" in told[1]
    assert "No policy asks senders to verify" in told[2]
    assert "in their cache" in told[3]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (
            {"failure": SeenFailure("host-without-address", "r"), "addresses": ()},
            "mx-host-without-address",
        ),
        ({"failure": SeenFailure("dns-timeout", "r"), "addresses": ()}, "mx-host-lookup-failed"),
        (
            {
                "addresses": (
                    SeenAddress(address="10.0.0.1", failure=SeenFailure("address-forbidden", "r")),
                )
            },
            "mx-host-address-forbidden",
        ),
    ],
)
def test_without_another_host_mail_is_held(changed: dict[str, object], code: str) -> None:
    host = replace(GOOD.mx_hosts[0], **changed)
    assert named(replace(GOOD, mx_hosts=(host,)), code).severity is ERROR
    assert named(replace(GOOD, mx_hosts=(host, GOOD.mx_hosts[1])), code).severity is WARNING


def test_a_policy_that_cannot_be_had_may_be_in_caches() -> None:
    host = failed_policy_host("unreachable").policy_host
    observed = replace(with_mx(tls=ELSEWHERE), policy_host=host)
    assert named(observed, "mx-host-certificate-names-another").severity is WARNING


def test_some_addresses_of_an_mx_host_are_named() -> None:
    first, *others = GOOD.mx_hosts
    bad = replace(first.addresses[1], starttls=False, tls=None)
    host = replace(first, addresses=(first.addresses[0], bad))
    observed = replace(GOOD, mx_hosts=(host, *others))
    found = named(observed, "mx-host-without-starttls").found
    assert found == "it does not offer STARTTLS, at 2001:db8::25"


@pytest.mark.parametrize(
    ("changed", "code", "severity"),
    [
        ({"alias_of": "host.example"}, "mx-host-alias", NOTE),
        (
            {"failure": SeenFailure("host-name-invalid", "'_' is no host name"), "addresses": ()},
            "mx-host-name-invalid",
            ERROR,
        ),
        (
            {"failure": SeenFailure("host-without-address", "r"), "addresses": ()},
            "mx-host-without-address",
            WARNING,
        ),
        ({"failure": SeenFailure("dns-timeout", "r")}, "mx-host-lookup-failed", WARNING),
    ],
)
def test_what_dns_says_of_an_mx_host(
    changed: dict[str, object], code: str, severity: Severity
) -> None:
    host = replace(GOOD.mx_hosts[0], **changed)
    assert named(replace(GOOD, mx_hosts=(host, *GOOD.mx_hosts[1:])), code).severity is severity


def test_a_blocked_port_is_said_once_and_says_nothing_of_the_domain() -> None:
    observed = GOOD
    for _ in GOOD.mx_hosts:
        observed = with_mx(observed, failure=SeenFailure("connect-timeout", "r"), **FAILED)
        observed = replace(observed, mx_hosts=observed.mx_hosts[::-1])
    finding = the_one(replace(observed, smtp_blocked=True))
    assert (finding.code, finding.severity) == ("smtp-blocked", WARNING)
    assert finding.found == "no connection to mx1.example, two.mx.example"


def test_what_this_host_cannot_reach_is_no_failing_of_the_domain() -> None:
    observed = replace(with_mx(failure=SeenFailure("no-route", "r"), **FAILED), ipv6=False)
    finding = the_one(observed)
    assert (finding.code, finding.severity) == ("not-all-checked", WARNING)
    assert finding.found == "this host has no way to IPv6: 2"


def test_a_host_that_was_seen_at_one_address_is_known() -> None:
    first, *others = GOOD.mx_hosts
    late = SeenAddress(address="2001:db8::25", failure=SeenFailure("observation-timeout", "r"))
    host = replace(first, addresses=(first.addresses[0], late))
    finding = the_one(replace(GOOD, mx_hosts=(host, *others)))
    assert (finding.code, finding.severity) == ("not-all-checked", NOTE)
    assert finding.found == "addresses for which no time was left: 1"


# -- DANE ----------------------------------------------------------------------------------------


def with_dane(outcome: str, **changed: object) -> Observed:
    """Return the set-up with another finding of DANE on the first MX host."""
    first = SeenDane(host="mx1.example", outcome=outcome, detail="the detail")
    return replace(
        GOOD,
        dane="partial",
        dane_reason="hosts with TLSA records: 1 of 2",
        dane_hosts=(replace(first, **changed), GOOD.dane_hosts[1]),
    )


@pytest.mark.parametrize(
    ("observed", "code", "severity", "about", "found"),
    [
        (
            with_dane("usable TLSA records", fits=False, misfit="another key"),
            "tlsa-misfit",
            ERROR,
            "mx1.example",
            "another key",
        ),
        (
            with_dane("TLSA look-up failed"),
            "tlsa-lookup-failed",
            ERROR,
            "mx1.example",
            "the detail",
        ),
        (
            with_dane("TLSA records, none of them usable"),
            "tlsa-unusable",
            WARNING,
            "mx1.example",
            "the detail",
        ),
        (
            with_dane("no TLSA records"),
            "dane-partial",
            WARNING,
            "good.example",
            "hosts with TLSA records: 1 of 2",
        ),
        (
            replace(GOOD, dane="none", mx_authenticated=False),
            "mx-records-not-signed",
            NOTE,
            "good.example",
            "TLSA records of mx1.example, two.mx.example",
        ),
    ],
)
def test_dane(observed: Observed, code: str, severity: Severity, about: str, found: str) -> None:
    finding = named(observed, code)
    assert (finding.severity, finding.about, finding.found) == (severity, about, found)
    assert set(codes(observed)) <= {code, "report-address-affected"}


def test_where_dane_is_not_looked_up_it_has_no_findings() -> None:
    assert codes(replace(with_dane("TLSA look-up failed"), dane="off")) == []


# -- the TLSRPT record ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observed", "code", "severity", "found"),
    [
        (with_reports(), "no-report-record", NOTE, "no such record"),
        (with_reports("v=spf1 -all"), "no-report-record", NOTE, "no such record"),
        (
            with_reports(
                "v=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:c@b.example"
            ),
            "report-records-several",
            WARNING,
            "mailto:a@b",
        ),
        (with_reports("v=TLSRPTv1;"), "report-record-invalid", WARNING, "has no rua"),
        (with_reports("v=TLSRPTv2; rua=mailto:a@b"), "report-record-invalid", WARNING, "begins"),
        (
            with_reports("v=TLSRPTv1; rua=a@b.example"),
            "report-record-invalid",
            WARNING,
            "'rua=a@b.example' is malformed, from character 13 on",
        ),
        (
            with_reports("v=TLSRPTv1; rua=mailto:a@b.example!10m"),
            "report-record-invalid",
            WARNING,
            "is malformed",
        ),
        (
            with_reports("v=TLSRPTv1; rua=http://b.example/, mailto:a@b.example"),
            "report-uri-unusable",
            WARNING,
            "http://b.example/: the scheme is http",
        ),
        (with_reports("v=TLSRPTv1; rua=mailto:a"), "report-uri-unusable", WARNING, "no mail addr"),
        (with_reports("v=TLSRPTv1; rua=https:///x"), "report-uri-unusable", WARNING, "no host"),
        (with_reports("v=TLSRPTv1; rua=https://[/"), "report-uri-unusable", WARNING, "no host"),
        (
            with_reports(failure=SeenFailure("dns-timeout", "no answer")),
            "report-record-lookup-failed",
            WARNING,
            "no answer",
        ),
    ],
)
def test_report_record(observed: Observed, code: str, severity: Severity, found: str) -> None:
    finding = the_one(observed)
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.about == "_smtp._tls.good.example"
    assert found in finding.found


def test_name_servers_that_fail_are_told_once() -> None:
    failure = SeenFailure("dns-server-failure", "SERVFAIL")
    observed = with_reports(failure=failure)
    observed = replace(observed, record=replace(observed.record, texts=(), failure=failure))
    assert codes(observed) == ["policy-record-lookup-failed"]


def test_testing_without_reports_is_no_test() -> None:
    for reports in ((), ("v=TLSRPTv1; rua=http://a.example/",)):
        observed = with_mode("testing", with_reports(*reports))
        assert named(observed, "testing-without-reports").severity is WARNING
        assert "no-report-record" not in codes(observed)


def test_without_mta_sts_and_dane_nobody_misses_reports() -> None:
    assert codes(without_dane(without_policy(with_reports()))) == ["no-policy-record"]


def test_reports_that_go_to_the_domain_whose_mail_is_held() -> None:
    alone = with_reports("v=TLSRPTv1; rua=mailto:tlsrpt%2Ba@Good.Example")
    assert codes(alone) == []
    finding = named(with_mx(alone, tls=ELSEWHERE), "report-address-affected")
    assert finding.found == "tlsrpt+a@Good.Example"
    assert codes(with_mx(tls=ELSEWHERE)) == ["mx-host-certificate-names-another"]


# -- beside what was before ----------------------------------------------------------------------


def test_document_that_changed_under_the_same_id() -> None:
    before = SeenBefore(id="20261126", document=DOCUMENT.replace("1209600", "604800"))
    finding = the_one(GOOD, before)
    assert (finding.code, finding.severity) == ("policy-id-unchanged", WARNING)
    assert finding.found == "the id is 20261126, as it was with another policy"


def test_unchanged_id_is_worse_where_the_old_policy_holds_mail() -> None:
    before = SeenBefore(id="20261126", document=DOCUMENT.replace("mx1.example", "old.example"))
    finding = the_one(GOOD, before)
    assert (finding.code, finding.severity) == ("policy-id-unchanged", ERROR)
    assert finding.found.endswith("which does not name mx1.example")


@pytest.mark.parametrize(
    "before",
    [
        SeenBefore(id="other", document=DOCUMENT.replace("1209600", "604800")),
        SeenBefore(id="20261126", document=DOCUMENT.replace("\r\n", "\n") + "x: y\n"),
        SeenBefore(id="20261126", document="no policy"),
        SeenBefore(id="20261126"),
        SeenBefore(mode="testing", since=NOW - timedelta(days=365)),
    ],
)
def test_what_is_no_change_without_another_id(before: SeenBefore) -> None:
    assert codes(GOOD, before) == []


def test_testing_that_never_ends() -> None:
    observed = with_document(DOCUMENT.replace("enforce", "testing"))
    since = NOW - timedelta(days=31)
    finding = the_one(observed, SeenBefore(mode="testing", since=since))
    assert finding.code == "policy-testing-for-long"
    assert finding.severity is WARNING
    assert finding.found == "mode testing for 31 days, since 2026-10-26 or earlier"
    for before in (
        SeenBefore(mode="testing", since=NOW - timedelta(days=30)),
        SeenBefore(mode="enforce", since=since),
        SeenBefore(mode="testing"),
    ):
        assert codes(observed, before) == ["policy-testing"]


def test_an_mx_host_that_is_a_policy_host_too_is_one_of_each() -> None:
    host = SeenHost(name="mx1.example", preference=1, more_addresses=2)
    finding = the_one(replace(GOOD, mx_hosts=(host, *GOOD.mx_hosts[1:])))
    assert finding.found == "addresses beyond the first of a host: 2"
