"""What holds for all findings: a perfect set-up has none, a hostile one a bounded number."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mtasts_resolver.findings import Severity
from mtasts_resolver.policy import Dane, Outcome
from mtasts_resolver.published.catalogue import CATALOGUE
from mtasts_resolver.published.judge import MAX_FINDINGS, SeenBefore, judge
from mtasts_resolver.published.observed import (
    Observed,
    SeenAddress,
    SeenCertificate,
    SeenDane,
    SeenFailure,
    SeenHost,
    SeenTexts,
    SeenTls,
)

from .setups import (
    DOCUMENT,
    GOOD,
    NOW,
    codes,
    failed_policy_host,
    with_document,
    with_mx,
    with_record,
    without_dane,
    without_policy,
)

KINDS = {kind.code: kind for kind in CATALOGUE}


def test_a_perfect_set_up_has_no_findings() -> None:
    assert judge(GOOD) == ()
    assert judge(without_dane()) == ()
    assert judge(replace(GOOD, dane="off", dane_hosts=(), mx_authenticated=False)) == ()


def test_what_is_known_from_before_and_is_the_same_is_no_finding() -> None:
    before = SeenBefore(id="20261126", document=DOCUMENT, mode="enforce", since=NOW)
    assert judge(GOOD, before) == ()


def test_without_a_visit_to_mx_hosts_nothing_is_said_of_them() -> None:
    hosts = tuple(
        replace(host, addresses=tuple(SeenAddress(address=seen.address) for seen in host.addresses))
        for host in GOOD.mx_hosts
    )
    dane = tuple(replace(seen, fits=None) for seen in GOOD.dane_hosts)
    assert judge(replace(GOOD, smtp=False, mx_hosts=hosts, dane_hosts=dane)) == ()


def test_the_worst_comes_first() -> None:
    observed = with_mx(starttls=False, tls=None)
    observed = replace(observed, record=replace(GOOD.record, alias_of="elsewhere.example"))
    assert codes(observed) == ["mx-host-without-starttls", "policy-record-alias"]


def test_each_kind_has_a_code_of_its_own_and_says_what_to_do() -> None:
    assert len(KINDS) == len(CATALOGUE)
    for kind in CATALOGUE:
        assert kind.code.replace("-", "").isalnum()
        assert kind.code == kind.code.lower()
        assert kind.severity is not Severity.OK
        assert kind.title[0].islower() or kind.title.startswith(("TLS", "DNSSEC"))
        assert kind.matters.endswith(".")


def test_a_domain_without_policy_is_told_once() -> None:
    assert codes(without_dane(without_policy())) == ["no-policy-record"]


def test_what_is_not_known_of_the_policy_makes_no_finding_on_mx_hosts() -> None:
    assert codes(failed_policy_host("unreachable")) == ["policy-host-unreachable"]
    assert codes(with_record("v=STSv1; id=not valid;")) == ["policy-record-invalid"]


# -- whatever is seen ----------------------------------------------------------------------------

TEXTS = st.text(max_size=20) | st.sampled_from(
    ["v=STSv1; id=1;", "v=STSv1;", "v=TLSRPTv1; rua=mailto:a@b", "a.example", "*.example", ""]
)
CODES = st.text(max_size=10) | st.sampled_from(
    ["unreachable", "no-route", "tls-failed", "tls-outdated", "mx-null", "certificate-expired"]
)
TIMES = st.datetimes(timezones=st.just(UTC))
FAILURES = st.none() | st.builds(SeenFailure, CODES, TEXTS)
DOCUMENTS = st.lists(
    st.sampled_from(DOCUMENT.split("\r\n"))
    | st.text(max_size=20)
    | st.sampled_from(["mode: testing", "mode: none", "mx: 1", "mx: a.", "max_age: 99999999999"]),
    max_size=12,
).map("\n".join)
CERTIFICATES = st.builds(
    SeenCertificate,
    dns_names=st.lists(TEXTS, max_size=3).map(tuple),
    more_names=st.integers(0, 3),
    common_name=TEXTS,
    issuer=TEXTS,
    not_before=TIMES,
    not_after=TIMES,
    key=TEXTS,
    sha256=TEXTS,
)
TLS = st.builds(
    SeenTls,
    version=TEXTS,
    cipher=TEXTS,
    outdated=st.lists(TEXTS, max_size=2).map(tuple),
    certificate=st.none() | CERTIFICATES,
    chain=st.lists(CERTIFICATES, max_size=1).map(tuple),
    failure=FAILURES,
)
ADDRESSES = st.builds(
    SeenAddress,
    address=TEXTS,
    failure=FAILURES,
    greeting=TEXTS,
    starttls=st.none() | st.booleans(),
    tls=st.none() | TLS,
    status=st.none() | st.integers(0, 999),
    headers=st.lists(
        st.tuples(st.sampled_from(["content-type", "location", "age", "cache-control"]), TEXTS),
        max_size=3,
    ).map(tuple),
    document=st.none() | DOCUMENTS,
)
HOSTS = st.builds(
    SeenHost,
    name=TEXTS,
    preference=st.none() | st.integers(0, 65_535),
    addresses=st.lists(ADDRESSES, max_size=3).map(tuple),
    more_addresses=st.integers(0, 3),
    failure=FAILURES,
    alias_of=st.none() | TEXTS,
)
RECORDS = st.builds(
    SeenTexts,
    name=TEXTS,
    texts=st.lists(TEXTS, max_size=3).map(tuple),
    ttl=st.floats(0, 1e9),
    alias_of=st.none() | TEXTS,
    failure=FAILURES,
)
DANE_HOSTS = st.builds(
    SeenDane,
    host=TEXTS,
    outcome=st.sampled_from([outcome.value for outcome in Outcome]) | TEXTS,
    detail=TEXTS,
    fits=st.none() | st.booleans(),
    misfit=TEXTS,
)
OBSERVED = st.builds(
    Observed,
    domain=TEXTS,
    at=TIMES,
    record=RECORDS,
    reports=RECORDS,
    policy_host=HOSTS,
    mx_hosts=st.lists(HOSTS, max_size=3).map(tuple),
    more_mx_hosts=st.integers(0, 3),
    mx_failure=FAILURES,
    mx_authenticated=st.booleans(),
    dane=st.sampled_from([dane.value for dane in Dane]) | TEXTS,
    dane_reason=TEXTS,
    dane_hosts=st.lists(DANE_HOSTS, max_size=3).map(tuple),
    smtp_blocked=st.booleans(),
    ipv4=st.booleans(),
    ipv6=st.booleans(),
)
BEFORE = st.none() | st.builds(
    SeenBefore,
    id=TEXTS,
    document=DOCUMENTS,
    mode=TEXTS,
    since=st.none() | TIMES,
)


@given(observed=OBSERVED, before=BEFORE)
def test_whatever_is_seen_it_is_judged(observed: Observed, before: SeenBefore | None) -> None:
    findings = judge(observed, before)
    ranks = [finding.severity.rank for finding in findings]
    assert ranks == sorted(ranks, reverse=True)
    for finding in findings:
        kind = KINDS[finding.code]
        assert finding.severity.rank <= kind.severity.rank
        assert finding.action == kind.action
        assert (
            finding.matters == kind.matters
            or finding.severity.rank < kind.severity.rank
            or (finding.code.startswith("mx-host-"))
        )
        assert len(finding.found) <= 4_000


@given(document=DOCUMENTS | st.text())
def test_what_a_policy_makes_us_say_is_printable_and_bounded(document: str) -> None:
    for finding in judge(with_document(document)):
        assert finding.found.isprintable()
        assert len(finding.found) <= 1_000


def test_a_domain_with_all_that_can_be_wrong_has_a_bounded_number_of_findings() -> None:
    bad = SeenHost(
        name="h" * 63 + ".example",
        preference=1,
        alias_of="alias.example",
        addresses=tuple(
            SeenAddress(
                address=f"192.0.2.{number}",
                starttls=number % 2 == 0,
                failure=SeenFailure("unreachable", f"reason {number}") if number % 3 else None,
                tls=SeenTls(
                    version="TLSv1.2",
                    cipher="",
                    outdated=(f"TLSv1.{number}",),
                    certificate=None,
                    failure=SeenFailure("certificate-invalid", f"reason {number}"),
                ),
            )
            for number in range(200)
        ),
    )
    assert len(judge(replace(GOOD, mx_hosts=(bad,) * 200))) == MAX_FINDINGS


@pytest.mark.parametrize("shift", [timedelta(0), timedelta(days=-400), timedelta(days=400)])
def test_the_time_is_that_of_the_look(shift: timedelta) -> None:
    observed = replace(GOOD, at=datetime(2026, 11, 26, 12, tzinfo=UTC) + shift)
    # A certificate that was found valid is not judged anew by another clock, but for its end.
    assert all(code.endswith(("about-to-end", "ends-soon")) for code in codes(observed))
