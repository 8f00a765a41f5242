"""The log that peers cannot fill."""

import logging

import pytest

from mtasts_resolver.base import logs
from mtasts_resolver.base.ratelimit import INTERVAL, MAX_KINDS, MAX_LINES, DomainLog, RateLimitedLog
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


@pytest.mark.threat("words-in-log")
def test_domains_without_end_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    log = DomainLog(logger, clock)
    for number in range(250 * 120):  # 250 a second, for two minutes
        clock.now = number / 250
        code = "tls" if number % 3 else "http"
        log.warning("a", domain=f"d{number}.example", code=code)
        log.flush()
    clock.now += INTERVAL
    log.flush()
    logged = events(caplog)
    assert len(logged) == 2 * (MAX_LINES + 1)
    for minute in range(2):
        lines = logged[minute * (MAX_LINES + 1) :][: MAX_LINES + 1]
        first = minute * 250 * 60
        assert lines[0].fields == {"domain": f"d{first}.example", "code": "http"}
        assert [line.event for line in lines] == ["a"] * MAX_LINES + ["events-left-out"]
        assert lines[-1] == (
            "WARNING",
            "events-left-out",
            {
                "of": "a",
                "count": 250 * 60 - MAX_LINES,
                "domains": [f"d{first + MAX_LINES + number}.example" for number in range(10)],
                "codes": ["tls:9960", "http:4980"],
            },
        )


def test_what_is_urgent_is_not_left_out_for_what_is_not(caplog: pytest.LogCaptureFixture) -> None:
    log = DomainLog(logger, FakeClock())
    for number in range(2 * MAX_LINES):
        log.warning("a", domain=f"d{number}.example")
    log.error("a", domain="urgent.example")
    log.info("b", domain="other.example")
    assert events(caplog, "ERROR") == [("ERROR", "a", {"domain": "urgent.example"})]
    log.flush()
    assert len(events(caplog, "WARNING")) == MAX_LINES
    log.flush(at_once=True)
    summary = events(caplog)[-1]
    assert (summary.level, summary.event) == ("WARNING", "events-left-out")
    assert summary.fields["count"] == MAX_LINES
    assert "codes" not in summary.fields


def test_at_level_debug_nothing_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="mtasts_resolver")  # whatever another test has set
    log = DomainLog(logger, FakeClock())
    for number in range(2 * MAX_LINES):
        log.warning("a", domain=f"d{number}.example")
    assert len(events(caplog, "DEBUG")) == MAX_LINES
