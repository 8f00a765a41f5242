"""How `doctor` shows what was found."""

import os
import sys
from collections import Counter
from collections.abc import Iterator

import click
import msgspec

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli.doctor_script import commands_to_type, spread
from mtasts_resolver.cli.terminal import width, wrap
from mtasts_resolver.doctor.examination import Examination
from mtasts_resolver.doctor.well import NOT_LOOKED_AT
from mtasts_resolver.findings import Finding, Severity, worst

_ROOM = 9  # columns of the longest level and two spaces
_COLORS = {
    Severity.OK: "green",
    Severity.NOTE: "cyan",
    Severity.WARNING: "yellow",
    Severity.ERROR: "red",
}
_VERDICTS = {
    Severity.OK: "Nothing is wrong.",
    Severity.NOTE: "Nothing is wrong.",
    Severity.WARNING: "Mail moves. What is said above will break, or is weaker than it seems.",
    Severity.ERROR: "Mail is held, or goes unprotected where protection is meant.",
}


def show_report(found: Examination, *, color: bool, problems: bool) -> None:
    """Show all that was found; of what is well nothing where only `problems` are asked for."""
    columns = width(sys.stdout)
    lines = [*_sections(found, columns, problems=problems), *_verdict(found, columns)]
    click.echo("\n".join(lines), color=color)


def show_commands(found: Examination) -> None:
    """Show what can be typed; on standard error what is worse than a note and no command mends."""
    mending = [one for one in found.findings if one.severity.rank > Severity.NOTE.rank]
    for finding in mending:
        if not finding.commands:
            words = f"{finding.severity}: {finding.about}: {finding.found}. {finding.action}"
            lines = wrap(escaped(words.strip()), width(sys.stderr), first="", rest="  ")
            click.echo("\n".join(lines), err=True)
    for command in commands_to_type(found.findings):
        click.echo("\n".join(map(escaped, spread(command))))


def as_json_text(found: Examination, exit_code: int) -> str:
    """Return the same for a program."""
    told = {
        "severity": worst(found.findings),
        "exit_code": exit_code,
        "sections": found.sections,
        "commands": commands_to_type(found.findings),
    }
    return msgspec.json.encode(told).decode()


def _sections(found: Examination, columns: int | None, *, problems: bool) -> Iterator[str]:
    for section in found.sections:
        shown = [
            finding
            for finding in section.findings
            if not problems or finding.severity is not Severity.OK
        ]
        if shown:
            yield click.style(section.name, bold=True)
            for finding in shown:
                yield from _finding(finding, columns)
            yield ""


def _finding(finding: Finding, columns: int | None) -> Iterator[str]:
    first, rest = f"{finding.severity:{_ROOM}}", " " * _ROOM
    head = escaped(f"{finding.about}: {finding.found}")
    for number, line in enumerate(wrap(head, columns, first=first, rest=rest)):
        if number:
            yield line
        else:
            yield click.style(first, fg=_COLORS[finding.severity]) + line.removeprefix(first)
    for text in filter(None, (finding.matters, finding.action)):
        yield from wrap(escaped(text), columns, first=rest, rest=rest)
    # A line to type is not broken: it is copied as a whole.
    yield from (f"{rest}  {escaped(line)}" for line in finding.commands)


def _verdict(found: Examination, columns: int | None) -> Iterator[str]:
    counts = Counter(finding.severity for finding in found.findings)
    told = [
        f"{counts[severity]} {severity}{'' if counts[severity] == 1 else 's'}"
        for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE)
        if counts[severity]
    ]
    verdict = _VERDICTS[worst(found.findings)]
    yield from wrap(f"{', '.join(told)}: {verdict}" if told else verdict, columns)
    if os.geteuid() != 0 and any(one.code == NOT_LOOKED_AT.code for one in found.findings):
        yield "Run it as root to have all looked at."
    if commands := commands_to_type(found.findings):
        yield "What can be typed, in this order:"
        yield from (f"  {escaped(line)}" for command in commands for line in spread(command))
