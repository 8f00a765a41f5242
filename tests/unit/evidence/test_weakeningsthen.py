"""From when to when mail was less protected."""

from typing import Any

import pytest

from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.evidence import weakeningsthen
from mtasts_resolver.evidence.weakenings import PastWeakening
from mtasts_resolver.evidence.weakeningsthen import WeakeningsThen

A, B = "a.example", "b.example"


def change(time: float, subject: str, event: str, domain: str = A, **more: Any) -> BriefChange:
    return BriefChange(number=1, time=time, domain=domain, subject=subject, event=event, **more)


def found(*changes: BriefChange, since: float = 0, until: float = 100) -> tuple[PastWeakening, ...]:
    weakenings = WeakeningsThen()
    for each in reversed(changes):
        weakenings.add(each)
    return weakenings.between(since, until)


def lost(time: float, **more: Any) -> BriefChange:
    return change(time, "record", "gone", now="no-record", weakened=("record-gone",), **more)


def test_it_lasts_until_the_same_thing_is_whole_again() -> None:
    weakenings = found(
        lost(1),
        change(2, "dane", "partial", was="required", now="partial", weakened=("dane-lost",)),
        change(3, "policy", "changed", now="enforce"),
        lost(4, domain=B),
        change(5, "record", "back"),
        change(6, "dane", "unknown", now="unknown"),
        change(7, "dane", "required", now="required"),
        lost(8),
        change(9, "policy", "changed", was="x", now="y", weakened=("mode",), reason="why"),
        change(10, "policy", "changed", now="testing"),
    )
    assert [(each.domain, each.weakened, each.since, each.until) for each in weakenings] == [
        (A, ("record-gone",), 1, 5),
        (A, ("dane-lost",), 2, 7),
        (B, ("record-gone",), 4, None),
        (A, ("record-gone",), 8, None),
        (A, ("mode",), 9, None),
    ]
    assert (weakenings[-1].was, weakenings[-1].now, weakenings[-1].reason) == ("x", "y", "why")


def test_what_began_in_the_time_counts_though_it_ended_later() -> None:
    changes = (lost(1), lost(2, domain=B), change(9, "record", "back", B))
    assert [(each.domain, each.until) for each in found(*changes, since=2, until=3)] == [(B, 9)]


def test_they_are_bounded_and_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weakeningsthen, "MAX_WEAKENINGS", 2)
    weakenings = WeakeningsThen()
    for time in range(9, 4, -1):
        weakenings.add(lost(time))
    assert [each.since for each in weakenings.between(0, 100)] == [8, 9]
    assert weakenings.left_out == 3
