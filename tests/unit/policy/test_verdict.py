"""The decision table, cell by cell."""

import pytest

from mtasts_resolver.policy.document import Mode, Policy
from mtasts_resolver.policy.verdict import Dane, Level, StsFinding, Verdict, decide

ENFORCE = StsFinding(Policy(Mode.ENFORCE, 86_400, ("mx.example.com",)))
TESTING = StsFinding(Policy(Mode.TESTING, 86_400, ("mx.example.com",)))
NONE = StsFinding(Policy(Mode.NONE, 86_400, ()))
ABSENT = StsFinding(None, "no TXT record", "no-record")
DNS_FAILED = StsFinding(None, "SERVFAIL for _mta-sts.x.example", "dns-failed", known=False)
NOTHING = (TESTING, NONE, ABSENT)

TABLE = [
    (Dane.REQUIRED, [ENFORCE, *NOTHING, DNS_FAILED], Level.DANE_ONLY),
    (Dane.PARTIAL, [ENFORCE], Level.SECURE),
    (Dane.PARTIAL, [*NOTHING, DNS_FAILED], Level.DANE),
    (Dane.UNKNOWN, [ENFORCE], Level.TEMP),
    (Dane.UNKNOWN, [*NOTHING, DNS_FAILED], Level.DANE),
    (Dane.NONE, [ENFORCE], Level.SECURE),
    (Dane.NONE, [*NOTHING, DNS_FAILED], Level.NOT_FOUND),
    (Dane.OFF, [ENFORCE], Level.SECURE),
    (Dane.OFF, [*NOTHING, DNS_FAILED], Level.NOT_FOUND),
]
CELLS = [(dane, sts, level) for dane, findings, level in TABLE for sts in findings]


@pytest.mark.row("C8")
@pytest.mark.parametrize(("dane", "sts", "level"), CELLS)
def test_decision_table(dane: Dane, sts: StsFinding, level: Level) -> None:
    verdict = decide(dane, sts)
    assert verdict.level is level
    assert verdict.policy is (sts.policy if level is Level.SECURE else None)
    assert bool(verdict.reason) is (level is Level.TEMP)


def test_table_has_every_cell() -> None:
    assert len(CELLS) == len(Dane) * 5


@pytest.mark.row("C8")
@pytest.mark.parametrize("dane", Dane)
def test_testing_is_enforced_where_the_map_says_so(dane: Dane) -> None:
    as_enforced = decide(dane, ENFORCE).level
    assert decide(dane, TESTING, enforce_testing=True).level is as_enforced
    assert decide(dane, NONE, enforce_testing=True) == decide(dane, NONE)
    assert decide(dane, ABSENT, enforce_testing=True) == decide(dane, ABSENT)


@pytest.mark.row("A4")
@pytest.mark.parametrize("dane", Dane)
def test_dns_failure_defers_where_the_administrator_chose_so(dane: Dane) -> None:
    verdict = decide(dane, DNS_FAILED, defer_on_dns_failure=True)
    if dane is Dane.REQUIRED:
        assert verdict == Verdict(Level.DANE_ONLY)
    else:
        assert verdict == Verdict(Level.TEMP, reason="SERVFAIL for _mta-sts.x.example")
    for sts in (ENFORCE, *NOTHING):
        assert decide(dane, sts, defer_on_dns_failure=True) == decide(dane, sts)
