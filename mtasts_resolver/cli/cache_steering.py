"""`mtasts-resolver cache refresh` and `purge`: looking again, and forgetting."""

import sys
from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import get_args

import click
import msgspec

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.changes import outcome_lines, plain_line
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.known_domains import complete_domain
from mtasts_resolver.cli.mistakes import check_keys
from mtasts_resolver.cli.options import json_option
from mtasts_resolver.cli.progress import progress
from mtasts_resolver.cli.running import daemon_options, running_daemon
from mtasts_resolver.cli.terminal import is_terminal
from mtasts_resolver.control.client import ControlClient, RequestRefusedError
from mtasts_resolver.control.values.domains import DomainDetails, ModeName
from mtasts_resolver.control.values.status import DaemonStatus
from mtasts_resolver.control.values.steering import (
    Purged,
    PurgeRequest,
    Refreshed,
    RefreshRequest,
)

NAMED = 20  # domains that a question names; of more it says how many
_FINE = ("unchanged", "changed", "found")


@click.command("refresh")
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...", shell_complete=complete_domain)
@click.option("--all", "every", is_flag=True, help="Fetch all policies.")
@click.option("--failing", is_flag=True, help="Fetch those that could not be fetched again.")
@daemon_options
@json_option
def cache_refresh(
    domains: tuple[str, ...],
    *,
    every: bool,
    failing: bool,
    control_socket: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Fetch the policy of each DOMAIN now, and show what has changed.

    It is fetched even if the id of its record is unchanged, and even if a fetch that failed is to
    wait. Where DANE is known, it is looked up again, too. At most `refresh.concurrency` are fetched
    at once, and none twice within ten seconds.

    Exit codes: 0; 1 where there is no policy, or it could not be fetched; 75 where nobody has
    looked.
    """
    if [bool(domains), every, failing].count(True) != 1:
        raise click.UsageError("name domains, or say --all or --failing")
    check_keys(domains)
    request = RefreshRequest(domains=domains, all=every, failing=failing)
    counts: Counter[str] = Counter()
    kept: list[Refreshed] = []
    with (
        running_daemon(control_socket, config_file, patience=None) as daemon,
        progress("fetching policies") as tell,
    ):
        for refreshed in daemon.stream("POST", Refreshed, "refresh", body=request):
            counts[refreshed.outcome] += 1
            tell(counts.total(), refreshed.total)
            if as_json:
                kept.append(refreshed)
            elif domains or refreshed.outcome != "unchanged":
                with tell.aside():
                    _show(refreshed)
    if as_json:
        click.echo(msgspec.json.encode({"domains": kept, "outcomes": counts}).decode())
    elif not domains:
        summary = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.most_common())
        click.echo(summary or "there is nothing to fetch", err=True)
    sys.exit(_exit_code(counts))


def _show(refreshed: Refreshed) -> None:
    if not is_terminal(sys.stdout):
        click.echo(plain_line(refreshed))
    else:
        for line in outcome_lines(refreshed):
            click.echo(line)


def _exit_code(counts: Counter[str]) -> int:
    if counts["refused"]:
        return exit_codes.TEMPORARY
    return exit_codes.NEGATIVE if counts.keys() - set(_FINE) else 0


# -- forgetting ----------------------------------------------------------------------------------


@click.command("purge")
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...", shell_complete=complete_domain)
@click.option("--all", "every", is_flag=True, help="Forget everything.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@daemon_options
@json_option
def cache_purge(
    domains: tuple[str, ...],
    *,
    every: bool,
    yes: bool,
    control_socket: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Forget each DOMAIN: policy, answers, what is known of DANE.

    The next look-up finds out anew. A policy in mode `enforce` that is forgotten is a door opened
    until it is fetched again: whoever can keep the daemon from fetching it has mail go out without
    it. `cache refresh` replaces a policy and opens none.

    Exit codes: 0; 1 where nothing was known, or you said no.
    """
    if bool(domains) is every:
        raise click.UsageError("name domains, or say --all")
    check_keys(domains)
    request = PurgeRequest(domains=domains, all=every)
    purged: list[Purged] = []
    with running_daemon(control_socket, config_file) as daemon:
        if not yes:
            _ask(_loss_of_all(daemon) if every else _losses(daemon, domains))
        with progress("forgetting") as tell:
            for one in daemon.stream("POST", Purged, "purge", body=request):
                purged.append(one)
                tell(len(purged), None)
    if as_json:
        click.echo(msgspec.json.encode({"domains": purged}).decode())
    else:
        _show_purged(purged, every=every)
    if not any(one.known for one in purged):
        sys.exit(exit_codes.NEGATIVE)


def _ask(losses: Iterable[str]) -> None:
    """Have a person say yes, or end."""
    if not is_terminal(sys.stdin):
        raise CommandError("nobody can be asked here whether that is meant: say so with --yes")
    for loss in losses:
        click.echo(loss, err=True)
    if not click.confirm("Forget that?", err=True):
        sys.exit(exit_codes.NEGATIVE)


def _loss_of_all(daemon: ControlClient) -> list[str]:
    policies = daemon.get(DaemonStatus, "status").policies
    count = policies.enforce + policies.testing + policies.none
    return [
        f"All that is known of {count + policies.absent:,} domains is lost.",
        f"{policies.enforce:,} policies are in mode enforce: until each is fetched again, mail to",
        "its domain may go out without protection.",
    ]


def _losses(daemon: ControlClient, domains: tuple[str, ...]) -> Iterable[str]:
    for domain in domains[:NAMED]:
        try:
            summary = daemon.get(DomainDetails, "domains", domain).summary
        except RequestRefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            yield f"{domain}: nothing is known of it"
            continue
        if summary.mode is None:
            yield f"{summary.domain}: it is known to have no policy ({summary.code})"
        else:
            yield f"{summary.domain}: the policy in mode {summary.mode}, until {summary.expires}"
            if summary.mode == "enforce":
                yield "    until it is fetched again, mail may go out without protection"
    if len(domains) > NAMED:
        yield f"and {len(domains) - NAMED:,} more"


def _show_purged(purged: list[Purged], *, every: bool) -> None:
    lost = Counter(one.lost for one in purged if one.lost)
    if not every:
        for one in purged:
            what = f"policy in mode {one.lost}" if one.lost else "no policy"
            click.echo(f"{one.domain}\t{'purged' if one.known else 'unknown'}\t{what}")
        return
    modes = ", ".join(f"{lost[mode]:,} {mode}" for mode in get_args(ModeName) if lost[mode])
    click.echo(f"{len(purged):,} domains purged; policies: {modes or 'none'}", err=True)
