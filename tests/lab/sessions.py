"""What a page of the documentation shows of a terminal, made by typing it in the lab.

A block ```console holds commands after `$ `, and what each printed. A comment before the block says
what happens in the lab before it is typed:

    <!-- lab: new-document enforced.example -->

The page is written anew by `make docs-lab`. A test types the same, and compares the shape of what
is printed: the words, and not the times, numbers and widths.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_SESSION = re.compile(
    r"(?:^<!-- lab: (?P<before>.*) -->\n+)?^```console\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NUMBERS = re.compile(r"[0-9]+")
_SPACES = re.compile(r"[ \t]+|[─━═]+|\.\.\.$|…")

Happen = Callable[[str], None]
Type = Callable[[str], str]


class Session(NamedTuple):
    """One block."""

    before: list[str]
    """What happens first."""
    typed: list[str]
    text: str
    """All of it, as the page has it."""


def sessions(page: str) -> Iterator[Session]:
    """Yield the blocks of a page."""
    for found in _SESSION.finditer(page):
        before = [step.strip() for step in (found["before"] or "").split(";") if step.strip()]
        typed = [line[2:] for line in found["text"].splitlines() if line.startswith("$ ")]
        yield Session(before, typed, found["text"])


def replay(session: Session, happen: Happen, type_in: Type) -> str:
    """Type what a block holds, and return the block as it is now."""
    for step in session.before:
        happen(step)
    return "".join(f"$ {line}\n{_printed(type_in(line))}" for line in session.typed)


def rewrite(page: str, happen: Happen, type_in: Type) -> str:
    """Return the page with what its commands print now."""
    done = iter([replay(session, happen, type_in) for session in sessions(page)])

    def renewed(found: re.Match[str]) -> str:
        return found[0].replace(f"```console\n{found['text']}", f"```console\n{next(done)}")

    return _SESSION.sub(renewed, page)


def shape(text: str) -> list[str]:
    """Return the words of a block's lines, without what differs from one day to the next."""
    plain = _SPACES.sub(" ", _NUMBERS.sub("0", text))
    return [line.strip() for line in plain.splitlines() if line.strip()]


def _printed(output: str) -> str:
    lines = [line.rstrip() for line in output.replace("\r", "").splitlines()]
    return "".join(f"{line}\n" for line in lines)
