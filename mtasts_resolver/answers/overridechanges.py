"""Which overrides are in force, as the history keeps it: what an administrator has decided."""

import asyncio

from mtasts_resolver.answers.overrides import (
    OverrideAdded,
    OverrideRemoved,
    Overrides,
    OverridesChanged,
)
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.policy import parse_next_hop
from mtasts_resolver.postfix.override import Override
from mtasts_resolver.store.changes import Change, Subject
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.errors import UnavailableError
from mtasts_resolver.store.history import History


class OverrideHistory:
    """Listens, and notes each override that begins or ceases to be in force."""

    def __init__(
        self, events: Events, history: History, clock: Clock, overrides: Overrides
    ) -> None:
        self._history = history
        self._clock = clock
        self._overrides = overrides
        self._in_force: dict[str, Override] = {}
        events.listen(OverrideAdded, lambda told: self._compare(told.override.user))
        events.listen(OverrideRemoved, lambda told: self._compare(told.user))
        # A lapse, or a reload; what was done by command says in the same turn by whom.
        events.listen(OverridesChanged, lambda _: self._compare_later())

    async def run(self) -> None:
        """Note what is not at the start as it was at the end, of overrides of any domain."""
        self._compare("")
        await self._history.begun()
        seen: set[str] = set()
        try:
            async for page in self._history.pages(Wanted(overrides=True)):
                for _, change, _ in page:
                    ended = change.now is not None and change.hop not in self._in_force
                    if ended and change.hop not in seen:
                        self._note(change.hop, "removed", None, "", "")
                    seen.add(change.hop)
        except UnavailableError:  # the history has said so
            return

    def _compare_later(self) -> None:
        asyncio.get_running_loop().call_soon(self._compare, "")

    def _compare(self, by: str) -> None:
        """Note each override that is in force and was not, or is another, or is no more."""
        before = self._in_force
        now = self._in_force = {
            override.pattern: override
            for override in self._overrides
            if self._overrides.state(override) in {"in-force", "ends-soon"}
        }
        for pattern, override in now.items():
            if before.get(pattern) != override:
                who = by or override.user
                self._note(pattern, "in-force", described(override), who, override.reason)
        for pattern, override in before.items():
            if pattern not in now:
                lapsed = override.lapsed(self._clock.wall())
                self._note(pattern, "lapsed" if lapsed else "removed", None, by, "")

    def _note(self, pattern: str, event: str, now: str | None, by: str, reason: str) -> None:
        hop = parse_next_hop(pattern)
        change = Change(
            self._clock.wall(),
            "" if hop is None else hop.domain,
            Subject.OVERRIDE,
            event,
            now=now,
            hop=pattern,
            reason=reason,
            by=by,
        )
        self._history.note(change, usual=now is None)


def described(override: Override) -> str:
    """Return an override in lines: what is answered, and until when."""
    until = "" if override.until is None else f"\nuntil {timestamp(override.until)}"
    return f"{override.text or override.action}{until}"
