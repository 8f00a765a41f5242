"""What is put together late misses nothing that happened before."""

from pathlib import Path

import pytest

from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.control.answering import AnsweringParts
from mtasts_resolver.daemon.parts import watch
from mtasts_resolver.knowledge.events import (
    DaemonChanged,
    Discovered,
    PolicyExpired,
    PolicyFound,
    ProtectionWeakened,
)
from mtasts_resolver.policy import parse_text
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import TimedReply
from mtasts_resolver.store.changes import Subject
from mtasts_resolver.store.changetable import Wanted
from tests.events import events
from tests.unit.control.parts import hold, idle_answering_parts
from tests.unit.knowledge.world import document

GOOD = "good.example"
CONFIG = Config(
    maps={"default": MapOptions(dane=False), "pilot": MapOptions(dane=False, answer="observe")}
)


@pytest.fixture
def answering(tmp_path: Path) -> AnsweringParts:
    return idle_answering_parts(tmp_path, CONFIG)


async def test_what_happened_before_anybody_watched_is_told_and_kept(
    answering: AnsweringParts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    hold(answering, GOOD)
    answering.events.publish(DaemonChanged("started", "version 1"))
    answering.events.publish(PolicyFound(GOOD, parse_text(document()), "1"))
    answering.events.publish(
        Discovered("policy", refresh=False, outcome="found", code="", seconds=1)
    )
    replies = [answering.service.answer(Request(name, GOOD)) for name in ("default", "pilot")]
    for reply in replies:
        assert isinstance(reply, TimedReply)
        reply.tally.count += 1  # as whoever sends it does

    parts = watch(answering)
    assert [sum(kind.counts) for kind in parts.discoveries.durations.values()] == [1]
    assert parts.day.last_day("discoveries")[-1] == {"policy found": 1}
    assert sum((parts.day.last_day("lookups")[-1] or {}).values()) == 2
    assert [told.event for told in events(caplog)] == ["policy-found", "answer-observed"]

    parts.history.open()
    kept = [found.change for found in await parts.history.find(Wanted())]
    await parts.close()
    assert [(change.subject, change.event, change.map) for change in reversed(kept)] == [
        (Subject.DAEMON, "started", ""),
        (Subject.POLICY, "found", ""),
        (Subject.ANSWER, "secure", "default"),
        (Subject.ANSWER, "notfound", "pilot"),
    ]


async def test_a_reload_before_anybody_watched_holds_for_them(answering: AnsweringParts) -> None:
    changed = Config(maps={"default": MapOptions(testing="enforce")})
    answering.in_force.config = changed
    answering.reconfigure(changed)
    parts, weakened = watch(answering), list[ProtectionWeakened]()
    parts.events.listen(ProtectionWeakened, weakened.append)
    policy = parse_text(document("testing"))
    parts.events.publish(PolicyExpired(GOOD, policy, "1"))
    assert [told.was for told in weakened] == ["testing"]
    await parts.close()
