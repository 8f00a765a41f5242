"""What a person sees of a check: the verdict, the hosts as a table, and advice."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import click

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli.checked.hosts import Cell, HostLine, host_lines
from mtasts_resolver.cli.checked.results import (
    CheckedDomain,
    CheckVerdict,
    DaemonCheck,
    days_left,
)
from mtasts_resolver.cli.checked.words import mode_words, verdict_words
from mtasts_resolver.cli.moments import shown_locally
from mtasts_resolver.cli.terminal import wrap
from mtasts_resolver.findings import Finding
from mtasts_resolver.published.observed import Observed

COLORS: dict[str, str] = {
    "ok": "green",
    "note": "cyan",
    "warning": "yellow",
    "unknown": "yellow",
    "error": "red",
}
_HEADS = ("HOST", "TLS", "CERTIFICATE", "DAYS", "POLICY", "DANE")
_ROOMS = (7, 11, 4, 6, 8)  # of the columns after the first: the longest word of each
_LEAST = 24  # columns of the first: enough for most addresses
_ALIKE = 3  # addresses of a host of which all is the same, and that each have a line
_INDENT = 9  # columns of the longest severity, and two spaces
_DEEPER = "    "


def report(one: CheckedDomain, titles: Mapping[str, str], columns: int) -> Iterator[str]:
    """Yield the lines of one domain's report, in colours."""
    head = f"{one.verdict.upper()}  "
    rest = " " * len(head)
    words = escaped(f"{one.domain}: {verdict_words(one)}")
    first, *more = wrap(words, columns, first=head, rest=rest)
    yield _styled(one.verdict, head) + first.removeprefix(head)
    yield from more
    if one.by_daemon is not None:
        yield from wrap(escaped(_when(one.by_daemon)), columns, first=rest, rest=rest)
    if one.observed is not None and not one.reason:
        yield ""
        yield from _table(one.observed, columns)
    for findings in _alike(one.findings):
        yield ""
        yield from _advice(findings, titles, columns)


def _when(made: DaemonCheck) -> str:
    """Say when the daemon has checked, and will check again."""
    when = "never" if made.checked is None else shown_locally(made.checked)
    then = "being checked now" if made.next is None else f"next {shown_locally(made.next)}"
    since = f"; it could not be checked since: {made.trouble}" if made.trouble else ""
    return f"checked by the daemon {when}, {then}{since}"


def _styled(severity: str, text: str) -> str:
    return click.style(text, fg=COLORS.get(severity), bold=True)


# -- hosts ---------------------------------------------------------------------------------------


def _table(observed: Observed, columns: int) -> Iterator[str]:
    lines = list(_folded(host_lines(observed)))
    between = 2 * len(_ROOMS)
    longest = max((len(_label(line)) for line in lines), default=0)
    room = max(_LEAST, min(longest, columns - between - sum(_ROOMS)))
    yield click.style(_joined(_HEADS[0], room, map(Cell, _HEADS[1:])), bold=True)
    for line in lines:
        yield from _row(line, room, columns)
    if observed.mx_failure is not None:
        yield from wrap(escaped(observed.mx_failure.reason), columns, first="MX  ", rest="    ")
    if observed.more_mx_hosts:
        yield f"and {observed.more_mx_hosts:,} more MX hosts, not visited"


def _folded(lines: Iterable[HostLine]) -> Iterator[HostLine]:
    """Yield lines, one for many addresses of a host that differ in nothing else."""
    for _, group in groupby(lines, key=lambda line: line._replace(address=str(line.address != ""))):
        alike = list(group)
        if len(alike) <= _ALIKE:
            yield from alike
            continue
        yield alike[0]
        yield alike[1]._replace(address=f"and {len(alike) - 1} more alike")


def _label(line: HostLine) -> str:
    if line.address:
        return f"  {escaped(line.address)}"
    preference = "" if line.role == "policy" else f"MX {line.preference} "
    return f"{preference}{escaped(line.host)}"


def _row(line: HostLine, room: int, columns: int) -> Iterator[str]:
    """Yield the line of a host or address; what is too long for its column has lines of its own."""
    label = _label(line)
    cells = (line.version, line.certificate, line.days, line.policy, line.dane)
    if len(label) > room:
        yield label
        label = ""
    if any(cell.text for cell in cells):
        yield _joined(label, room, cells)
        if line.trouble:
            yield from wrap(escaped(line.trouble), columns, first=_DEEPER, rest=_DEEPER)
    elif line.trouble:
        first = f"{label:{room}}  "
        head, *more = wrap(escaped(line.trouble), columns, first=first, rest=" " * len(first))
        yield first + click.style(head[len(first) :], fg="yellow")
        yield from (click.style(text, fg="yellow") for text in more)
    elif label:
        yield label


def _joined(first: str, room: int, cells: Iterable[Cell]) -> str:
    parts = [first.ljust(room)]
    for cell, width in zip(cells, _ROOMS, strict=True):
        text = cell.text.rjust(width) if cell.text.lstrip("-").isdigit() else cell.text.ljust(width)
        parts.append(click.style(text, fg="yellow") if cell.bad else text)
    return "  ".join(parts).rstrip()


# -- advice --------------------------------------------------------------------------------------


def _alike(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """Yield findings of one kind together that have the same done about them, in their order."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for one in findings:
        key = (one.severity, one.code, one.matters, one.action, one.commands)
        groups.setdefault(key, []).append(one)
    yield from groups.values()


def _advice(findings: Sequence[Finding], titles: Mapping[str, str], columns: int) -> Iterator[str]:
    """Yield what was found, why it matters, and what to do."""
    one, rest = findings[0], " " * _INDENT
    title = titles.get(one.code, "")
    first = one.severity.ljust(_INDENT)
    head, *more = wrap(
        escaped(f"{title} ({one.code})" if title else one.code), columns, first=first, rest=rest
    )
    yield _styled(one.severity, first) + click.style(head[len(first) :], bold=True)
    yield from (click.style(line, bold=True) for line in more)
    for finding in findings:
        words = ": ".join(filter(None, (finding.about, finding.found)))
        yield from wrap(escaped(words), columns, first=f"{rest}- ", rest=f"{rest}  ")
    if one.matters:
        yield from wrap(escaped(one.matters), columns, first=rest, rest=rest)
    if one.action:
        yield from wrap(escaped(one.action), columns, first=f"{rest}To do: ", rest=f"{rest}       ")
    for command in one.commands:
        yield f"{rest}{_DEEPER}{escaped(command)}"


# -- many ----------------------------------------------------------------------------------------


def summary_lines(domains: Sequence[CheckedDomain]) -> list[tuple[str, ...]]:
    """Return a line for each of several domains, the most urgent first."""
    order: list[CheckVerdict] = ["error", "unknown", "warning", "note", "ok"]
    return [
        (
            one.domain,
            one.verdict.upper(),
            str(one.errors),
            str(one.warnings),
            "-" if (days := _days(one)) is None else str(int(days)),
            mode_words(one.observed) if one.observed is not None and not one.reason else one.reason,
        )
        for one in sorted(domains, key=lambda one: order.index(one.verdict))
    ]


SUMMARY_HEADS = ("DOMAIN", "VERDICT", "ERRORS", "WARNINGS", "DAYS", "STATE")


def _days(one: CheckedDomain) -> float | None:
    return None if one.observed is None else days_left(one.observed)
