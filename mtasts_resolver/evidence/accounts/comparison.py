"""Figures beside those of the period before: what has changed, and whether that is better.

The period before is another Account, or an earlier report of which its JSON is left. Figures are
all that is needed: each of them says how many of how many.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from mtasts_resolver.evidence.report import Figure, FigureChange

# A share that moves less than that is the same: 0.1 percentage points. But where all is the aim, or
# none, a single one counts, and any difference is one.
SAME_SHARE = 0.001


class _Kind(NamedTuple):
    """What is good of a figure."""

    more_is_better: bool | None
    """Of its share."""
    rest: str = ""
    """The key of how many are in its denominator and not in its numerator, if that is shown."""
    rest_title: str = ""
    total: str = ""
    """The key of how many there were."""
    total_title: str = ""


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "enforced-verified": _Kind(
            True, "enforced-unverified", "Sent unverified though TLS was enforced"
        ),
        "enforcement-success": _Kind(True),
        "outbound-encrypted": _Kind(
            *(True, "outbound-plain", "Sent in plain text"),
            *("outbound-deliveries", "Outgoing deliveries"),
        ),
        "inbound-encrypted": _Kind(
            *(True, "inbound-plain", "Received in plain text"),
            *("inbound-messages", "Incoming messages"),
        ),
        "policies-retrieved": _Kind(True),
        "enforcement-failures": _Kind(False),
        "messages-held": _Kind(False),
    }
)


def figure_changes(now: Iterable[Figure], before: Iterable[Figure]) -> tuple[FigureChange, ...]:
    """Return what has changed: the share of each figure, and some of what it counts."""
    past = {figure.key: figure for figure in before}
    return tuple(change for figure in now for change in _changes(figure, past.get(figure.key)))


def _changes(now: Figure, before: Figure | None) -> Iterator[FigureChange]:
    kind = _KINDS.get(now.key, _Kind(None))
    share, past = now.share, before.share if before else None
    better = None
    if share is not None and past is not None and _differ(share, past, now.aim):
        better = kind.more_is_better if share > past else _not(kind.more_is_better)
    yield FigureChange(key=now.key, title=now.title, before=past, now=share, better=better)
    if kind.rest:
        yield _number(kind.rest, kind.rest_title, _rest(now), _rest(before), less_is_better=True)
    if kind.total:
        yield _number(kind.total, kind.total_title, _total(now), _total(before))


def _differ(share: float, past: float, aim: float | None) -> bool:
    return abs(share - past) >= SAME_SHARE or (share != past and aim in (share, past))


def _not(better: bool | None) -> bool | None:
    return None if better is None else not better


def _rest(figure: Figure | None) -> int | None:
    return figure.denominator - figure.numerator if figure else None


def _total(figure: Figure | None) -> int | None:
    return figure.denominator + figure.unknown if figure else None


def _number(
    key: str, title: str, now: int | None, before: int | None, *, less_is_better: bool = False
) -> FigureChange:
    better = None
    if less_is_better and now is not None and before is not None and now != before:
        better = now < before
    return FigureChange(key=key, title=title, before=before, now=now, better=better, number=True)
