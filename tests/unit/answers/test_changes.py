"""What the history keeps of answers: each change, once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mtasts_resolver.answers.changes import MAX_PLACES, AnswerHistory
from mtasts_resolver.answers.events import AnswerChanged, AnswerMade
from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.knowledge.events import PolicyForgotten
from mtasts_resolver.policy import NextHop
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.history import History
from tests.unit.answers.test_service import service_for
from tests.unit.knowledge.world import START, World, ask, document, settle

GOOD = "good.example"
SECURE = "secure match=mx.good.example servername=hostname"
HOUR = 3_600.0


class Kept:
    """A service whose answers are kept, and what was told of them."""

    def __init__(self, file: Path, config: Config | None = None) -> None:
        self.file = file
        self.world = World(config)
        self.told: list[AnswerChanged] = []
        self.begin()

    def begin(self) -> None:
        world = self.world
        self.history = History(self.file, clock=world.clock, events=world.events)
        self.service = service_for(world)
        self.answers = AnswerHistory(world.events, self.history, world.clock, self.service.peek)
        world.events.listen(AnswerChanged, self.told.append)
        self.history.open()

    async def restart(self) -> None:
        await self.history.close()
        self.world.restart()
        self.begin()

    async def changes(self) -> list[tuple[str, str | None, str | None]]:
        """Return map, what was and what is, the first one first."""
        found: list[tuple[str, str | None, str | None]] = []
        async for page in self.history.pages(Wanted()):
            found += [(kept.change.map, kept.change.was, kept.change.now) for kept in page]
        return found[::-1]


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    made = Kept(tmp_path / "history.sqlite")
    yield made
    await made.history.close()
    await made.world.sts.close()


async def test_an_answer_that_changes_and_changes_back(kept: Kept) -> None:
    world = kept.world
    for number, mode in enumerate(("enforce", "testing", "enforce")):
        world.internet.publish(GOOD, document(mode), str(number))
        await world.clock.advance(HOUR)
        for _ in range(3):
            await ask(kept.service, GOOD)  # the first one sets off the discovery
            await world.clock.advance(1)
    expected = [
        ("default", None, SECURE),
        ("default", SECURE, "notfound"),
        ("default", "notfound", SECURE),
    ]
    assert await kept.changes() == expected
    assert [(told.was, told.now) for told in kept.told] == [(was, now) for _, was, now in expected]


async def test_a_change_shows_in_the_answer_before_anybody_asks(kept: Kept) -> None:
    world = kept.world
    world.internet.publish(GOOD, document("enforce"))
    await ask(kept.service, GOOD)
    world.internet.publish(GOOD, document("testing"))
    await world.sts.renew(GOOD)  # as the daily refresh does
    await settle()
    assert await kept.changes() == [("default", None, SECURE), ("default", SECURE, "notfound")]
    assert [told.given for told in kept.told] == [True, False]
    await ask(kept.service, GOOD)
    (latest, _) = await kept.history.find(Wanted())
    assert not latest.change.given
    assert latest.seen == world.clock.wall()
    assert len(kept.told) == 2


async def test_a_change_that_leaves_the_answer_is_none(kept: Kept) -> None:
    kept.world.internet.publish(GOOD, document("enforce"))
    await ask(kept.service, GOOD)
    kept.world.internet.publish(GOOD, document("enforce", max_age=86_400))
    await kept.world.sts.renew(GOOD)
    await settle()
    assert await kept.changes() == [("default", None, SECURE)]


async def test_where_the_next_look_up_would_have_to_find_out_nothing_is_foretold(
    kept: Kept,
) -> None:
    kept.world.internet.publish(GOOD, document("enforce"))
    await ask(kept.service, GOOD)
    kept.world.sts.policies.forget(GOOD)
    kept.world.events.publish(PolicyForgotten(GOOD, None, None))
    await settle()
    assert await kept.changes() == [("default", None, SECURE)]


async def test_of_a_map_that_only_observes_it_is_what_would_be(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "history.sqlite", Config(answer="observe"))
    kept.world.internet.publish(GOOD, document("enforce"))
    for name in (GOOD, "nothing.example"):
        await ask(kept.service, name)
    assert await kept.changes() == [("default", None, f"notfound\nwould be {SECURE}")]
    assert kept.told[0].answer == "notfound"
    await kept.history.close()


def test_what_is_remembered_of_a_domain_is_bounded(kept: Kept) -> None:
    for port in range(1, 200):
        made = AnswerMade(NextHop(GOOD, str(port)), "default", Reply(Status.OK, "dane"))
        kept.world.events.publish(made)
    assert len(kept.answers._last[GOOD]) == MAX_PLACES


async def test_an_answer_that_is_made_anew_is_no_change_nor_is_it_after_a_restart(
    kept: Kept,
) -> None:
    kept.world.internet.publish(GOOD, document())
    for _ in range(2):
        for _ in range(5):
            await ask(kept.service, GOOD)
            await kept.world.clock.advance(HOUR)
        await kept.history.flush()
        await kept.restart()
    assert await kept.changes() == [("default", None, SECURE)]
    assert len(kept.told) == 1


async def test_what_most_domains_get_is_not_kept(kept: Kept) -> None:
    for number in range(20):
        await ask(kept.service, f"d{number}.example")
    assert await kept.changes() == []


async def test_that_nothing_could_be_found_out_is_kept_where_something_was(kept: Kept) -> None:
    hop = NextHop(GOOD)
    publish = kept.world.events.publish
    temp = Reply(Status.TEMP, "overloaded")
    publish(AnswerMade(hop, "default", temp))
    assert await kept.changes() == []
    publish(AnswerMade(hop, "default", Reply(Status.OK, "dane")))
    publish(AnswerMade(hop, "default", temp))
    publish(AnswerMade(hop, "default", Reply(Status.TEMP, "another reason")))
    assert await kept.changes() == [("default", None, "dane"), ("default", "dane", "temp")]
    (page,) = [page async for page in kept.history.pages(Wanted())]
    assert page[0].change.reason == "overloaded"


async def test_each_map_has_a_history_of_its_own(tmp_path: Path) -> None:
    strict = MapOptions(testing="enforce")
    kept = Kept(tmp_path / "history.sqlite", Config(maps={"strict": strict}))
    kept.world.internet.publish(GOOD, document("testing"))
    for name in ("strict", "default", "", "nobody-configured-it"):
        await ask(kept.service, GOOD, name)
    assert await kept.changes() == [("strict", None, SECURE)]
    kept.world.internet.publish(GOOD, document("enforce"), "2")
    await kept.world.clock.advance(HOUR)
    for _ in range(2):
        for name in ("strict", "default", "", "nobody-configured-it"):
            await ask(kept.service, GOOD, name)
            await kept.world.clock.advance(1)
    assert sorted(await kept.changes()) == [
        ("(tcp_table)", None, SECURE),
        ("(unknown)", None, SECURE),
        ("default", None, SECURE),
        ("strict", None, SECURE),
    ]
    await kept.history.close()


async def test_who_asks_again_is_noted_to_a_quarter_of_an_hour(kept: Kept) -> None:
    kept.world.internet.publish(GOOD, document())
    times = []
    for _ in range(8):
        await ask(kept.service, GOOD)
        (page,) = [page async for page in kept.history.pages(Wanted())]
        times.append(page[0].seen)
        await kept.world.clock.advance(400)
    assert times[0] is None
    assert times[-1] is not None
    assert times[-1] - START >= 6 * 400
    assert len(set(times)) < 5


async def test_what_is_not_remembered_is_looked_for_in_the_history(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtasts_resolver.answers.changes.MAX_REMEMBERED", 3)
    for _ in range(2):
        for number in range(10):
            made = AnswerMade(NextHop(f"d{number}.example"), "default", Reply(Status.OK, "dane"))
            kept.world.events.publish(made)
    assert len(kept.answers._last) == 3
    assert len(await kept.changes()) == 10
