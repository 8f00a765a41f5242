"""`mtasts-resolver report verify`: whether the reports that were kept are as they were written."""

import sys
from pathlib import Path

import click
import msgspec

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.options import json_option
from mtasts_resolver.cli.terminal import use_color, width, wrap
from mtasts_resolver.report.chain import ChainEntry, ChainFault, FaultKind, ReportChain
from mtasts_resolver.report.shelf import ReportShelf
from mtasts_resolver.report.words import number, so_many

DEFAULT_SHELF = Path("/var/lib/mtasts-resolver/reports")
_COLORS = {FaultKind.BROKEN: "red", FaultKind.UNFINISHED: "yellow"}
_SUM_LENGTH = 64  # hexadecimal digits of SHA-256


class VerifiedReports(msgspec.Struct, frozen=True, kw_only=True):
    """What --json prints."""

    directory: str
    whole: bool
    reports: int
    """Whose files must be there."""
    let_go: int
    entries: int
    head: str
    """The sum of the last entry."""
    last: ChainEntry | None
    head_given: str | None
    faults: tuple[ChainFault, ...]


def _parse_sum(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> str | None:
    if text is None:
        return None
    found = text.strip().lower()
    if len(found) != _SUM_LENGTH or set(found) - set("0123456789abcdef"):
        raise click.BadParameter("a sum has 64 digits from 0 to f, as `report verify` prints it")
    return found


@click.command("verify")
@click.argument(
    "directory", required=False, type=click.Path(file_okay=False, path_type=Path), metavar="[DIR]"
)
@click.option(
    "--head",
    "head_given",
    metavar="SUM",
    callback=_parse_sum,
    help="A sum that this command printed earlier, and that was kept elsewhere: all that was"
    " written until then must still be there.",
)
@json_option
def report_verify(*, directory: Path | None, head_given: str | None, as_json: bool) -> None:
    """Tell whether the reports in DIR are as they were written: none removed, changed or put in.

    DIR is where `report --keep` has put them; unset: /var/lib/mtasts-resolver/reports. It may be a
    copy.

    What nobody can tell from DIR alone is whether its end was cut off, or all of it written anew by
    somebody who may write there. Keep the sum that is printed elsewhere, and give it to --head
    later.

    Exit codes: 0; 1 where a run was interrupted, or nothing is kept; 2 where something is not as it
    was written, or DIR cannot be read.
    """
    place = directory or DEFAULT_SHELF
    try:
        chain, faults = ReportShelf(place).verify()
    except OSError as error:
        raise CommandError(f"{error.filename or place}: {error.strerror}") from None
    if head_given is not None and head_given not in chain.sums:
        what = "the list has no such entry: its end was cut off, or it was written anew"
        faults = (*faults, ChainFault(FaultKind.BROKEN, f"the sum {head_given}", what))
    if as_json:
        printed = VerifiedReports(
            directory=str(place),
            whole=not faults,
            reports=len(chain.kept),
            let_go=len(chain.let_go),
            entries=len(chain.sums),
            head=chain.head,
            last=chain.entries[-1] if chain.entries else None,
            head_given=head_given,
            faults=faults,
        )
        click.echo(msgspec.json.encode(printed).decode())
    else:
        _show(chain, faults, head_given)
    sys.exit(_code(chain, faults))


def _code(chain: ReportChain, faults: tuple[ChainFault, ...]) -> int:
    if any(fault.kind is FaultKind.BROKEN for fault in faults):
        return exit_codes.ERRORS_FOUND
    return exit_codes.WARNINGS_FOUND if faults or not chain.sums else 0


def _show(chain: ReportChain, faults: tuple[ChainFault, ...], head_given: str | None) -> None:
    columns, color = width(sys.stdout), use_color("auto")
    for fault in faults:
        first = f"{fault.kind.value:<12}"
        text = escaped(f"{fault.about}: {fault.what}")
        for line in wrap(text, columns, first=first, rest=" " * len(first)):
            click.echo(click.style(line, fg=_COLORS[fault.kind]) if color else line)
    if not chain.sums:
        click.echo("No report is kept here.")
        return
    so_far = "" if faults else ", each as it was written"
    last = f"; the last: {chain.entries[-1].made_at}" if chain.entries else ""
    lines = [f"{so_many(len(chain.kept), 'report')}{so_far}{last}"]
    if chain.let_go:
        lines.append(
            f"{so_many(len(chain.let_go), 'report')} let go by rule, and their files removed"
        )
    if head_given in chain.sums and not faults:
        place = chain.sums.index(head_given) + 1
        lines.append(
            f"The sum given is that of entry {number(place)}: nothing before it was changed."
        )
    lines.append(f"head: entry {number(len(chain.sums))}, {chain.head}")
    if head_given is None:
        lines.append(
            "Keep the head elsewhere: with --head it shows later whether the end was cut off, or"
            " all of it written anew. From here alone nobody can tell."
        )
    for line in lines:
        for part in wrap(escaped(line), columns):
            click.echo(part)
