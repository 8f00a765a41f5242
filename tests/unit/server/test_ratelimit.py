"""The log that peers cannot fill."""

import logging

import pytest

from mtasts_resolver.server.ratelimit import MAX_REASONS, RateLimitedLog
from tests.unit.server.client import FakeClock

logger = logging.getLogger("test")


def test_one_line_per_reason_and_interval(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    log = RateLimitedLog(logger, clock, interval=60)
    for _ in range(3):
        log.log(logging.WARNING, "a", "a: %d", 1)
    log.log(logging.WARNING, "b", "b")
    clock.now += 59.9
    log.log(logging.WARNING, "a", "a: %d", 2)
    clock.now += 0.1
    log.log(logging.WARNING, "a", "a: %d", 3)
    clock.now += 60
    log.log(logging.WARNING, "a", "a: %d", 4)
    assert caplog.messages == ["a: 1", "b", "a: 3 (3 more like this were not logged)", "a: 4"]


def test_reasons_without_end_do_not_fill_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    log = RateLimitedLog(logger, FakeClock())
    for number in range(10 * MAX_REASONS):
        reason = f"reason {number}"
        log.log(logging.WARNING, reason, "line")
    assert len(caplog.messages) == MAX_REASONS + 1
    assert len(log._written) == MAX_REASONS + 1
