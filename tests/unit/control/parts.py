"""The parts of a daemon that does nothing of itself, as the daemon puts them together."""

from pathlib import Path

from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.recent import RecentTrouble
from mtasts_resolver.config import Config
from mtasts_resolver.control.answering import AnsweringParts, InForce
from mtasts_resolver.daemon.assembly import assemble
from mtasts_resolver.daemon.parts import Parts, watch
from mtasts_resolver.knowledge.entry import StsEntry
from mtasts_resolver.policy import StsFinding, parse_text
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.worker.supervisor import Supervisor
from tests.unit.knowledge.world import DAY, START, FakeClock, document

CONFIG = Config()


def idle_answering_parts(directory: Path, config: Config = CONFIG) -> AnsweringParts:
    """Return what answers, of which nothing runs: no process, no socket, no file but a store."""
    clock, counters = FakeClock(), Counters()
    return assemble(
        directory / "policies.sqlite",
        [],
        Supervisor(config, clock, counters),
        clock=clock,
        counters=counters,
        in_force=InForce(config, None, START),
        trouble=RecentTrouble(),
    )


def idle_parts(directory: Path, config: Config = CONFIG) -> Parts:
    """Return the same, and what watches it."""
    return watch(idle_answering_parts(directory, config))


def hold(parts: AnsweringParts, domain: str, mode: str = "enforce", *, days: float = 7) -> StsEntry:
    """Have memory hold a policy that expires after so many days."""
    text, now = document(mode, max_age=int(days * DAY)), parts.clock.monotonic()
    entry = StsEntry(
        finding=StsFinding(parse_text(text)),
        until=now + days * DAY,
        stale_at=now + days * DAY,
        asked=now,
        stored=StoredPolicy(domain, "1", text, parts.clock.wall(), parts.clock.wall()),
    )
    parts.sts.cache.put(domain, entry)
    return entry
