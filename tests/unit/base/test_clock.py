"""The machine's clocks."""

import asyncio
from functools import partial

import pytest

from mtasts_resolver.base import clock
from mtasts_resolver.base.clock import SystemClock

DEADLINE = 20.0  # seconds; only a broken test waits so long


class SuspendedClock(SystemClock):
    """A machine that is suspended when the test says so, which its event loop does not notice."""

    def __init__(self) -> None:
        self.suspended = 0.0
        self.looked = 0
        self.monotonic = partial(self._look)

    def _look(self) -> float:
        self.looked += 1
        return SystemClock.monotonic() + self.suspended


async def test_what_fell_due_while_the_machine_was_suspended_begins_soon_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "LOOK_AGAIN", 0.01)
    machine = SuspendedClock()
    sleeper = asyncio.create_task(machine.sleep(3_600.0))
    async with asyncio.timeout(DEADLINE):
        while machine.looked < 5:  # noqa: ASYNC110  it looks again and again
            await asyncio.sleep(0.001)
        assert not sleeper.done()
        machine.suspended = 3_600.0
        await sleeper


async def test_nobody_is_woken_too_early() -> None:
    machine = SystemClock()
    for seconds in (0.0, 0.001, 0.02):
        begun = machine.monotonic()
        await machine.sleep(seconds)
        assert machine.monotonic() - begun >= seconds
