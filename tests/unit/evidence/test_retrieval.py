"""How discoveries of policies ended in a period."""

from datetime import UTC
from typing import Any

from mtasts_resolver.control.values.counts import DailyCount
from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.evidence.daemonsources import TimeSpan
from mtasts_resolver.evidence.report import CountedRow
from mtasts_resolver.evidence.retrieval import ChangedRetrieval, CountedRetrieval

DAY = 86_400.0
TODAY = TimeSpan(0.0, DAY)


def counted(
    subject: str, outcome: str, count: int, *, name: str = "look-up", at: str = "00:03:00"
) -> DailyCount:
    return DailyCount(
        day="1970-01-01", subject=subject, name=name, outcome=outcome, count=count,
        since=f"1970-01-01T{at}Z", until="1970-01-01T23:59:00Z",
    )  # fmt: skip


def test_look_ups_and_refreshes_are_added_up_by_outcome() -> None:
    day = CountedRetrieval(TODAY)
    for each in (
        counted("daemon", "seconds", 86_390, name="running"),
        counted("policy", "found", 3),
        counted("policy", "found", 4, name="refresh"),
        counted("policy", "absent", 900),
        counted("policy", "unchanged", 70),
        counted("policy", "policy-body", 1),
        counted("policy", "dns-timeout", 2, name="refresh"),
        counted("policy", "policy-body", 5, name="refresh"),
        counted("dane", "dns-timeout", 99),
        counted("look-up", "secure", 99),
    ):
        day.add(each)
    found = day.result(UTC)
    assert found is not None
    assert (found.fetched, found.absent, found.since) == (7, 900, None)
    assert found.failed == (CountedRow("policy-body", 6), CountedRow("dns-timeout", 2))
    assert found.source == "the daemon's counts"


def test_it_says_since_when_and_how_much_of_the_time_was_counted() -> None:
    day = CountedRetrieval(TODAY)
    day.add(counted("daemon", "seconds", 21_600, name="running", at="12:00:00"))
    found = day.result(UTC)
    assert found is not None
    assert found.since == "1970-01-01T12:00:00+00:00"
    assert found.source == "the daemon's counts, of the 50.0% of that time in which it ran"


def test_where_nobody_counted_there_is_no_figure() -> None:
    assert CountedRetrieval(TODAY).result(UTC) is None


def changed(time: float, subject: str, event: str, **more: Any) -> BriefChange:
    return BriefChange(
        number=1, time=time, domain="a.example", subject=subject, event=event, **more
    )


def test_of_a_time_without_counts_changes_tell_something() -> None:
    day = ChangedRetrieval()
    for each in (
        changed(1, "policy", "found"),
        changed(2, "policy", "changed"),
        changed(3, "policy", "expired"),
        changed(4, "refresh", "failed", now="policy-body"),
        changed(5, "refresh", "recovered"),
        changed(6, "record", "gone", now="no-record"),
        changed(7, "answer", "secure"),
        changed(-1, "policy", "found"),
        changed(DAY, "policy", "found"),
        changed(DAY, "refresh", "failed", now="policy-body"),
    ):
        day.add(each)
    found = day.result(TODAY, begins=-9.0, zone=UTC)
    assert found is not None
    assert (found.fetched, found.since) == (3, None)
    assert found.failed == (CountedRow("no-record", 1), CountedRow("policy-body", 1))
    assert "no counts" in found.source
    later = day.result(TODAY, begins=60.0, zone=UTC)
    assert later is not None
    assert later.since == "1970-01-01T00:01:00+00:00"
    assert day.result(TODAY, begins=DAY, zone=UTC) is None
    assert day.result(TODAY, begins=None, zone=UTC) is None
