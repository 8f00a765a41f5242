"""The log that peers cannot fill."""

import pytest

from mtasts_resolver import logs
from mtasts_resolver.server.ratelimit import MAX_KINDS, RateLimitedLog
from tests.events import events
from tests.unit.server.client import FakeClock

logger = logs.get("mtasts_resolver.test")


def test_one_line_per_reason_and_interval(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    log = RateLimitedLog(logger, clock, interval=60)
    for number in range(3):
        log.warning("a", reason="r", number=number)
    log.warning("a", reason="s")
    log.error("b", reason="r")
    clock.now += 59.9
    log.warning("a", reason="r", number=4)
    clock.now += 0.1
    log.warning("a", reason="r", number=5)
    clock.now += 60
    log.warning("a", reason="r", number=6)
    assert events(caplog) == [
        ("WARNING", "a", {"reason": "r", "number": 0}),
        ("WARNING", "a", {"reason": "s"}),
        ("ERROR", "b", {"reason": "r"}),
        ("WARNING", "a", {"reason": "r", "number": 5, "left_out": 3}),
        ("WARNING", "a", {"reason": "r", "number": 6}),
    ]


def test_one_traceback_per_type_of_exception(caplog: pytest.LogCaptureFixture) -> None:
    log = RateLimitedLog(logger, FakeClock())
    for error in (KeyError("x"), KeyError("y"), ValueError("z")):
        log.bug("c", error, listener="l")
    assert events(caplog) == [("ERROR", "c", {"listener": "l"})] * 2
    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [repr(error) for error in errors] == ["KeyError('x')", "ValueError('z')"]


def test_reasons_without_end_do_not_fill_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    log = RateLimitedLog(logger, FakeClock())
    for number in range(10 * MAX_KINDS):
        log.warning("a", reason=f"reason {number}")
    assert len(caplog.messages) == MAX_KINDS + 1
    assert len(log._written) == MAX_KINDS + 1
