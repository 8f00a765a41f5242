"""Reasons, counted by what they have in common."""

import re
from collections import Counter

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.evidence.accounts.directions import counted_rows
from mtasts_resolver.evidence.accounts.frequent import OTHERS
from mtasts_resolver.evidence.report import CountedRow
from mtasts_resolver.maillog.events import Cause

# Different reasons. OpenSSL has some hundred, Postfix fewer.
MAX_REASONS = 500

# [pid:]error:[code]:[library]:[function]:[reason]:[file]:[line]:[data], as OpenSSL puts its errors:
# code, function, file and line differ from version to version (ERR_error_string(3)).
_OPENSSL = re.compile(r"(?:-1: )?(?:\b\d+:)?\berror:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+).*", re.ASCII)
# What differs each time, and says nothing of the reason: names in quotes or angle brackets, names
# of hosts with their addresses in brackets, and long numbers.
_PARTICULAR = re.compile(
    r'"[^"]*"|<[^>]*>|\b(?:[\w-]+\.)+[a-z][\w-]*(?:\[[^\]]*\])?(?::\d+)?'
    r"|\[[^\]]*\](?::\d+)?|\b\d{4,}\b",
    re.IGNORECASE,
)
_BLANK = re.compile(r"\s+")


def folded(cause: Cause, reason: str) -> str:
    """Return a cause with its reason, without what is particular to one time."""
    general = _PARTICULAR.sub("…", _OPENSSL.sub(r"\1", _BLANK.sub(" ", reason))).strip()
    return printable(f"{cause.value}: {general}") if general else cause.value


class ReasonTally:
    """How often each reason was seen; the first MAX_REASONS by name, all others together."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def count(self, cause: Cause, reason: str) -> None:
        """Count one."""
        name = folded(cause, reason)
        if name not in self._counts and len(self._counts) >= MAX_REASONS:
            name = OTHERS
        self._counts[name] += 1

    def rows(self) -> tuple[CountedRow, ...]:
        """Return the most frequent first."""
        return counted_rows(self._counts)
