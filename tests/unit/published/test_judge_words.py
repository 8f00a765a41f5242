"""What findings are about, and in which words; and where the lines are drawn, to the second."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mtasts_resolver.findings import Severity
from mtasts_resolver.published.judge import SeenBefore, judge
from mtasts_resolver.published.judge.words import at_most, listed
from mtasts_resolver.published.observed import Observed, SeenAddress, SeenFailure, SeenHost

from .setups import (
    DOCUMENT,
    GOOD,
    NOW,
    certificate,
    codes,
    named,
    the_one,
    tls,
    with_document,
    with_mode,
    with_mx,
    with_policy_host,
    with_policy_host_address,
    with_record,
    with_reports,
    without_dane,
    without_policy,
)

WEB, MX, RECORD, REPORTS = (
    *("mta-sts.good.example", "mx1.example"),
    *("_mta-sts.good.example", "_smtp._tls.good.example"),
)
DOMAIN, POLICY = "good.example", "policy of good.example"
FAILED = SeenFailure("dns-timeout", "no answer")
REJECTED = SeenFailure("certificate-issuer-unknown", "r")


def with_first_mx(**changed: object) -> Observed:
    return replace(GOOD, mx_hosts=(replace(GOOD.mx_hosts[0], **changed), GOOD.mx_hosts[1]))


def with_web(**changed: object) -> Observed:
    return replace(GOOD, policy_host=replace(GOOD.policy_host, **changed))


def cached(**headers: str) -> Observed:
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return with_policy_host(headers=(("content-type", "text/plain"), *given))


@pytest.mark.parametrize(
    ("observed", "code", "about", "found"),
    [
        (
            replace(without_policy(), domain="a.good.example"),
            "no-policy-record",
            RECORD,
            (
                "no such record; a policy of the domain above does not apply to this one "
                "(RFC 8461 §3.4); senders that know DANE verify the MX hosts all the same"
            ),
        ),
        (with_record("v=STSv1;"), "policy-record-invalid", RECORD, "'v=STSv1;': it has no id"),
        (
            with_web(addresses=(), failure=SeenFailure("host-without-address", "it has none")),
            "policy-host-without-address",
            WEB,
            "it has none",
        ),
        (with_web(failure=FAILED), "policy-host-lookup-failed", WEB, "no answer"),
        (with_policy_host(headers=()), "policy-media-type", WEB, "served without a type"),
        (
            with_policy_host(document=None),
            "policy-body",
            WEB,
            "it is longer than 64 KiB, or no UTF-8",
        ),
        (
            with_policy_host_address(document="nothing"),
            "policy-differs-by-address",
            WEB,
            "192.0.2.80: one that is not valid; 2001:db8::80: mode enforce, 2 mx, max_age 1209600",
        ),
        (with_document(DOCUMENT + "no field"), "policy-invalid", POLICY, None),
        (
            with_document(DOCUMENT.replace("mx:", "\nmx:", 1)),
            "policy-blank-lines",
            POLICY,
            "line 3",
        ),
        (with_mode("testing"), "policy-testing", POLICY, "mode testing"),
        (with_mode("none"), "policy-none", POLICY, "mode none"),
        (with_first_mx(alias_of="a.example"), "mx-host-alias", MX, "an alias of a.example"),
        (with_first_mx(failure=FAILED), "mx-host-lookup-failed", MX, "no answer"),
        (
            replace(GOOD, smtp_blocked=True),
            "smtp-blocked",
            DOMAIN,
            "no connection to mx1.example, two.mx.example",
        ),
        (
            replace(with_first_mx(more_addresses=3), more_mx_hosts=2),
            "not-all-checked",
            DOMAIN,
            "MX hosts beyond the first 2: 2; addresses beyond the first of a host: 3",
        ),
        (with_reports(), "no-report-record", REPORTS, "no such record"),
        (
            with_reports("rua=mailto:a@b.example"),
            "report-record-invalid",
            REPORTS,
            "'rua=mailto:a@b.example': no TXT record begins with 'v=TLSRPTv1;'",
        ),
        (
            with_reports("v=TLSRPTv1; rua=ftp://b.example:21/"),
            "report-uri-unusable",
            REPORTS,
            "ftp://b.example:21/: the scheme is ftp",
        ),
        (
            with_mx(
                with_reports("v=TLSRPTv1; rua=mailto:a@good.example?subject=b"),
                starttls=False,
                tls=None,
            ),
            "report-address-affected",
            REPORTS,
            "a@good.example",
        ),
        (
            with_policy_host(
                tls=tls(
                    WEB,
                    certificate=replace(certificate(), common_name=WEB),
                    failure=SeenFailure("certificate-expired", "r"),
                )
            ),
            "policy-host-certificate-without-dns-name",
            WEB,
            f"its common name ({WEB}) does not count",
        ),
    ],
)
def test_what_a_finding_is_about_and_says(
    observed: Observed, code: str, about: str, found: str | None
) -> None:
    finding = named(observed, code)
    assert finding.about == about
    assert found in (None, finding.found)


def test_findings_beside_what_was_before_are_about_the_policy() -> None:
    for document in (DOCUMENT.replace("1209600", "604800"), DOCUMENT.replace("mx1", "old")):
        assert the_one(GOOD, SeenBefore(id="20261126", document=document)).about == POLICY
    before = SeenBefore(mode="testing", since=NOW - timedelta(days=60))
    assert the_one(with_mode("testing"), before).about == POLICY


def test_a_way_out_that_is_lacking_is_named() -> None:
    no_route = SeenAddress(address="192.0.2.1", failure=SeenFailure("no-route", "r"))
    observed = with_first_mx(addresses=(GOOD.mx_hosts[0].addresses[0], no_route))
    for ways, words in (
        ({"ipv4": False, "ipv6": True}, "IPv4"),
        ({"ipv4": False, "ipv6": False}, "IPv4 or IPv6"),
        ({"ipv4": True, "ipv6": True}, "some addresses"),
    ):
        found = the_one(replace(observed, **ways)).found
        assert found == f"this host has no way to {words}: 1"


def test_plain_text_is_told_as_that_without_a_policy() -> None:
    observed = without_dane(without_policy(with_mx(starttls=False, tls=None)))
    finding = named(observed, "mx-host-without-starttls")
    assert finding.matters == "Mail to it goes in plain text: whoever is on the way can read it."


@pytest.mark.parametrize(
    ("observed", "is_cached"),
    [
        (cached(age="3600"), False),
        (cached(age="3601"), True),
        (cached(age="9" * 5_000), True),
        (cached(age="-5"), False),
        (cached(cache_control="max-age=3600, s-maxage=3601"), True),
        (cached(cache_control="no-cache, max-age=999999", age="999999"), False),
        (cached(cache_control="No-Store, max-age=999999"), False),
    ],
)
def test_an_hour_may_a_copy_be_served(observed: Observed, is_cached: bool) -> None:
    assert codes(observed) == ["policy-cached"] * is_cached


@pytest.mark.parametrize(
    ("left", "code"),
    [
        (timedelta(days=7), "about-to-end"),
        (timedelta(days=7, seconds=1), "ends-soon"),
        (timedelta(days=30), "ends-soon"),
        (timedelta(days=30, seconds=1), None),
    ],
)
def test_how_long_before_its_end_a_certificate_is_told(left: timedelta, code: str | None) -> None:
    shown = replace(certificate(WEB, lifetime=365), not_after=NOW + left)
    expected = [] if code is None else [f"policy-host-certificate-{code}"]
    assert codes(with_policy_host(tls=tls(WEB, certificate=shown))) == expected


def test_a_certificate_is_valid_to_its_last_second() -> None:
    shown = replace(certificate(WEB), not_after=NOW, not_before=NOW)
    observed = with_policy_host(tls=tls(WEB, certificate=shown, failure=REJECTED))
    assert codes(observed) == ["policy-host-certificate-untrusted"]


def test_an_address_with_nothing_does_not_hide_those_behind_it() -> None:
    first, second = GOOD.policy_host.addresses
    dark = SeenAddress(address="192.0.2.1", failure=SeenFailure("unreachable", "r"))
    other = replace(second, document=DOCUMENT.replace("1209600", "604800"))
    observed = with_web(addresses=(dark, replace(dark, address="192.0.2.2"), first, other))
    assert set(codes(observed)) == {"policy-host-address-unreachable", "policy-differs-by-address"}
    invalid = replace(first, document="nothing")
    assert "mx-host-outside-policy" in codes(
        replace(
            with_web(addresses=(invalid, first)),
            mx_hosts=(SeenHost(name="other.example", preference=1),),
        )
    )


def test_what_two_addresses_serve_is_told_once() -> None:
    bad = DOCUMENT.replace("1209600", "60")
    also = with_policy_host_address(document=bad + "x: y\n")
    second = replace(also.policy_host.addresses[1], document=bad)
    observed = with_web(addresses=(also.policy_host.addresses[0], second))
    assert codes(observed).count("policy-max-age-short") == 1


def test_five_things_are_named() -> None:
    assert listed([]) == ""
    assert listed(list("abcde")) == "a, b, c, d, e"
    assert listed(list("abcdef")) == "a, b, c, d, e and 1 more"


def test_a_finding_becomes_no_worse() -> None:
    (note,) = judge(with_mode("none"))
    assert at_most(note, Severity.ERROR) is note
    assert at_most(note, Severity.NOTE) is note
    assert at_most(note, Severity.OK).severity is Severity.OK
