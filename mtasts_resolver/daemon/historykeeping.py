"""The history with all who note in it and read it from the start on, as one part of the daemon."""

import asyncio

from mtasts_resolver.answers.changes import AnswerHistory
from mtasts_resolver.answers.overridechanges import OverrideHistory
from mtasts_resolver.config import Config
from mtasts_resolver.control.answering import AnsweringParts
from mtasts_resolver.knowledge.historian import Historian
from mtasts_resolver.knowledge.weakened import WeakenedDomains
from mtasts_resolver.store.history import History, history_path


class HistoryKeeping:
    """Keeps what happens to policies, DANE, answers, overrides and the daemon."""

    def __init__(self, answering: AnsweringParts) -> None:
        events, clock = answering.events, answering.clock
        path = history_path(answering.store.path)
        history = self.history = History(path, clock=clock, events=events)
        self.weakened = WeakenedDomains(events, history, clock)
        self._answers = AnswerHistory(events, history, clock, answering.service.peek)
        self._overrides = OverrideHistory(events, history, clock, answering.overrides)
        self._historian = Historian(events, history, clock, answering.in_force.config)

    def reconfigure(self, config: Config) -> None:
        """Take new settings."""
        self._historian.reconfigure(config)
        self._answers.note_again()

    async def run(self) -> None:
        """Compare what is with what was at the end of the last run."""
        await asyncio.gather(self._overrides.run(), self.weakened.run())

    async def close(self) -> None:
        """Write what was noted, and end."""
        await self.history.close()
