"""Their policies: counted, and brought to the daemon or written for `cache import`."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from msgspec import Struct, field

from mtasts_resolver.base.timestamps import moment_of
from mtasts_resolver.cli.cache_transfer import bring
from mtasts_resolver.cli.export_format import Numbered, write_export
from mtasts_resolver.cli.files import written_file
from mtasts_resolver.cli.progress import progress
from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.policies import ExportedPolicy
from mtasts_resolver.migration.programs import read_cache
from mtasts_resolver.migration.takeover import TheirCache
from mtasts_resolver.migration.theirpolicies import (
    CacheFault,
    ExpiredPolicy,
    HeldPolicy,
    PassedOver,
    UnreadableCacheError,
    judge_entries,
)

MAX_SHOWN = 1_000  # faults that are kept, to be told


class PolicyTally(Struct):
    """What became of the entries of their cache."""

    cache: TheirCache
    unreadable: str = ""
    """Why nothing was read of it."""
    holding: int = 0
    """Policies that are valid, and hold."""
    expired: int = 0
    passed_over: dict[PassedOver, int] = field(default_factory=dict)
    faults: list[CacheFault] = field(default_factory=list)
    """Entries of which nothing can be made, as far as MAX_SHOWN."""
    faulty: int = 0
    imported: dict[str, int] = field(default_factory=dict)
    """Of those that were brought to the daemon, how many came to which outcome."""
    written: str = ""
    """The file that they were written to."""
    waiting: str = ""
    """Why they were not brought to the daemon though that was asked for."""

    def add_fault(self, fault: CacheFault) -> None:
        self.faulty += 1
        if len(self.faults) < MAX_SHOWN:
            self.faults.append(fault)


def count_policies(cache: TheirCache, now: float) -> PolicyTally:
    """Read the whole cache, and count what is in it."""
    tally = PolicyTally(cache)
    passed: Counter[PassedOver] = Counter()
    try:
        with progress("reading their policies") as tell:
            for number, one in enumerate(judge_entries(read_cache(cache), now), start=1):
                tell(number, None)
                match one:
                    case HeldPolicy():
                        tally.holding += 1
                    case ExpiredPolicy():
                        tally.expired += 1
                    case CacheFault():
                        tally.add_fault(one)
                    case PassedOver():
                        passed[one] += 1
    except UnreadableCacheError as error:
        tally.unreadable = str(error)
    tally.passed_over = dict(passed)
    return tally


def bring_policies(tally: PolicyTally, daemon: ControlClient, now: float) -> None:
    """Bring to the daemon what holds; it checks each once more."""
    outcomes: Counter[str] = Counter()
    policies = _exported(tally.cache, now)
    numbered = (Numbered(f"entry {number}", one) for number, one in enumerate(policies, start=1))
    with progress("bringing policies") as tell:
        for _, imported in bring(daemon, numbered):
            outcomes[imported.outcome] += 1
            tell(outcomes.total(), tally.holding)
            if imported.outcome in ("invalid", "refused"):
                tally.add_fault(CacheFault(imported.domain, imported.reason or imported.outcome))
    tally.imported = dict(outcomes)


def write_policies(tally: PolicyTally, path: Path, now: float) -> None:
    """Write what holds to a file for `cache import`."""
    with written_file(path) as file:
        write_export(_exported(tally.cache, now), file)
    tally.written = str(path)


def _exported(cache: TheirCache, now: float) -> Iterator[ExportedPolicy]:
    used = _second(now)  # when mail went there last is not kept: none is forgotten too early
    for one in judge_entries(read_cache(cache), now):
        if isinstance(one, HeldPolicy):
            yield ExportedPolicy(
                domain=one.domain,
                id=one.policy_id,
                mode=one.mode.value,
                fetched=one.fetched,
                expires=one.expires,
                used=used,
                document=one.document,
            )


def _second(now: float) -> datetime:
    return moment_of(int(now))
