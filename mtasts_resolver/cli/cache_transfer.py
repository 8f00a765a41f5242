"""`mtasts-resolver cache export` and `import`: policies taken along, and brought."""

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import click
import msgspec

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.domain_filters import filter_options, filters
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.export_format import FormatError, Numbered, read_export, write_export
from mtasts_resolver.cli.files import opened_file, written_file
from mtasts_resolver.cli.options import json_option
from mtasts_resolver.cli.postfix_table import table_lines
from mtasts_resolver.cli.progress import progress
from mtasts_resolver.cli.running import daemon_options, running_daemon
from mtasts_resolver.cli.terminal import is_terminal
from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.policies import ExportedPolicy, Imported, KeyAnswer

# Policies that are sent in one request: the bar moves, and a refusal names what it is about.
SENT_AT_ONCE = 500


@click.command("export")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "postfix"]),
    default="json",
    show_default=True,
    help="`postfix`: a table for smtp_tls_policy_maps, without the daemon.",
)
@click.option(
    "--map",
    "map_name",
    default="default",
    show_default=True,
    help="Of the format `postfix`: the map whose answers the table holds.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write, when all has come; unset: standard output.",
)
@filter_options
@daemon_options
@json_option
def cache_export(
    *,
    form: str,
    map_name: str,
    output: Path | None,
    control_socket: Path | None,
    config_file: Path | None,
    as_json: bool,
    **filtered: object,
) -> None:
    """Write the policies that the daemon holds, for `cache import` or as a table for Postfix.

    The JSON document has a line a policy; docs/cache-export.schema.json describes it. The table is
    for a day when the daemon must be away: it says by when it must be gone again.
    """
    wanted = filters(filtered)
    with running_daemon(control_socket, config_file) as daemon, written_file(output) as file:
        if form == "json":
            quiet = output is None and is_terminal(sys.stdout)
            count = write_export(_policies(daemon, wanted, quiet=quiet), file)
        else:
            count = _write_table(daemon, wanted, map_name, file)
    if not as_json:
        click.echo(f"{count:,} written", err=True)


def _policies(
    daemon: ControlClient, wanted: dict[str, object], *, quiet: bool
) -> Iterator[ExportedPolicy]:
    with progress("reading policies", shown=not quiet) as tell:
        found = daemon.stream("GET", ExportedPolicy, "export", params=wanted)
        for number, policy in enumerate(found, start=1):
            tell(number, None)
            yield policy


def _write_table(
    daemon: ControlClient, wanted: dict[str, object], map_name: str, file: IO[bytes]
) -> int:
    if wanted["mode"] == "policies":
        wanted = {**wanted, "mode": "all"}  # DANE may decide where there is no policy
    params = {**wanted, "map": map_name}
    answers = list(daemon.stream("GET", KeyAnswer, "answers", params=params))
    for line in table_lines(answers, map_name):
        file.write(f"{line}\n".encode())
    return sum(answer.status == "OK" for answer in answers)


# -- brought -------------------------------------------------------------------------------------


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@daemon_options
@json_option
def cache_import(
    file: Path, *, control_socket: Path | None, config_file: Path | None, as_json: bool
) -> None:
    """Have the daemon hold the policies of FILE, which `cache export` wrote; `-`: standard input.

    Each is checked like one that is fetched. One that the daemon fetched later stays as it is, and
    one that has expired, or is none, is left out and named; the others are taken all the same.

    Exit codes: 0; 1 where some were left out for a fault; 75 where the daemon could not take some.
    """
    counts: Counter[str] = Counter()
    faults: list[dict[str, str]] = []
    with (
        running_daemon(control_socket, config_file) as daemon,
        opened_file(file) as opened,
        progress("bringing policies") as tell,
    ):
        try:
            for place, imported in bring(daemon, read_export(opened)):
                counts[imported.outcome] += 1
                tell(counts.total(), None)
                if imported.outcome in ("expired", "invalid", "refused"):
                    faults.append({"place": place, **msgspec.to_builtins(imported)})
                    if not as_json:
                        with tell.aside():
                            _tell_fault(file, place, imported)
        except FormatError as error:
            raise CommandError(f"{file}: {error}") from None
    if as_json:
        told = {"outcomes": dict(counts), "left_out": faults}
        click.echo(msgspec.json.encode(told).decode())
    else:
        summary = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.most_common())
        click.echo(summary or "there is no policy in it")
    if counts["refused"]:
        sys.exit(exit_codes.TEMPORARY)
    if counts["invalid"] or counts["expired"]:
        sys.exit(exit_codes.NEGATIVE)


def bring(daemon: ControlClient, numbered: Iterator[Numbered]) -> Iterator[tuple[str, Imported]]:
    """Send what can be sent, and yield what becomes of each, with its place in the file."""
    while some := list(islice(numbered, SENT_AT_ONCE)):
        for place, policy, fault in some:
            if policy is None:
                yield place, Imported(domain="", outcome="invalid", reason=fault)
        sent = [(place, policy) for place, policy, _ in some if policy is not None]
        lines = (msgspec.json.encode(policy) + b"\n" for _, policy in sent)
        if sent:
            answers = daemon.stream("POST", Imported, "import", lines=lines)
            for (place, _), imported in zip(sent, answers, strict=True):
                yield place, imported


def _tell_fault(file: Path, place: str, imported: Imported) -> None:
    domain = f" {escaped(imported.domain)}:" if imported.domain else ""
    reason = imported.reason or "it has expired"
    click.echo(f"{file}: {place}:{domain} {imported.outcome}: {escaped(reason)}", err=True)
