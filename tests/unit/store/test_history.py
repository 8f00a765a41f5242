"""The history in its file: what is kept, and what can be asked for."""

from pathlib import Path

import pytest

from mtasts_resolver.base.events import Events
from mtasts_resolver.store.changes import Change, ChangesRecorded, Subject
from mtasts_resolver.store.changetable import Wanted
from tests.unit.store.history import all_of, mode, opened, policy_change, texts
from tests.unit.store.support import WALL


def dane(status: str, *, was: str | None = None) -> Change:
    return Change(WALL, "a.example", Subject.DANE, status, status, was=was, hop="a.example")


async def test_a_change_outlives_the_process_with_all_that_it_says(file: Path) -> None:
    change = Change(
        WALL,
        "a.example",
        Subject.POLICY,
        "changed",
        now="mode: testing\n",
        was="mode: enforce\n",
        now_id="2",
        was_id="1",
        weakened=("mode",),
        reason="\x00 ünd \U0001f984",
        by="anna",
    )
    async with opened(file) as kept:
        kept.note(change)
    async with opened(file) as kept:
        assert await all_of(kept) == [change]
    assert mode(file) == 0o600


async def test_the_latest_come_first_by_domain_and_of_all(file: Path) -> None:
    async with opened(file) as kept:
        for number in range(3):
            for domain in ("a.example", "b.example"):
                kept.note(policy_change(domain, f"{domain} {number}"))
        kept.note(Change(WALL, "", Subject.DAEMON, "started"))
        found = await texts(kept, Wanted(domain="a.example"))
        assert found == ["a.example 2", "a.example 1", "a.example 0"]
        assert len(await all_of(kept)) == 7
        assert [change.event for change in await all_of(kept, Wanted(domain=""))] == ["started"]


async def test_what_weakens_and_what_is_recent_can_be_asked_for(file: Path) -> None:
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "1", time=WALL - 9))
        kept.note(policy_change("a.example", "2", time=WALL - 5, weakened=("mode",)))
        kept.note(policy_change("a.example", "3", time=WALL))
        kept.note(policy_change("b.example", "4", time=WALL, weakened=("mx",)))
        assert await texts(kept, Wanted(weakened=True)) == ["4", "2"]
        assert await texts(kept, Wanted(domain="a.example", weakened=True)) == ["2"]
        assert await texts(kept, Wanted(domain="a.example", since=WALL - 5)) == ["3", "2"]


async def test_what_is_the_same_as_the_last_is_no_change(file: Path) -> None:
    """Whoever notes it need not remember: not even that it was noted before a restart."""
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "x", now_id="1"))
        kept.note(policy_change("a.example", "x", now_id="1"))
    async with opened(file) as kept:
        kept.note(policy_change("a.example", "x", now_id="1"))
        kept.note(policy_change("a.example", "x", now_id="2"))
        kept.note(policy_change("a.example", None))
        kept.note(policy_change("a.example", None))
        found = [(change.was, change.now, change.now_id) for change in await all_of(kept)]
        assert found == [("x", None, None), ("x", "x", "2"), (None, "x", "1")]


async def test_maps_and_next_hops_are_kept_apart(file: Path) -> None:
    def answer(hop: str, map_name: str) -> Change:
        return Change(WALL, "a.example", Subject.ANSWER, "dane", "dane", hop=hop, map=map_name)

    async with opened(file) as kept:
        for hop in ("a.example", "a.example:587"):
            for map_name in ("default", "tlsrpt"):
                kept.note(answer(hop, map_name))
                kept.note(answer(hop, map_name))
        assert len(await all_of(kept)) == 4


async def test_what_is_so_of_most_domains_is_kept_where_something_else_was(file: Path) -> None:
    def answer(text: str) -> Change:
        return Change(WALL, "a.example", Subject.ANSWER, text, text, hop="a.example")

    async with opened(file) as kept:
        kept.note(answer("notfound"), usual=True)
        assert await all_of(kept) == []
        kept.note(answer("dane"))
        kept.note(answer("notfound"), usual=True)
        kept.note(answer("notfound"), usual=True)
        assert await texts(kept) == ["notfound", "dane"]


@pytest.mark.parametrize(
    ("statuses", "weakened"),
    [
        (["required", "none"], True),
        (["required", "partial"], True),
        (["required", "unknown"], False),
        (["required", "unknown", "none"], True),
        (["required", "unknown", "required"], False),
        (["partial", "none"], False),
        (["none", "unknown", "none"], False),
    ],
)
async def test_dane_that_is_lost_weakens_whatever_memory_knew(
    file: Path, statuses: list[str], weakened: bool
) -> None:
    for status in statuses:
        async with opened(file) as kept:
            kept.note(dane(status))
    async with opened(file) as kept:
        latest = (await all_of(kept))[0]
    assert latest.now == statuses[-1]
    assert bool(latest.weakened) == weakened


async def test_who_listens_is_told_what_was_kept(file: Path) -> None:
    told = Events()
    heard: list[Change] = []
    told.listen(ChangesRecorded, lambda event: heard.extend(c.change for c in event.changes))
    async with opened(file, told=told) as kept:
        kept.note(policy_change("a.example", "x"))
        kept.note(policy_change("a.example", "x"))
        kept.note(policy_change("a.example", "y"))
        await kept.flush()
        assert [(change.was, change.now) for change in heard] == [(None, "x"), ("x", "y")]
