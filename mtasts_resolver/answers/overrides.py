"""The overrides in force: those of the configuration, and those that were added by command.

Where both name the same pattern, the one that was added counts: whoever added it at night saw what
the configuration says, and it does not come back by a reload. It is the other one's turn again when
it is removed, or its end date is over.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.config import Config
from mtasts_resolver.policy import NextHop
from mtasts_resolver.postfix.override import Override, patterns_for
from mtasts_resolver.store.overridefile import MAX_ADDED, OverrideFile

log = logs.get(__name__)

DAY = 86_400.0
ANNOUNCED = 7 * DAY  # ahead of its end, so that a week's holiday does not hide it
# Seconds between two looks at the end dates, at most: where the wall clock was set, an answer may
# be so much late in changing.
LOOK = 30.0
FORGOTTEN_AFTER = 30 * DAY  # since the end date of one that was added; until then it is shown
MAX_TOLD = 50  # lines of the log at a start; who has more looks at the list
FOR_EVER = float("inf")


OverrideState = Literal["in-force", "ends-soon", "lapsed", "hidden"]
"""`ends-soon`: in force, for ANNOUNCED at most; `hidden`: of the configuration, while one that was
added for the same pattern is in force."""

_LIST = "'mtasts-resolver override list' shows what is in force"
_REMOVE = {
    "configuration": "remove it from the configuration",
    "command": "'mtasts-resolver override remove' takes it off the list",
}
_WEAKENED = "its mail may go out unverified, whatever it publishes"


class OverrideAdded(NamedTuple):
    """Somebody added an override by command, or changed it."""

    override: Override


class OverrideRemoved(NamedTuple):
    """Somebody removed an override that was added by command."""

    override: Override
    user: str


class OverridesChanged(NamedTuple):
    """Other overrides are in force than before: what was answered may be wrong."""


class NoRoomError(Exception):
    """There are so many that nobody can know them all."""


class NotAddedError(Exception):
    """It was not added by command; `configured` tells that the configuration has it."""

    def __init__(self, *, configured: bool) -> None:
        super().__init__()
        self.configured = configured


class Overrides:
    """Finds the override of a next hop, and keeps those that are added by command."""

    def __init__(self, file: OverrideFile, config: Config, clock: Clock, events: Events) -> None:
        self.file = file
        self.faults: tuple[str, ...] = ()
        """What is wrong with the file, while it is not mended."""
        self._clock = clock
        self._events = events
        self._configured: dict[str, Override] = {}
        self._added: dict[str, Override] = {}
        self._writing = asyncio.Lock()
        self._lapsed: set[Override] = set()  # those of which this was told
        self._announced: dict[Override, float] = {}  # when their end was told last
        self._use(config)

    # -- asking --------------------------------------------------------------------------------

    def find(self, hop: NextHop) -> Override | None:
        """Return the override that counts for `hop` now."""
        if not self._added and not self._configured:
            return None
        wall = self._clock.wall()
        for pattern in patterns_for(hop):
            for among in (self._added, self._configured):
                override = among.get(pattern)
                if override is not None and not override.lapsed(wall):
                    return override
        return None

    def ends(self, override: Override) -> float:
        """Return the monotonic time until which an answer that `override` makes holds."""
        if override.until is None:
            return FOR_EVER
        return self._clock.monotonic() + override.until - self._clock.wall()

    def __iter__(self) -> Iterator[Override]:
        """Yield all there are, those included that are over, by their patterns."""
        both = [*self._added.values(), *self._configured.values()]
        return iter(sorted(both, key=lambda override: (override.pattern, override.origin)))

    def state(self, override: Override) -> OverrideState:
        """Return how `override` stands now."""
        wall = self._clock.wall()
        if override.lapsed(wall):
            return "lapsed"
        other = self._added.get(override.pattern, override)
        if other is not override and not other.lapsed(wall):
            return "hidden"
        soon = override.until is not None and override.until - wall <= ANNOUNCED
        return "ends-soon" if soon else "in-force"

    @property
    def in_force(self) -> int:
        """Return for how many patterns there is one that is in force."""
        wall = self._clock.wall()
        among = (self._added.values(), self._configured.values())
        return len({one.pattern for some in among for one in some if not one.lapsed(wall)})

    def of(self, pattern: str) -> Override | None:
        """Return the override of `pattern` that is in force."""
        both = (self._added.get(pattern), self._configured.get(pattern))
        return next((one for one in both if one is not None and self._counts(one)), None)

    def _counts(self, override: Override) -> bool:
        return self.state(override) in {"in-force", "ends-soon"}

    # -- changing ------------------------------------------------------------------------------

    def load(self) -> None:
        """Read the file, at the start or at a reload. Where it is damaged, what was good stays."""
        found = self.file.read()
        self.faults = found.faults
        for fault in found.faults:
            log.error(
                "overrides-damaged",
                file=self.file.path,
                reason=fault,
                kept=len(found.overrides) or len(self._added),
                action=f"mend it, then 'systemctl reload'; {_LIST}",
            )
        if found.overrides or not found.faults:
            self._added = {override.pattern: override for override in found.overrides}

    def reconfigure(self, config: Config) -> None:
        """Use those of `config`, and what the file holds now."""
        before = [*self]
        self.load()
        self._use(config)
        self._tell(override for override in self if override not in before)
        if [*self] != before:
            self._events.publish(OverridesChanged())

    async def add(self, override: Override) -> None:
        """Keep `override` in place of one that was added for its pattern.

        It counts once it is on the disk. Raise NoRoomError, or OSError where it cannot be written.
        """
        async with self._writing:
            added = self._without_old() | {override.pattern: override}
            if len(added) > MAX_ADDED:
                raise NoRoomError
            await self._keep(added)
        self._tell([override])
        self._events.publish(OverrideAdded(override))

    async def remove(self, pattern: str, user: str) -> None:
        """Remove the override that was added for `pattern`.

        Raise NotAddedError, or OSError where that cannot be written.
        """
        async with self._writing:
            override = self._added.get(pattern)
            if override is None:
                raise NotAddedError(configured=pattern in self._configured)
            added = self._without_old()
            added.pop(pattern, None)
            await self._keep(added)
        log.info("override-removed", **_described(override) | {"user": user})
        self._events.publish(OverrideRemoved(override, user))

    async def _keep(self, added: dict[str, Override]) -> None:
        await asyncio.to_thread(self.file.write, added.values())
        self._added, self.faults = added, ()
        self._events.publish(OverridesChanged())

    def _without_old(self) -> dict[str, Override]:
        """Return those that were added, but for those that are over for long."""
        wall = self._clock.wall()
        return {
            pattern: override
            for pattern, override in self._added.items()
            if override.until is None or wall - override.until < FORGOTTEN_AFTER
        }

    def _tell(self, overrides: Iterable[Override]) -> None:
        """Tell what is in force since now; as a warning where mail may go out less protected."""
        counting = [override for override in overrides if self._counts(override)]
        for override in counting[:MAX_TOLD]:
            if override.weakens:
                log.warning("override-in-force", **_described(override), effect=_WEAKENED)
            else:
                log.info("override-in-force", **_described(override))
        if more := counting[MAX_TOLD:]:
            log.warning("overrides-in-force", more=len(more), action=_LIST)

    def _use(self, config: Config) -> None:
        self._configured = {override.pattern: override for override in config.all_overrides()}

    # -- time ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell for ever of what will end within a week, and of what has ended."""
        self._tell(self)
        while True:
            self.look()
            wall = self._clock.wall()
            ends = (one.until - wall for one in self if one.until is not None)
            await self._clock.sleep(min([LOOK, *(left for left in ends if left > 0)]))

    def look(self) -> None:
        """Tell of each override that is near its end, once a day, and of each that is over."""
        wall = self._clock.wall()
        ending = {one: one.until - wall for one in self if one.until is not None}
        lapsed = {override for override, left in ending.items() if left <= 0}
        for override, left in ending.items():
            told = self._announced.get(override, -FOR_EVER)
            if override in lapsed - self._lapsed:
                action = _REMOVE[override.origin]
                log.warning("override-lapsed", **_described(override), action=action)
            elif 0 < left <= ANNOUNCED and abs(wall - told) >= DAY:
                self._announced[override] = wall
                log.warning("override-ends-soon", **_described(override), days=round(left / DAY, 1))
        if lapsed != self._lapsed:
            self._lapsed = lapsed
            self._announced = {key: at for key, at in self._announced.items() if key in ending}
            self._events.publish(OverridesChanged())


def _described(override: Override) -> dict[str, object]:
    """Return the fields of the log that say what `override` is."""
    return {
        "pattern": override.pattern,
        "override": override.text or override.action,
        "reason": override.reason,
        "until": None if override.until is None else timestamp(override.until),
        "origin": override.origin,
        "user": override.user or None,
    }
