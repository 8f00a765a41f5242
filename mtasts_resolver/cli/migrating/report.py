"""What `migrate` shows a person: what becomes of each part, and what to do."""

from collections.abc import Iterable, Iterator

import click

from mtasts_resolver.base.quoting import escaped, quote
from mtasts_resolver.cli.migrating.moving import PostfixSide
from mtasts_resolver.cli.migrating.ours import BACKUP, FoundThere, OurPlace
from mtasts_resolver.cli.migrating.policies import PolicyTally
from mtasts_resolver.cli.terminal import wrap
from mtasts_resolver.config import DEFAULT_ADDRESS
from mtasts_resolver.migration.steps import MovingStep
from mtasts_resolver.migration.takeover import Takeover
from mtasts_resolver.migration.theirpolicies import PassedOver

SHOWN_FAULTS = 10  # of their cache, each with its reason; --json has more

_INDENT = "  "
_COMMENTS = "its comments are kept in"


def heading(text: str) -> str:
    """Return a section's first line."""
    return click.style(text, bold=True)


def told(text: str, columns: int | None, indent: str = _INDENT) -> list[str]:
    """Return words of a section in lines."""
    return wrap(escaped(text), columns, first=indent, rest=indent)


def config_lines(
    text: str, place: OurPlace, taken: Takeover, columns: int | None, *, written: bool
) -> Iterator[str]:
    """Yield what becomes of the configuration."""
    yield heading("Configuration")
    if text:
        yield from told(_what_happens(place, written=written), columns)
        # A line of it is not broken: it is copied as a whole.
        yield from (f"{_INDENT * 2}{escaped(line)}".rstrip() for line in text.splitlines()[3:])
    else:
        yield from told("The defaults do what it did: none is needed.", columns)
    if taken.alike:
        names = ", ".join(dict.fromkeys(taken.alike))
        yield from told(f"Nothing is lost by leaving out {names}.", columns)


def _what_happens(place: OurPlace, *, written: bool) -> str:
    path = place.path
    match place.standing:
        case FoundThere.SAME:
            return f"{path} has it already:"
        case FoundThere.ABSENT:
            return f"{path} {'is written' if written else 'would be'}:"
        case FoundThere.EMPTY:
            done = "is written" if written else "would be written"
            return f"{path} {done}; it set nothing, and {_COMMENTS} {path.name}{BACKUP}:"
        case FoundThere.OTHER:
            return f"{path} sets something already, and is not written over. It should have:"
        case FoundThere.UNREADABLE:
            return f"{place.fault}. It should have:"


def left_lines(taken: Takeover, columns: int | None) -> Iterator[str]:
    """Yield what is not taken over, and why."""
    if taken.left:
        yield heading("Not taken over, or not alone")
        for one in taken.left:
            value = "" if one.value is None else f": {one.value}"
            yield from told(f"{one.key}{value} (line {one.line})", columns)
            yield from told(one.reason, columns, _INDENT * 2)


def policy_lines(tally: PolicyTally, columns: int | None) -> Iterator[str]:
    """Yield what becomes of their policies."""
    yield heading("Policies")
    if tally.unreadable:
        yield from told(tally.unreadable, columns)
        return
    number = f"{tally.holding:,} polic{'y' if tally.holding == 1 else 'ies'}"
    held = f"{number} of {tally.cache.path} hold{'s' if tally.holding == 1 else ''}"
    yield from told(f"{held}. {_what_became(tally)}".rstrip(), columns)
    none = tally.passed_over.get(PassedOver.NO_POLICY, 0)
    dane = tally.passed_over.get(PassedOver.DANE, 0)
    passed = [
        f"{tally.expired:,} expired" if tally.expired else "",
        f"{none:,} that say there is no policy" if none else "",
        f"{dane:,} of DANE, which is looked up anew" if dane else "",
        f"{tally.faulty:,} of which nothing can be made" if tally.faulty else "",
    ]
    if left := ", ".join(filter(None, passed)):
        yield from told(f"Left there: {left}.", columns)
    for fault in tally.faults[:SHOWN_FAULTS]:
        yield from told(f"{quote(fault.domain)}: {fault.reason}", columns, _INDENT * 2)
    if tally.faulty > SHOWN_FAULTS:
        yield from told(f"and {tally.faulty - SHOWN_FAULTS:,} more", columns, _INDENT * 2)


def _what_became(tally: PolicyTally) -> str:
    if tally.written:
        return f"Written to {tally.written}, for `mtasts-resolver cache import`."
    if tally.waiting:
        return "They wait for our daemon, which does not answer yet: the steps say when."
    if tally.imported:
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in tally.imported.items())
        return f"The daemon was brought them: {counts}."
    return "With --write the daemon is brought them." if tally.holding else ""


def postfix_lines(side: PostfixSide, taken: Takeover, columns: int | None) -> Iterator[str]:
    """Yield the line of main.cf that changes, or that none does."""
    yield heading("Postfix")
    for reason in side.unread:
        yield from told(f"{reason}.", columns)
    if not side.asked:
        there = "It asks nobody" if side.found else "Where it asks somebody"
        yield from told(
            f"{there} at {taken.address} in smtp_tls_policy_maps. Ours is asked there by"
            f" socketmap:{DEFAULT_ADDRESS}:default, behind tables of your own:"
            " `mtasts-resolver doctor` prints the line.",
            columns,
        )
    for one in side.asked:
        yield from told(f"{one.about} is", columns)
        yield f"{_INDENT * 2}{escaped(one.before)}"
        if one.by_hand:
            yield from told(f"and cannot be changed by a line: {one.by_hand}.", columns)
        elif one.after == one.before:
            yield from told("and stays so.", columns)
        else:
            yield from told("and becomes", columns)
            yield f"{_INDENT * 2}{escaped(one.after)}"


def step_lines(head: str, steps: Iterable[MovingStep], columns: int | None) -> Iterator[str]:
    """Yield steps, numbered, each with the lines to type."""
    yield heading(head)
    for number, step in enumerate(steps, start=1):
        yield from wrap(escaped(step.words), columns, first=f"{number:>2}. ", rest="    ")
        # A line to type is not broken: it is copied as a whole.
        yield from (f"      {escaped(line)}" for line in step.commands)
