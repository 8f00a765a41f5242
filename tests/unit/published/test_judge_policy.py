"""Findings on the policy record, the policy host, and the policy document."""

import pytest
from msgspec.structs import replace

from mtasts_resolver.findings import Severity
from mtasts_resolver.published.judge import judge
from mtasts_resolver.published.observed import Observed, SeenAddress, SeenFailure, SeenHost

from .setups import (
    DOCUMENT,
    GOOD,
    certificate,
    codes,
    failed_policy_host,
    named,
    the_one,
    tls,
    with_document,
    with_policy_host,
    with_policy_host_address,
    with_record,
    without_dane,
    without_policy,
)

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


# -- the record ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observed", "code", "severity", "found"),
    [
        (with_record("v=spf1 -all"), "policy-without-record", ERROR, "serves a policy"),
        (with_record("v=STSv1; id=1", "v=STSv1; id=1"), "policy-records-several", ERROR, "2 rec"),
        (with_record("v=STSv10; id=1"), "policy-record-version-wrong", ERROR, "'v=STSv10; id=1'"),
        (with_record("V=STSV1; id=1"), "policy-record-version-wrong", ERROR, "V=STSV1"),
        (with_record(" v=STSv1; id=1"), "policy-record-version-wrong", ERROR, "' v=STSv1; id=1'"),
        (with_record('"v=STSv1; id=1"'), "policy-record-version-wrong", ERROR, "v=STSv1"),
        (with_record("v=STSv1 id=1"), "policy-record-version-wrong", ERROR, "v=STSv1 id=1"),
        (with_record("id=1"), "policy-record-version-wrong", ERROR, "id=1"),
        (with_record("v=STSv1; id=2026-11-26"), "policy-record-invalid", ERROR, "character 10 on"),
        (with_record("v=STSv1;  a=1; id=é"), "policy-record-invalid", ERROR, "character 16 on"),
        (with_record("v=STSv1;"), "policy-record-invalid", ERROR, "it has no id"),
        (with_record("v=STSv1 ; id=1"), "policy-record-space", WARNING, "v=STSv1 ;"),
        (
            with_record("v=STSv1; id=1; mode=enforce; id=2"),
            "policy-record-fields-ignored",
            NOTE,
            "'mode=enforce', 'id=2'",
        ),
        (
            with_record(*GOOD.record.texts, alias_of="_mta-sts.host.example"),
            "policy-record-alias",
            NOTE,
            "an alias of _mta-sts.host.example",
        ),
        (
            with_record(*GOOD.record.texts, ttl=86_400.0),
            "policy-record-ttl-long",
            NOTE,
            "1d or longer",
        ),
        (
            with_record(failure=SeenFailure("dns-server-failure", "SERVFAIL")),
            "policy-record-lookup-failed",
            ERROR,
            "SERVFAIL",
        ),
    ],
)
def test_policy_record(observed: Observed, code: str, severity: Severity, found: str) -> None:
    finding = the_one(observed)
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.about == "_mta-sts.good.example"
    assert found in finding.found


def test_foreign_texts_beside_the_record_are_nothing_to_tell_of() -> None:
    assert codes(with_record("v=spf1 -all", *GOOD.record.texts)) == []


def test_no_policy_record() -> None:
    finding = the_one(without_dane(without_policy()))
    assert (finding.code, finding.severity) == ("no-policy-record", WARNING)
    assert "above" not in finding.found


def test_no_policy_record_is_less_where_dane_protects() -> None:
    finding = the_one(without_policy())
    assert (finding.code, finding.severity) == ("no-policy-record", NOTE)
    assert "DANE" in finding.found


def test_a_domain_below_another_hears_that_policies_are_not_inherited() -> None:
    observed = replace(without_dane(without_policy()), domain="sub.good.example")
    assert "of the domain above does not apply" in the_one(observed).found


def test_an_alias_of_a_record_that_is_gone_is_told() -> None:
    finding = the_one(with_record(alias_of="_mta-sts.host.example"))
    assert finding.code == "policy-without-record"
    assert "no such record at _mta-sts.host.example, of which it is an alias" in finding.found


def test_a_domain_that_takes_no_mail_needs_no_policy() -> None:
    observed = replace(
        without_policy(),
        reports=replace(GOOD.reports, texts=()),
        mx_hosts=(),
        mx_failure=SeenFailure("mx-null", "its MX record is null"),
    )
    finding = the_one(observed)
    assert (finding.code, finding.severity) == ("domain-takes-no-mail", NOTE)


# -- the policy host -----------------------------------------------------------------------------

HEADERS = (("content-type", "text/plain"),)


@pytest.mark.parametrize(
    ("observed", "code", "severity", "found"),
    [
        (failed_policy_host("unreachable"), "policy-host-unreachable", ERROR, "so it is"),
        (failed_policy_host("connect-timeout"), "policy-host-unreachable", ERROR, "so it is"),
        (failed_policy_host("address-forbidden"), "policy-host-address-forbidden", ERROR, "so"),
        (failed_policy_host("tls-failed"), "policy-host-tls-failed", ERROR, "so it is"),
        (failed_policy_host("policy-body"), "policy-body", ERROR, "so it is"),
        (
            with_policy_host(failure=SeenFailure("policy-body", "so it is"), document=None),
            "policy-body",
            ERROR,
            "so it is",
        ),
        (with_policy_host(document=None), "policy-body", ERROR, "64 KiB, or no UTF-8"),
        (
            with_policy_host(status=301, headers=(("location", "https://www.example/"),)),
            "policy-redirected",
            ERROR,
            "status 301, to https://www.example/",
        ),
        (with_policy_host(status=404, document=None), "policy-status", ERROR, "status 404"),
        (with_policy_host(status=304, document=None), "policy-status", ERROR, "status 304"),
        (with_policy_host(headers=()), "policy-media-type", ERROR, "without a type"),
        (
            with_policy_host(headers=(("content-type", "application/octet-stream"),)),
            "policy-media-type",
            ERROR,
            "'application/octet-stream'",
        ),
        (
            with_policy_host(headers=(*HEADERS, ("cache-control", "public, max-age=86400"))),
            "policy-cached",
            NOTE,
            "1d",
        ),
        (with_policy_host(headers=(*HEADERS, ("age", "7200"))), "policy-cached", NOTE, "2h"),
        (
            with_policy_host(tls=tls("mta-sts.good.example", outdated=("TLSv1", "TLSv1.1"))),
            "policy-host-takes-outdated-tls",
            NOTE,
            "TLSv1, TLSv1.1",
        ),
        (
            with_policy_host(
                tls=tls("x", certificate=None, failure=SeenFailure("tls-outdated", "TLSv1.1 only")),
                status=None,
                document=None,
            ),
            "policy-host-tls-outdated",
            ERROR,
            "TLSv1.1 only",
        ),
    ],
)
def test_policy_host(observed: Observed, code: str, severity: Severity, found: str) -> None:
    finding = the_one(observed)
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.about == "mta-sts.good.example"
    assert found in finding.found
    assert "192.0.2.80" not in finding.found  # it is so everywhere


@pytest.mark.parametrize(
    ("changed", "code", "severity"),
    [
        ({"failure": SeenFailure("unreachable", "r")}, "policy-host-address-unreachable", WARNING),
        (
            {"failure": SeenFailure("address-forbidden", "r")},
            "policy-host-address-forbidden",
            WARNING,
        ),
        ({"failure": SeenFailure("tls-failed", "r")}, "policy-host-tls-failed", WARNING),
        ({"failure": SeenFailure("no-route", "r")}, "not-all-checked", NOTE),
        ({"failure": SeenFailure("observation-timeout", "r")}, "not-all-checked", NOTE),
        ({"status": 503}, "policy-status", ERROR),
    ],
)
def test_one_address_of_the_policy_host(
    changed: dict[str, object], code: str, severity: Severity
) -> None:
    failed = {"tls": None, "status": None, "headers": (), "document": None} | changed
    finding = the_one(with_policy_host_address(**failed))
    assert (finding.code, finding.severity) == (code, severity)
    if code != "not-all-checked":
        assert finding.found.endswith(", at 192.0.2.80")


def test_headers_that_keep_copies_short_are_no_finding() -> None:
    for value in ("no-cache", "no-store, max-age=999999", "max-age=600", "public"):
        headers = (*HEADERS, ("cache-control", value))
        assert codes(with_policy_host(headers=headers)) == []


def test_policy_host_without_address() -> None:
    host = SeenHost(
        name="mta-sts.good.example", failure=SeenFailure("host-without-address", "does not exist")
    )
    assert the_one(replace(GOOD, policy_host=host)).code == "policy-host-without-address"


def test_a_family_of_addresses_that_cannot_be_looked_up() -> None:
    failure = SeenFailure("dns-timeout", "AAAA: no answer")
    host = replace(GOOD.policy_host, failure=failure)
    finding = the_one(replace(GOOD, policy_host=host))
    assert (finding.code, finding.severity) == ("policy-host-lookup-failed", WARNING)
    nothing = SeenHost(name=host.name, failure=failure)
    assert the_one(replace(GOOD, policy_host=nothing)).severity is ERROR


def test_a_proxy_has_no_address_to_name() -> None:
    (seen, _) = GOOD.policy_host.addresses
    host = replace(
        GOOD.policy_host, addresses=(replace(seen, address="", status=404),), through_proxy=True
    )
    assert the_one(replace(GOOD, policy_host=host)).found == "status 404"


def test_different_policies_at_different_addresses() -> None:
    finding = named(
        with_policy_host_address(document=DOCUMENT.replace("enforce", "none")),
        "policy-differs-by-address",
    )
    assert finding.found == (
        "192.0.2.80: mode none, 2 mx, max_age 1209600; "
        "2001:db8::80: mode enforce, 2 mx, max_age 1209600"
    )


def test_the_same_policy_in_other_words_is_the_same() -> None:
    assert codes(with_policy_host_address(document=DOCUMENT.replace("\r\n", "\n"))) == []


def test_a_valid_and_an_invalid_policy_at_different_addresses() -> None:
    assert set(codes(with_policy_host_address(document="nothing"))) == {
        "policy-differs-by-address",
        "policy-invalid",
    }


def test_a_policy_host_of_a_domain_without_policy_is_nobodys_business() -> None:
    page = SeenAddress(address="192.0.2.80", status=200, document="<html>")
    observed = without_policy()
    host = replace(observed.policy_host, failure=None, addresses=(page,))
    assert codes(replace(observed, policy_host=host)) == ["no-policy-record"]


# -- its certificate -----------------------------------------------------------------------------

HOST = "mta-sts.good.example"


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (tls(HOST, failure=SeenFailure("certificate-expired", "r")), "expired"),
        (tls(HOST, failure=SeenFailure("certificate-not-yet-valid", "r")), "not-yet-valid"),
        (tls("a.b", failure=SeenFailure("certificate-names-another", "r")), "names-another"),
        (
            tls(
                HOST,
                certificate=certificate(),
                failure=SeenFailure("certificate-names-another", "r"),
            ),
            "without-dns-name",
        ),
        (tls(HOST, failure=SeenFailure("certificate-issuer-unknown", "r")), "untrusted"),
        (tls(HOST, failure=SeenFailure("certificate-self-signed", "r")), "untrusted"),
        (tls(HOST, failure=SeenFailure("certificate-invalid", "r")), "untrusted"),
        (
            tls(HOST, chain=(), failure=SeenFailure("certificate-issuer-unknown", "r")),
            "chain-incomplete",
        ),
        (tls(HOST, certificate=certificate(HOST, days_left=22)), "ends-soon"),
        (tls(HOST, certificate=certificate(HOST, days_left=6.9)), "about-to-end"),
        (tls(HOST, certificate=certificate(HOST, days_left=29, lifetime=365)), "ends-soon"),
        (tls(HOST, certificate=certificate(HOST, days_left=1.4, lifetime=6)), "ends-soon"),
        (tls(HOST, certificate=certificate(HOST, days_left=0.7, lifetime=6)), "about-to-end"),
    ],
)
def test_policy_host_certificate(shown: object, code: str) -> None:
    finding = the_one(with_policy_host(tls=shown))
    assert finding.code == f"policy-host-certificate-{code}"
    assert finding.severity is (WARNING if code == "ends-soon" else ERROR)
    assert finding.found == "r" or finding.found.startswith("it ends in ")


@pytest.mark.parametrize(("left", "lifetime"), [(23, 90), (31, 365), (1.6, 6), (12, 47)])
def test_a_certificate_that_will_be_renewed_in_time_is_no_finding(
    left: float, lifetime: float
) -> None:
    shown = tls(HOST, certificate=certificate(HOST, days_left=left, lifetime=lifetime))
    assert codes(with_policy_host(tls=shown)) == []


def test_all_that_is_wrong_with_a_certificate_is_told() -> None:
    rejected = SeenFailure("certificate-issuer-unknown", "nobody knows who issued it")
    bad = certificate("www.example", days_left=-2)
    found = codes(with_policy_host(tls=tls(HOST, certificate=bad, failure=rejected)))
    assert found == [
        "policy-host-certificate-untrusted",
        "policy-host-certificate-expired",
        "policy-host-certificate-names-another",
    ]


def test_a_name_beyond_those_that_are_kept_may_be_the_right_one() -> None:
    rejected = SeenFailure("certificate-self-signed", "self-signed")
    many = replace(certificate("www.example"), more_names=80)
    assert codes(with_policy_host(tls=tls(HOST, certificate=many, failure=rejected))) == [
        "policy-host-certificate-untrusted"
    ]


# -- the document --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "code", "severity", "found"),
    [
        (DOCUMENT + "mode: testing\n", "policy-field-repeated", WARNING, "2: 'enforce', 6: 'test"),
        (DOCUMENT + "mx_host: a\nx: y\n", "policy-fields-unknown", NOTE, "line 6: mx_host, line 7"),
        (DOCUMENT + "mx: 192.0.2.1\n", "policy-mx-unusable", WARNING, "'192.0.2.1'"),
        (
            DOCUMENT.replace("mx1.example", "mx1.example."),
            "policy-mx-final-dot",
            WARNING,
            "line 3: 'mx1.example.'",
        ),
        ("\n" + DOCUMENT.replace("mx: *", "\nmx: *"), "policy-blank-lines", NOTE, "lines 1, 5"),
        (DOCUMENT.replace("1209600", "3600"), "policy-max-age-short", WARNING, "3600 (1h)"),
        (DOCUMENT.replace("1209600", "0"), "policy-max-age-short", WARNING, "max_age 0 (0s)"),
        (DOCUMENT.replace("1209600", "86400"), "policy-max-age-below-weeks", NOTE, "(1d)"),
        (DOCUMENT.replace("1209600", "31557601"), "policy-max-age-too-long", WARNING, "31557601"),
        (DOCUMENT.replace("enforce", "testing"), "policy-testing", NOTE, "mode testing"),
        (DOCUMENT.replace("enforce", "none"), "policy-none", NOTE, "mode none"),
    ],
)
def test_valid_document(document: str, code: str, severity: Severity, found: str) -> None:
    finding = the_one(with_document(document))
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.about == "policy of good.example"
    assert found in finding.found


@pytest.mark.parametrize(
    "document",
    [
        DOCUMENT,
        DOCUMENT.replace("\r\n", "\n"),
        DOCUMENT.replace("\r\n", " \r\n"),
        DOCUMENT + "\r\n\n",
        DOCUMENT.rstrip(),
        DOCUMENT + "mx: mx1.example\n",
        DOCUMENT.replace("1209600", "604800"),
        DOCUMENT.replace("1209600", "31557600"),
        DOCUMENT.replace("mx1", "MX1"),
    ],
)
def test_document_that_is_fine(document: str) -> None:
    assert codes(with_document(document)) == []


@pytest.mark.parametrize("mode", ["testing", "none"])
def test_max_age_does_not_matter_before_and_after(mode: str) -> None:
    document = DOCUMENT.replace("enforce", mode).replace("1209600", "60")
    assert codes(with_document(document)) == [f"policy-{mode}"]


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        ("", ["the document is empty"]),
        ("<html>\n<body>\n", ["line 1: '<html>' is not 'name: value'"]),
        ("version: STSv1", ["there is no mode", "there is no max_age"]),
        (DOCUMENT.replace("mode", "Mode"), ["there is no mode, but 'Mode' in line 2"]),
        (DOCUMENT.replace("max_age", "max-age"), ["there is no max_age, but 'max-age' in line 5"]),
        (DOCUMENT.replace("mode: ", "mode = "), ["line 2: 'mode = enforce' is not 'name: value'"]),
        ("\ufeff" + DOCUMENT, ["line 1: it begins with a byte order mark"]),
        (
            DOCUMENT.replace("STSv1", "STSv2").replace("1209600", "1_000").replace("mx1", "m x"),
            [
                "line 1: the version is 'STSv2', not 'STSv1'",
                "line 3: the mx 'm x.example' is not a host name or '*.' and one",
                "line 5: max_age '1_000' is not a number of seconds",
            ],
        ),
        (
            DOCUMENT.replace("mx1.example", "bücher.example"),
            ["line 3: the mx 'b\\xfccher.example' is not a host name or '*.' and one"],
        ),
        (
            "version: STSv1\nmode: enforce\nmx: 192.0.2.1\nmax_age: 1209600",
            ["there is no mx that can match an MX host, which mode enforce requires"],
        ),
        (
            DOCUMENT + "".join(f"mx: m{number}.example\n" for number in range(99)),
            ["it has 101 mx patterns; 100 are allowed"],
        ),
        ("x\n" * 1_001, ["it has 1,001 lines; 1,000 are allowed"]),
    ],
)
def test_invalid_document(document: str, faults: list[str]) -> None:
    findings = judge(with_document(document))
    assert {finding.code for finding in findings} == {"policy-invalid"}
    assert [finding.found for finding in findings] == faults


def test_ten_faults_of_a_document_are_told() -> None:
    document = DOCUMENT + "".join(f"fault {number}\n" for number in range(100))
    assert codes(with_document(document)) == ["policy-invalid"] * 10
