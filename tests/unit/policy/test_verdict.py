"""The decision table, cell by cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy import (
    Dane,
    DaneFinding,
    Level,
    Mode,
    Policy,
    StsFinding,
    Verdict,
    decide,
)

ENFORCE = StsFinding(Policy(Mode.ENFORCE, 86_400, ("mx.example",)))
TESTING = StsFinding(Policy(Mode.TESTING, 86_400, ("mx.example",)))
NONE = StsFinding(Policy(Mode.NONE, 86_400, ()))
ABSENT = StsFinding(None, "no record", "no-record")
FAILED = StsFinding(None, "SERVFAIL", "dns-server-failure", known=False)

TABLE = {
    Dane.REQUIRED: (Level.DANE_ONLY, Level.DANE_ONLY, Level.DANE_ONLY),
    Dane.PARTIAL: (Level.SECURE, Level.DANE, Level.DANE),
    Dane.UNKNOWN: (Level.TEMP, Level.DANE, Level.DANE),
    Dane.NONE: (Level.SECURE, Level.NOT_FOUND, Level.NOT_FOUND),
    Dane.OFF: (Level.SECURE, Level.NOT_FOUND, Level.NOT_FOUND),
}

# What `dane: only` makes of it: no DANE, and nothing weaker where it may be required.
ONLY = {
    **TABLE,
    Dane.PARTIAL: (Level.SECURE, Level.NOT_FOUND, Level.NOT_FOUND),
    Dane.UNKNOWN: (Level.TEMP, Level.TEMP, Level.TEMP),
}

# From "as main.cf says" to "verified or not at all".
STRENGTH = {
    Level.NOT_FOUND: 0,
    Level.DANE: 1,
    Level.SECURE: 2,
    Level.DANE_ONLY: 2,
    Level.TEMP: 3,
}

findings = st.sampled_from([ENFORCE, TESTING, NONE, ABSENT, FAILED])
danes = st.sampled_from(list(Dane))


@pytest.mark.row("C3")
@pytest.mark.parametrize("opportunistic", [True, False])
@pytest.mark.parametrize("dane", list(Dane))
def test_the_table(dane: Dane, opportunistic: bool) -> None:
    def level(sts: StsFinding) -> Level:
        finding = DaneFinding(dane, "reason")
        return decide(finding, sts, opportunistic_dane=opportunistic).level

    enforced, otherwise, failed = (TABLE if opportunistic else ONLY)[dane]
    assert level(ENFORCE) is enforced
    assert {level(sts) for sts in (TESTING, NONE, ABSENT)} == {otherwise}
    assert level(FAILED) is failed


@pytest.mark.row("C8")
@pytest.mark.parametrize("dane", list(Dane))
def test_testing_is_enforced_only_where_the_administrator_asks_for_it(dane: Dane) -> None:
    assert decide(DaneFinding(dane, "reason"), TESTING).level is TABLE[dane][1]
    assert (
        decide(DaneFinding(dane, "reason"), TESTING, enforce_testing=True).level is TABLE[dane][0]
    )
    assert decide(DaneFinding(dane, "reason"), NONE, enforce_testing=True).level is TABLE[dane][1]


@pytest.mark.row("A4")
@pytest.mark.parametrize(
    ("sts", "claim"),
    [(ENFORCE, "DANE may apply before MTA-STS"), (ABSENT, "DANE may be required")],
)
def test_mail_that_waits_for_dane_says_so(sts: StsFinding, claim: str) -> None:
    dane = DaneFinding(Dane.UNKNOWN, "host mx.example: SERVFAIL")
    assert decide(dane, sts, opportunistic_dane=False) == Verdict(
        Level.TEMP, reason=f"{claim}, but its look-up failed: host mx.example: SERVFAIL"
    )


def test_an_administrator_may_defer_when_dns_fails() -> None:
    verdict = decide(DaneFinding(Dane.OFF), FAILED, defer_on_dns_failure=True)
    assert (verdict.level, verdict.reason) == (Level.TEMP, "SERVFAIL")
    assert (
        decide(DaneFinding(Dane.REQUIRED), FAILED, defer_on_dns_failure=True).level
        is Level.DANE_ONLY
    )
    assert decide(DaneFinding(Dane.OFF), ABSENT, defer_on_dns_failure=True).level is Level.NOT_FOUND


@pytest.mark.row("A4")
@given(danes, findings, st.booleans(), st.booleans(), st.booleans())
def test_what_a_verdict_carries(
    dane: Dane, sts: StsFinding, enforce_testing: bool, defer: bool, opportunistic: bool
) -> None:
    verdict = decide(
        DaneFinding(dane, "reason"),
        sts,
        enforce_testing=enforce_testing,
        defer_on_dns_failure=defer,
        opportunistic_dane=opportunistic,
    )
    assert opportunistic or verdict.level is not Level.DANE
    assert (verdict.policy is not None) == (verdict.level is Level.SECURE)
    assert (verdict.reason != "") == (verdict.level is Level.TEMP)


@given(danes, findings, st.booleans(), st.booleans())
def test_no_setting_makes_an_answer_weaker_than_the_table(
    dane: Dane, sts: StsFinding, enforce_testing: bool, defer: bool
) -> None:
    column = 0 if sts is ENFORCE else 2 if sts is FAILED else 1
    level = decide(
        DaneFinding(dane, "reason"),
        sts,
        enforce_testing=enforce_testing,
        defer_on_dns_failure=defer,
    ).level
    assert STRENGTH[level] >= STRENGTH[TABLE[dane][column]]
    if dane in (Dane.REQUIRED, Dane.UNKNOWN):
        assert level is not Level.SECURE
