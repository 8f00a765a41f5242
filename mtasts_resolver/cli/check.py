"""A status as one line and an exit code, as the Monitoring Plugins Guidelines have them."""

from datetime import datetime
from typing import NamedTuple

from mtasts_resolver.cli.errors import CommandError, DaemonUnreachableError
from mtasts_resolver.control.values.status import DaemonStatus

OK, WARNING, CRITICAL, UNKNOWN = range(4)
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_DAY = 86_400


class CheckResult(NamedTuple):
    """What monitoring is told; `str` is its line."""

    exit_code: int
    words: str
    performance: str = ""

    def __str__(self) -> str:
        # A bar would begin the performance data.
        line = f"MTA-STS {_WORDS[self.exit_code]} - {self.words.replace('|', '/')}"
        return f"{line} | {self.performance}" if self.performance else line


def unreachable(error: CommandError) -> CheckResult:
    """Return the verdict on a daemon that cannot be asked: whether it is there is known or not."""
    down = isinstance(error, DaemonUnreachableError)
    return CheckResult(CRITICAL if down else UNKNOWN, error.message)


def check_status(found: DaemonStatus, *, warning_days: float, critical_days: float) -> CheckResult:
    """Return the verdict on a status."""
    trouble = [
        (level, words)
        for level, words in (
            (CRITICAL, "the discoverer is not running" if found.discoverer.pid is None else ""),
            (CRITICAL, f"store: {found.store.trouble}" if found.store.trouble else ""),
            (WARNING, "the configuration file is faulty" if found.configuration.faulty else ""),
            (WARNING, f"DNSSEC: {found.dane.why}" if found.dane.dnssec == "unknown" else ""),
            _failing(found, warning_days, critical_days),
        )
        if words
    ]
    policies = found.policies
    words = (
        f"{policies.enforce + policies.testing + policies.none} policies,"
        f" {policies.failing} failing, {found.lookups.total} look-ups"
    )
    level = max((level for level, _ in trouble), default=OK)
    return CheckResult(
        level,
        "; ".join([*(why for at, why in sorted(trouble, reverse=True)), words]),
        _performance(found),
    )


def _failing(found: DaemonStatus, warning_days: float, critical_days: float) -> tuple[int, str]:
    """Judge the policies that cannot be fetched again by the time that the first has left."""
    soonest = found.policies.expires_soonest
    if soonest is None:
        return OK, ""
    left = datetime.fromisoformat(soonest) - datetime.fromisoformat(found.now)
    days = left.total_seconds() / _DAY
    words = f"{found.policies.failing} failing, the first expires in {days:.1f} days"
    if days < critical_days:
        return CRITICAL, words
    return (WARNING, words) if days < warning_days else (OK, "")


def _performance(found: DaemonStatus) -> str:
    lookups, policies = found.lookups, found.policies
    counted = {
        "lookups": f"{lookups.total}c",
        "waited": f"{lookups.waited}c",
        "overloaded": f"{lookups.overloaded}c",
        "connections": lookups.connections,
        "enforce": policies.enforce,
        "testing": policies.testing,
        "failing": policies.failing,
        "dane": found.dane.required,
        "store_pending": found.store.pending,
        "memory": f"{policies.memory_bytes}B",
        "errors": f"{found.errors}c",
    }
    return " ".join(f"{name}={value};;;0" for name, value in counted.items())
