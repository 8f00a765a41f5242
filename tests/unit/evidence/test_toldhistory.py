"""What Postfix was told, made of changes."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.evidence import toldhistory
from mtasts_resolver.evidence.told import UNKNOWN, Told
from mtasts_resolver.evidence.toldhistory import STOPPED_BRIEFLY, ToldHistory, Usage

A, B = "a.example", "b.example"
HOUR = 3_600.0
NOBODY = Usage({}, {}, None, None)
SECURE, DANE_ONLY, NOTFOUND = (
    Told("secure", "mta-sts"),
    Told("dane-only", "dane"),
    Told("notfound", ""),
)


def change(time: float, subject: str, event: str, domain: str = "", **more: Any) -> BriefChange:
    return BriefChange(number=0, time=time, domain=domain, subject=subject, event=event, **more)


def answer(
    time: float, event: str, domain: str = A, *, of: str = "default", **more: Any
) -> BriefChange:
    more = {"hop": domain, **more}
    return change(time, "answer", event, domain, map=of, now=event, **more)


def memory(
    *changes: BriefChange,
    whole: bool = True,
    now: float | None = 100 * HOUR,
    usage: Usage = NOBODY,
    map_name: str | None = None,
    first_number: int = 1,
) -> ToldHistory:
    """Return a memory of changes, the first one first."""
    told = ToldHistory()
    for number, each in reversed(list(enumerate(changes, first_number))):
        fields = {name: getattr(each, name) for name in each.__struct_fields__}
        told.add(BriefChange(**{**fields, "number": number}))
    told.finish(whole=whole, now=now, usage=usage, map_name=map_name)
    return told


def test_between_two_changes_the_first_one_was_told() -> None:
    told = memory(
        change(0, "daemon", "started"),
        answer(HOUR, "secure"),
        answer(2 * HOUR, "temp", was="secure"),
        answer(3 * HOUR, "dane-only", was="temp"),
        answer(3 * HOUR, "secure", B),
    )
    assert [told.told(A, hours * HOUR) for hours in (0.5, 1, 1.9, 2, 3, 99)] == [
        *(UNKNOWN, SECURE, SECURE, Told("temp", ""), DANE_ONLY, DANE_ONLY)
    ]
    assert told.told(B, 1.5 * HOUR) == NOTFOUND
    assert told.told("c.example", 4 * HOUR) == NOTFOUND


def test_a_whole_second_of_a_log_may_be_any_time_within_it() -> None:
    """The first mail to a domain, of which Postfix was told within the second of its line."""
    told = memory(answer(HOUR + 0.3, "secure"), answer(2 * HOUR, "notfound", was="secure"))
    assert told.told(A, HOUR) == SECURE
    assert told.told(A, HOUR + 0.2) == UNKNOWN
    assert told.told(A, 2 * HOUR - 1) == SECURE


def test_what_was_before_the_first_change_that_change_tells() -> None:
    told = memory(answer(0, "dane", B), answer(2 * HOUR, "notfound", was="secure match=x"))
    assert told.told(A, HOUR) == SECURE
    assert told.told(A, 2 * HOUR) == NOTFOUND


@pytest.mark.parametrize(
    "told",
    [
        memory(),
        memory(change(0, "daemon", "started")),  # and nobody has asked
        memory(change(0, "daemon", "started"), answer(HOUR, "secure", B, given=False)),
        memory(answer(0, "secure", B), whole=False),
        memory(answer(2 * HOUR, "secure", B)),  # which begins later
        memory(answer(0, "secure", B), now=0.5 * HOUR),
        memory(answer(0, "secure", B), now=None),
    ],
    ids=["empty", "never asked", "only looked at", "cut short", "later", "ended", "end unknown"],
)
def test_where_the_history_does_not_reach_nothing_is_told(told: ToldHistory) -> None:
    assert told.told(A, HOUR) == UNKNOWN
    assert told.told(A, None) == UNKNOWN


def test_of_a_history_that_was_cut_short_its_changes_are_told() -> None:
    told = memory(answer(0, "secure"), whole=False)
    assert (told.told(A, HOUR), told.told(B, HOUR)) == (SECURE, UNKNOWN)


def test_counts_tell_when_the_daemon_was_asked() -> None:
    usage = Usage({"default": 5}, {"default": 1}, HOUR, 4 * HOUR)
    told = memory(change(0, "daemon", "started"), now=None, usage=usage)
    assert [told.told(A, hours * HOUR).action for hours in (0.5, 1, 4, 5)] == [
        *("", "notfound", "notfound", "")
    ]
    assert memory(usage=usage, now=None).told(A, 2 * HOUR) == NOTFOUND  # no change at all


def test_a_daemon_that_was_stopped_told_nobody_anything() -> None:
    told = memory(
        answer(0, "secure"),
        change(HOUR, "daemon", "stopped"),
        change(3 * HOUR, "daemon", "started"),
        change(4 * HOUR, "daemon", "stopped"),
        change(4 * HOUR + 2, "daemon", "started"),
        change(5 * HOUR, "daemon", "started"),  # it was killed before
        change(6 * HOUR, "daemon", "stopped"),
    )
    known = [0.5, 1, 1 + STOPPED_BRIEFLY / HOUR / 2, 3, 3.5, 4, 4.0001, 4.5, 5.5, 6]
    unknown = [1.1, 2, 2.9, 6.1, 99]
    assert [hours for hours in known if told.told(A, hours * HOUR) != SECURE] == []
    assert [hours for hours in unknown if told.told(A, hours * HOUR) != UNKNOWN] == []


def test_an_override_is_the_reason_as_long_as_it_is_in_force() -> None:
    told = memory(
        answer(0, "secure"),
        answer(0, "secure", B),
        change(HOUR, "override", "in-force", "sub.x", hop=".example",
               now="secure match=.example\nuntil 1970-01-01T05:00:00Z"),
        change(2 * HOUR, "override", "in-force", A, hop=A, now="live"),
        change(3 * HOUR, "override", "removed", A, hop=A),
        answer(4 * HOUR, "may", "c.example"),
    )  # fmt: skip
    override = Told("secure", "override")
    assert [told.told(A, hours * HOUR) for hours in (0.5, 1.5, 2.5, 3.5, 5.5)] == [
        *(SECURE, override, SECURE, override, SECURE)
    ]
    assert told.told(B, 2.5 * HOUR) == override
    assert told.told("c.example", 6 * HOUR) == Told("may", "override")  # who else would say so


def test_the_map_that_is_asked_most_counts_and_others_where_it_says_nothing() -> None:
    changes = [
        answer(0, "secure", of="pilot"),
        answer(0, "notfound", was="dane", of="default"),
        answer(0, "dane-only", B, of="pilot"),
        answer(HOUR, "dane", "c.example", of="default"),
    ]
    by_counts = memory(*changes, usage=Usage({"pilot": 9, "default": 2}, {}, 0.0, HOUR))
    assert (by_counts.map_name, by_counts.differing) == ("pilot", {"default": 1})
    assert by_counts.told(A, HOUR) == SECURE
    by_changes = memory(*changes, answer(HOUR, "dane", "d.example"))
    assert (by_changes.map_name, by_changes.differing) == ("default", {"pilot": 1})
    assert by_changes.told(A, HOUR) == NOTFOUND
    assert by_changes.told(B, HOUR) == DANE_ONLY
    named = memory(*changes, map_name="Pilot")
    assert (named.told(A, HOUR), named.told("c.example", HOUR)) == (SECURE, NOTFOUND)
    assert named.differing == {}
    mistaken = memory(*changes, map_name="pilots")
    assert (mistaken.told(A, HOUR), mistaken.maps_asked) == (UNKNOWN, ("default", "pilot"))


def test_a_next_hop_is_told_apart_from_the_domain() -> None:
    relay = "[relay.example]:587"
    told = memory(answer(0, "secure", "relay.example", hop=relay))
    assert (told.told(relay, HOUR), told.told("relay.example", HOUR)) == (SECURE, NOTFOUND)


def test_where_nobody_got_nothing_no_domain_was_asked_for() -> None:
    """All mail goes to a relay host: what a domain would have got nobody knows."""
    relay = "[relay.example]:587"
    changes = [answer(0, "secure", "relay.example", hop=relay)]
    relayed = memory(*changes, usage=Usage({"default": 9}, {}, 0.0, HOUR))
    assert (relayed.told(relay, HOUR), relayed.told(A, HOUR)) == (SECURE, UNKNOWN)
    others = memory(*changes, usage=Usage({"default": 9}, {"default": 1}, 0.0, HOUR))
    assert others.told(A, HOUR) == NOTFOUND
    elsewhere = Usage({"default": 9, "pilot": 2}, {"pilot": 2}, 0.0, HOUR)
    assert memory(*changes, usage=elsewhere, map_name="default").told(A, HOUR) == UNKNOWN


def test_a_history_that_ran_out_of_room_proves_no_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toldhistory, "_ROOM", 2)
    changes = [
        answer(0, "secure"),
        answer(HOUR, "dane", was="secure"),
        answer(HOUR, "dane", "c.example"),
    ]
    assert memory(*changes).told(B, HOUR) == NOTFOUND
    full = memory(*changes, first_number=700)
    assert (full.told(B, HOUR), full.told(A, 0)) == (UNKNOWN, SECURE)
    # What is gone after a year is gone for its age: an answer that is still given stays.
    later = [answer(0, "secure"), answer(366 * 24 * HOUR, "dane")]
    old = memory(*later, first_number=700, now=367 * 24 * HOUR)
    assert old.told(B, HOUR) == NOTFOUND


def test_of_too_many_changes_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toldhistory, "MAX_CHANGES", 2)
    told = memory(
        answer(0, "secure"),
        answer(HOUR, "dane", was="secure"),
        answer(2 * HOUR, "temp", was="dane"),
    )
    assert told.cut
    assert [told.told(A, hours * HOUR).action for hours in (0.5, 1, 3)] == ["", "dane", "temp"]
    assert told.told(B, 3 * HOUR) == UNKNOWN


def test_what_expired_unseen_does_not_make_the_history_older() -> None:
    told = memory(change(-50 * HOUR, "policy", "expired", B), answer(0, "secure"))
    assert told.reach == (0, 100 * HOUR + STOPPED_BRIEFLY)


ACTIONS = ("secure", "dane", "notfound", "temp", "may")


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(ACTIONS), st.sampled_from((A, B))), max_size=30
    ),
    st.integers(-1, 11),
)
def test_it_tells_what_the_last_change_until_then_says(
    given_changes: list[tuple[int, str, str]], moment: int
) -> None:
    changes = sorted(given_changes, key=lambda each: each[0])
    told = memory(
        answer(0, "dane", "first.example"), *(answer(*each) for each in changes), now=20.0
    )

    def expected(domain: str) -> str:
        before = [event for time, event, of in changes if of == domain and time <= moment]
        return "" if moment < 0 else next(iter(before[::-1]), "notfound")

    for domain in (A, B, "c.example"):
        assert told.told(domain, float(moment)).action == expected(domain)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=12), st.integers(-5, 40))
def test_starts_and_stops_in_any_order_break_nothing(
    runs: list[tuple[int, bool]], moment: int
) -> None:
    steps = [
        change(time * 100.0, "daemon", "started" if started else "stopped")
        for time, started in runs
    ]
    told = memory(answer(0, "secure"), *steps, now=3_000.0)
    assert told.told(A, moment * 100.0) in (SECURE, UNKNOWN)
    assert list(told._known) == sorted(told._known)


def many(number: int) -> Iterable[BriefChange]:
    for count in itertools.count(number, -1):
        if not count:
            return
        domain = f"d{count % 5_000}.example"
        yield BriefChange(
            number=count, time=float(count), domain=domain, subject="answer",
            event=ACTIONS[count % 3], hop=domain, map="default", was="temp",
        )  # fmt: skip


def test_what_is_kept_of_a_change_is_some_bytes() -> None:
    told = ToldHistory()
    for each in many(50_000):
        told.add(each)
    told.finish(whole=True, now=60_000.0, usage=NOBODY)
    arrays = (told._times, told._codes, told._starts)
    assert sum(len(each) * each.itemsize for each in arrays) < 50_000 * 13
    assert told.next_hops == 5_000
