"""`mtasts-resolver warm`: knowing the answers before mail comes."""

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import click
import msgspec

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.files import opened_file
from mtasts_resolver.cli.maillog import next_hops
from mtasts_resolver.cli.mistakes import mistake_in_key
from mtasts_resolver.cli.options import json_option
from mtasts_resolver.cli.progress import progress
from mtasts_resolver.cli.running import daemon_options, running_daemon
from mtasts_resolver.cli.terminal import is_terminal, width, wrap
from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.steering import Warmed, WarmRequest
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.packed import unpacked_pieces
from mtasts_resolver.evidence.inputs.splitting import decoded_lines, lines_in

# Keys of one request: below the bound of a body, and so many that the slowest do not matter.
SENT_AT_ONCE = 5_000
MAX_KEYS_READ = 1_000_000  # more than anyone sends mail to


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--from-maillog",
    "maillog",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Take the domains that mail went to from a log of Postfix, which may be packed.",
)
@daemon_options
@json_option
def warm(
    file: Path | None,
    *,
    maillog: Path | None,
    control_socket: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Have the daemon find out what it does not know yet of the domains in FILE.

    FILE has a domain, or a next hop such as `[relay.example]:587`, in each line, and comments after
    a `#`; `-` is standard input. The first mail to each then waits for nothing. What is in no use
    is forgotten again; `preload` in the configuration keeps domains for ever.

    Exit codes: 0, also where some domain's policy cannot be had; 2 where a line is no domain, and
    the others were looked at all the same; 75 where nobody has looked.
    """
    if (file is None) is (maillog is None):
        raise click.UsageError("name a FILE with domains, or a log with --from-maillog")
    faults: list[str] = []
    keys = _from_maillog(maillog) if maillog else _from_file(file or Path("-"), faults)
    for fault in faults:
        click.echo(fault, err=True)
    counts: Counter[str] = Counter()
    kept: list[Warmed] = []
    with (
        running_daemon(control_socket, config_file, patience=None) as daemon,
        progress("finding out") as tell,
    ):
        for warmed in _outcomes(daemon, keys):
            counts[warmed.outcome] += 1
            tell(counts.total(), len(keys))
            if as_json:
                kept.append(warmed)
            else:
                with tell.aside():
                    _show(warmed)
    if as_json:
        told = {"domains": kept, "outcomes": dict(counts), "faults": faults}
        click.echo(msgspec.json.encode(told).decode())
    else:
        summary = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.most_common())
        click.echo(summary or "there is no domain in it", err=True)
    sys.exit(_exit_code(counts, faults))


def _exit_code(counts: Counter[str], faults: list[str]) -> int:
    if counts["refused"]:
        return exit_codes.TEMPORARY
    return exit_codes.USAGE if faults else 0


def _outcomes(daemon: ControlClient, keys: list[str]) -> Iterator[Warmed]:
    waiting = iter(keys)
    while some := tuple(islice(waiting, SENT_AT_ONCE)):
        yield from daemon.stream("POST", Warmed, "warm", body=WarmRequest(keys=some))


def _show(warmed: Warmed) -> None:
    """Show a line for a pipe; for a person only what did not go well, and the rest as a sum."""
    if not is_terminal(sys.stdout):
        cells = (
            warmed.key,
            warmed.outcome,
            warmed.mode or "-",
            warmed.dane or "-",
            warmed.code or "-",
            escaped(warmed.reason or "-"),
        )
        click.echo("\t".join(cells))
    elif warmed.outcome in ("failed", "refused"):
        because = ": ".join(filter(None, (warmed.code, warmed.reason)))
        text = f"{warmed.key}: {warmed.outcome}, {escaped(because)}"
        click.echo("\n".join(wrap(text, width(sys.stdout), rest="    ")))


# -- what is asked for ---------------------------------------------------------------------------


def _from_maillog(path: Path) -> list[str]:
    """Return the next hops that mail went to, those first that had most."""
    with opened_file(path) as file:
        try:
            hops = next_hops(chain.from_iterable(lines_in(unpacked_pieces(file))))
        except InputError as error:
            raise CommandError(f"{path}: {error}") from None
    return [hop for hop, _ in hops.most_common()]


def _from_file(path: Path, faults: list[str]) -> list[str]:
    """Return the keys that a file names; what is none is told to `faults`."""
    keys: dict[str, None] = {}
    for number, line in enumerate(_decoded_lines(path), start=1):
        key = line.partition("#")[0].strip()
        if not key:
            continue
        if (mistake := mistake_in_key(key)) is not None:
            faults.append(f"{path}: line {number}: {mistake.about(key)}")
        elif len(keys) < MAX_KEYS_READ:
            keys[key] = None
    return list(keys)


def _decoded_lines(path: Path) -> Iterator[str]:
    with opened_file(path) as file:
        try:
            yield from decoded_lines(file)
        except InputError as error:
            raise CommandError(f"{path}: {error}") from None
