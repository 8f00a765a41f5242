"""Which domains are marked: those whose protection was weakened, and is not back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mtasts_resolver.base.events import Events
from mtasts_resolver.knowledge import weakened
from mtasts_resolver.knowledge.weakened import MARKED, WeakenedDomains
from mtasts_resolver.policy import Weakening
from mtasts_resolver.store import changetable
from mtasts_resolver.store.changes import Change, Subject
from mtasts_resolver.store.history import History
from tests.unit.knowledge.world import FakeClock, document

GOOD = "good.example"
ENFORCE, TESTING = document("enforce"), document("testing")


class Marked:
    """A history, and who marks domains by it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.clock = FakeClock()
        self.begin()

    def begin(self) -> None:
        events = Events()
        self.history = History(self.file, clock=self.clock, events=events)
        self.domains = WeakenedDomains(events, self.history, self.clock)
        self.history.open()

    async def restart(self) -> None:
        await self.history.close()
        self.begin()
        await self.domains.run()

    async def note(self, subject: Subject, domain: str = GOOD, **more: object) -> None:
        time = self.clock.wall()
        self.history.note(Change(time, domain, subject, "changed", **more))  # type: ignore[arg-type]
        await self.history.flush()

    def codes(self, domain: str = GOOD) -> set[str]:
        return set(self.domains.of(domain))


@pytest.fixture
async def marked(tmp_path: Path) -> AsyncIterator[Marked]:
    made = Marked(tmp_path / "history.sqlite")
    yield made
    await made.history.close()


@pytest.mark.parametrize("rows", [1, 100], ids=["many pages", "one page"])
async def test_a_domain_is_marked_until_it_enforces_again(
    rows: int, marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changetable, "PAGE_ROWS", rows)
    await marked.note(Subject.POLICY, now=TESTING, weakened=("mode",))
    assert marked.codes() == {Weakening.MODE}
    assert len(marked.domains) == 1
    await marked.note(Subject.POLICY, now=document("testing", max_age=86_400))
    assert marked.codes() == {Weakening.MODE}
    await marked.restart()
    assert dict(marked.domains.latest()) == {GOOD: {Weakening.MODE: marked.clock.wall()}}
    await marked.note(Subject.POLICY, now=ENFORCE)
    assert marked.codes() == set()
    await marked.restart()
    assert (marked.codes(), len(marked.domains)) == (set(), 0)


async def test_each_weakening_ends_by_itself(marked: Marked) -> None:
    await marked.note(Subject.RECORD, now="no-record", weakened=("record-gone",))
    await marked.note(Subject.DANE, now="none", weakened=("dane-lost",))
    await marked.note(Subject.POLICY, now=None, was=ENFORCE, weakened=("expired",))
    assert marked.codes() == {"record-gone", "dane-lost", "expired"}
    await marked.note(Subject.RECORD, now=None)
    assert marked.codes() == {"dane-lost", "expired"}
    await marked.note(Subject.DANE, now="required\nmx.good.example: usable TLSA records")
    assert marked.codes() == {"expired"}
    await marked.note(Subject.POLICY, now=ENFORCE)
    assert marked.codes() == set()
    assert marked.domains.since_start == {"record-gone": 1, "dane-lost": 1, "expired": 1}


async def test_a_mark_fades(marked: Marked) -> None:
    await marked.note(Subject.POLICY, now=TESTING, weakened=("mode",))
    await marked.clock.advance(MARKED)
    assert (marked.codes(), len(marked.domains)) == ({"mode"}, 1)
    await marked.clock.advance(1)
    assert (marked.codes(), len(marked.domains)) == (set(), 0)
    assert list(marked.domains.latest()) == []


async def test_the_latest_are_marked(marked: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weakened, "MAX_MARKED", 3)
    monkeypatch.setattr(changetable, "PAGE_ROWS", 1)
    for number in range(5):
        await marked.clock.advance(1)
        await marked.note(Subject.POLICY, f"d{number}.example", now=TESTING, weakened=("mode",))
    await marked.note(Subject.POLICY, "d2.example", now=None, weakened=("expired",))
    for number in range(5, 9):
        await marked.note(Subject.POLICY, f"d{number}.example", now=ENFORCE)
    expected = ["d2.example", "d4.example", "d3.example"]
    assert [domain for domain, _ in marked.domains.latest()] == expected
    await marked.restart()
    assert [domain for domain, _ in marked.domains.latest()] == expected


async def test_what_says_nothing_of_what_was_weakened_leaves_the_mark(marked: Marked) -> None:
    def note(subject: Subject, domain: str, **more: object) -> None:
        change = Change(marked.clock.wall(), domain, subject, "changed", **more)  # type: ignore[arg-type]
        marked.history.note(change)

    note(Subject.POLICY, "other.example", now=ENFORCE)  # together, in one writing
    note(Subject.POLICY, GOOD, now=TESTING, weakened=("mode",))
    note(Subject.ANSWER, GOOD, now="OK secure")
    note(Subject.POLICY, GOOD, now=None)  # nobody asked for it any more
    note(Subject.DANE, "last.example", now="none", weakened=("dane-lost",))
    await marked.history.flush()
    assert [domain for domain, _ in marked.domains.latest()] == ["last.example", GOOD]
