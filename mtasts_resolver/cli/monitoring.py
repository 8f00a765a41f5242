"""One line and an exit code for monitoring, as the Monitoring Plugins Guidelines have them."""

from collections.abc import Mapping
from typing import NamedTuple

from mtasts_resolver.cli.errors import CommandError, DaemonUnreachableError
from mtasts_resolver.control.values.status import DaemonStatus
from mtasts_resolver.control.values.verdict import worries

OK, WARNING, CRITICAL, UNKNOWN = range(4)
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


class PluginLine(NamedTuple):
    """What monitoring is told; `str` is its line."""

    exit_code: int
    words: str
    performance: str = ""

    def __str__(self) -> str:
        # A bar would begin the performance data.
        line = f"MTA-STS {_WORDS[self.exit_code]} - {self.words.replace('|', '/')}"
        return f"{line} | {self.performance}" if self.performance else line


def performance_data(values: Mapping[str, object]) -> str:
    """Return counts and measures, none of which can be below zero, as plug-ins say them."""
    return " ".join(f"{name}={value};;;0" for name, value in values.items())


def unreachable(error: CommandError) -> PluginLine:
    """Return the verdict on a daemon that cannot be asked: whether it is there is known or not."""
    down = isinstance(error, DaemonUnreachableError)
    return PluginLine(CRITICAL if down else UNKNOWN, error.message)


def status_plugin_line(
    found: DaemonStatus, *, warning_days: float, critical_days: float
) -> PluginLine:
    """Return the verdict on a status."""
    wrong = worries(found, warning_days=warning_days, critical_days=critical_days)
    policies = found.policies
    words = (
        f"{policies.enforce + policies.testing + policies.none} policies,"
        f" {policies.failing} failing, {found.lookups.total} look-ups"
    )
    level = max((CRITICAL if worry.critical else WARNING for worry in wrong), default=OK)
    return PluginLine(
        level, "; ".join([*(worry.words for worry in wrong), words]), _performance(found)
    )


def _performance(found: DaemonStatus) -> str:
    lookups, policies = found.lookups, found.policies
    return performance_data(
        {
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
    )
