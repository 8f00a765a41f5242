"""What has become of a policy, in lines of difference."""

import difflib
import sys
from collections.abc import Iterator

import click

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli.terminal import use_color, width, wrap
from mtasts_resolver.control.values.steering import PolicyState, Refreshed

HEADER = 2  # lines of a difference that name the files
_COLORS = {"changed": "yellow", "failed": "red", "gone": "red", "refused": "red"}
_MARKS = {"-": "red", "+": "green"}


def outcome_lines(refreshed: Refreshed) -> Iterator[str]:
    """Yield what a person reads: the outcome, and each line that has changed."""
    color = use_color("auto")
    outcome = refreshed.outcome
    shown = click.style(outcome, fg=_COLORS.get(outcome) if color else None)
    text = f"{refreshed.domain}: {outcome}{_because(refreshed)}"
    for number, line in enumerate(wrap(text, width(sys.stdout), rest="    ")):
        yield line if number else line.replace(f": {outcome}", f": {shown}", 1)
    for mark, text in policy_difference(refreshed):
        for line in wrap(escaped(text), width(sys.stdout), first=f"  {mark} ", rest="    "):
            yield click.style(line, fg=_MARKS.get(mark) if color else None)


def plain_line(refreshed: Refreshed) -> str:
    """Return the same for a pipe: domain, outcome, modes, ids, expiries, code and reason."""
    old, new = refreshed.before, refreshed.after
    cells = (
        refreshed.domain,
        refreshed.outcome,
        *(state.mode if state else "-" for state in (old, new)),
        *(state.id if state else "-" for state in (old, new)),
        *(state.expires if state else "-" for state in (old, new)),
        refreshed.code or "-",
        escaped(refreshed.reason or "-"),
    )
    return "\t".join(cells)


def policy_difference(refreshed: Refreshed) -> Iterator[tuple[str, str]]:
    """Yield lines with a mark: `-` was, `+` is, and a space for what stays and matters."""
    old, new = refreshed.before, refreshed.after
    if old is not None and new is not None:
        # Not ndiff, which on lines that a stranger chose takes minutes.
        found = difflib.unified_diff(_lines(old), _lines(new), n=0, lineterm="")
        for line in list(found)[HEADER:]:
            if line[0] in "-+":
                yield line[0], line[1:]
    else:
        for mark, state in (("-", old), ("+", new)):
            for line in () if state is None else _lines(state):
                yield mark, line
    if old is not None and new is not None and old.expires == new.expires:
        yield " ", f"expires {new.expires}"
    if refreshed.dane_before != refreshed.dane_after:
        yield "-", f"DANE {refreshed.dane_before or 'not known'}"
        yield "+", f"DANE {refreshed.dane_after or 'not known'}"


def _lines(state: PolicyState) -> list[str]:
    """Return a policy as lines: the document, and what is known besides."""
    return [*state.document.splitlines(), f"id {state.id}", f"expires {state.expires}"]


def _because(refreshed: Refreshed) -> str:
    if refreshed.code or refreshed.reason:
        reason = ": ".join(filter(None, (refreshed.code, refreshed.reason)))
        stays = "; the policy that is held stays" if refreshed.after is not None else ""
        return f", {escaped(reason)}{stays}"
    new = refreshed.after
    return "" if new is None else f", mode {new.mode}"
