"""The history of overrides: each that begins or ceases to be in force, once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mtasts_resolver.answers.overridechanges import OverrideHistory
from mtasts_resolver.config import Config, OverrideOptions
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.history import History
from tests.unit.answers.test_overrides import Setting, added
from tests.unit.knowledge.world import START, settle

DAY = 86_400.0


class Kept(Setting):
    """Overrides whose history is kept."""

    def __init__(self, directory: Path, config: Config | None = None) -> None:
        super().__init__(directory, config)
        file = directory / "history.sqlite"
        self.history = History(file, clock=self.clock, events=self.published)
        self.kept = OverrideHistory(self.published, self.history, self.clock, self.overrides)
        self.history.open()

    async def rows(self) -> list[tuple[str, str, str, str]]:
        """Return domain, pattern, event and user, the first one first."""
        await settle()
        found: list[tuple[str, str, str, str]] = []
        async for page in self.history.pages(Wanted(overrides=True)):
            found += [
                (kept.change.domain, kept.change.hop, kept.change.event, kept.change.by)
                for kept in page
            ]
        return found[::-1]


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    made = Kept(tmp_path)
    yield made
    await made.history.close()


async def test_what_is_added_and_removed_and_by_whom(kept: Kept) -> None:
    await kept.overrides.add(added("relay.example"))
    await kept.overrides.add(added(".example", "encrypt"))
    await kept.overrides.add(added("relay.example", "dane"))
    await kept.overrides.remove("relay.example", "berta")
    assert await kept.rows() == [
        ("relay.example", "relay.example", "in-force", "root"),
        ("", ".example", "in-force", "root"),
        ("relay.example", "relay.example", "in-force", "root"),
        ("relay.example", "relay.example", "removed", "berta"),
    ]


async def test_an_override_whose_end_date_is_over(kept: Kept) -> None:
    await kept.overrides.add(added("relay.example", until=START + DAY))
    kept.at(START + DAY + 1)
    kept.overrides.look()
    assert [row[2] for row in await kept.rows()] == ["in-force", "lapsed"]
    (page,) = [page async for page in kept.history.pages(Wanted(overrides=True))]
    assert page[-1].change.now == "skip\nuntil 2027-01-16T08:00:00Z"


async def test_what_changed_while_the_daemon_did_not_run(tmp_path: Path) -> None:
    configured = {
        name: OverrideOptions(action="encrypt", reason="agreed")
        for name in ("a.example", "b.example")
    }
    for names, expected in (
        (("a.example", "b.example"), ["a.example in-force", "b.example in-force"]),
        (("a.example", "b.example"), ["a.example in-force", "b.example in-force"]),
        (
            ("a.example",),
            ["a.example in-force", "b.example in-force", "b.example removed"],
        ),
    ):
        config = Config(overrides={name: configured[name] for name in names})
        running = Kept(tmp_path, config)
        await asyncio.wait_for(running.kept.run(), 20)
        assert [f"{pattern} {event}" for _, pattern, event, _ in await running.rows()] == expected
        await running.history.close()
