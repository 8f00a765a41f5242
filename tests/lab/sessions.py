"""What a page of the documentation shows of a terminal, made by typing it in the lab.

A block ```console holds commands after `$ `, and what each printed. A comment before the block says
what happens in the lab before it is typed, with semicolons between:

    <!-- lab: mail enforced.example; policy-host-down enforced.example -->

`make docs-lab` writes the page anew. A test types the same, and compares the shape of what is
printed: the words, and not the times, numbers and widths.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

_SESSION = re.compile(
    r"(?:^<!-- lab: (?P<before>[^>]*) -->\n+)?^```console\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NUMBERS = re.compile(r"[0-9]+(?:,[0-9]{3})*")
_SPANS = re.compile(r"\b0(?:d|h|min|s)(?: 0(?:d|h|min|s))?\b")
_RULES = re.compile(r"[─━═]+|…")


class Typist(Protocol):
    """Where a page's commands are typed."""

    def happen(self, step: str) -> None:
        """Do what a comment says."""

    def spell(self, line: str) -> str:
        """Return the command as it is typed today."""

    def type(self, line: str) -> str:
        """Return what the terminal shows of a command's output."""


class Session(NamedTuple):
    """One block."""

    before: list[str]
    """What happens first."""
    typed: list[str]
    text: str
    """All of it, as the page has it."""


def sessions(page: str) -> Iterator[Session]:
    """Yield the blocks of a page."""
    return map(_session, _SESSION.finditer(page))


def replay(session: Session, typist: Typist) -> str:
    """Type what a block holds, and return the block as it is now."""
    for step in session.before:
        typist.happen(step)
    lines = map(typist.spell, session.typed)
    return "".join(f"$ {line}\n{_printed(typist.type(line))}" for line in lines)


def rewrite(page: str, typist: Typist) -> str:
    """Return the page with what its commands print now."""

    def renewed(found: re.Match[str]) -> str:
        head = found[0].removesuffix(f"{found['text']}```")
        return f"{head}{replay(_session(found), typist)}```"

    return _SESSION.sub(renewed, page)


def shape(text: str) -> list[str]:
    """Return the words of a block, without what differs from one day to the next.

    That is numbers, and with them where a line ends.
    """
    return _RULES.sub(" ", _SPANS.sub("0s", _NUMBERS.sub("0", text))).split()


def _session(found: re.Match[str]) -> Session:
    before = [step.strip() for step in (found["before"] or "").split(";") if step.strip()]
    typed = [line[2:] for line in found["text"].splitlines() if line.startswith("$ ")]
    return Session(before, typed, found["text"])


def _printed(output: str) -> str:
    return output if output.strip() else ""
