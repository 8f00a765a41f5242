"""Lines of Postfix that are not known, by kind: what they say without whom they say it of."""

import re
from collections import Counter

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.evidence.report import UnknownLine
from mtasts_resolver.maillog.events import LogLine

# Kinds that are told apart: Postfix has some hundred messages, policies and milters some more.
MAX_KINDS = 500
# Characters of a line that are kept, and that tell its kind.
KEPT = 300

# Hosts with addresses, what is in quotes or brackets, mail addresses, paths, queue ids, numbers.
_VARIABLE = re.compile(
    r"\S+\[[^\]\s]*\](?::[0-9]+)?"
    r"|\"[^\"]*\"?|'[^']*'?|<[^>]*>?"
    r"|[^\s=<>,;()]+@[^\s=<>,;()]+"
    r"|\S*/\S*"
    r"|\b(?=[0-9A-Za-z]*[0-9])[0-9A-Za-z]{5,25}\b"
    r"|[0-9][0-9a-fA-F.:]*"
    r"|\b[a-z0-9-]+(?:\.[a-z0-9-]+)+\b"
)


class UnknownLines:
    """Counts them, and keeps one of each kind."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self.count = 0
        """All of them."""
        self.others = 0
        """Those of kinds that were too many."""

    def add(self, line: LogLine) -> None:
        """Count a line."""
        self.count += 1
        program = f"{line.service}/{line.daemon}" if line.service else line.daemon
        message = line.message[:KEPT]
        kind = f"{line.daemon}: {_VARIABLE.sub('*', message)}"
        if kind not in self._kinds and len(self._kinds) >= MAX_KINDS:
            self.others += 1
            return
        self._kinds[kind] += 1
        self._first.setdefault(kind, escaped(f"{program}: {message}")[:KEPT])

    def kinds(self) -> tuple[UnknownLine, ...]:
        """Return the first of each kind, and how many there were; the most first."""
        found = [UnknownLine(self._first[kind], n) for kind, n in self._kinds.most_common()]
        if self.others:
            found.append(UnknownLine("(others)", self.others))
        return tuple(found)
