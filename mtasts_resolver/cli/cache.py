"""`mtasts-resolver cache`: what the running daemon knows of domains."""

from pathlib import Path
from typing import get_args

import click
import msgspec

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.cache_steering import cache_purge, cache_refresh
from mtasts_resolver.cli.cache_transfer import cache_export, cache_import
from mtasts_resolver.cli.domain_filters import filter_options, filters
from mtasts_resolver.cli.domain_report import show_details, show_list
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.known_domains import complete_domain
from mtasts_resolver.cli.mistakes import check_keys
from mtasts_resolver.cli.options import json_option
from mtasts_resolver.cli.running import daemon_options, running_daemon
from mtasts_resolver.control.client import ControlClient, RequestRefusedError
from mtasts_resolver.control.values.domains import (
    MAX_PAGE,
    DomainDetails,
    DomainPage,
    DomainSummary,
    SortKey,
)

NOT_FOUND = 404  # the status of HTTP


class NothingKnownError(CommandError):
    """The daemon knows nothing of the domain."""

    exit_code = exit_codes.NEGATIVE


@click.group("cache")
def cache_group() -> None:
    """See and steer what the running daemon knows of domains."""


cache_group.add_command(cache_refresh)
cache_group.add_command(cache_purge)
cache_group.add_command(cache_export)
cache_group.add_command(cache_import)


@cache_group.command("list")
@filter_options
@click.option(
    "--sort",
    type=click.Choice(get_args(SortKey)),
    default="domain",
    show_default=True,
    help="By what to sort.",
)
@click.option("--reverse", is_flag=True, help="Sort the other way round.")
@click.option("--limit", type=click.IntRange(1, MAX_PAGE), help="Show so many at most.")
@daemon_options
@json_option
def cache_list(
    *,
    sort: SortKey,
    reverse: bool,
    limit: int | None,
    control_socket: Path | None,
    config_file: Path | None,
    as_json: bool,
    **filtered: object,
) -> None:
    """List the policies that the daemon holds, or the domains that are known to have none.

    In a pipe each line has, with tabs between: domain, mode, id, fetched, due, expires, used, DANE,
    answer in the map `default`, code, reason, weakened, would_be, override. Code and reason say why
    the policy cannot be fetched again, or why there is none; weakened is by what mail to the domain
    is less protected than it was. Where the map only observes, would_be is what it would answer;
    the last is the pattern of the override that counts.
    """
    wanted = filters(filtered)
    with running_daemon(control_socket, config_file) as daemon:
        if limit is not None:
            page = daemon.get(
                DomainPage,
                "domains",
                **wanted,
                sort=sort,
                descending="true" if reverse else None,
                limit=limit,
            )
        else:
            page = _all(daemon, wanted, sort, reverse=reverse)
    if as_json:
        click.echo(msgspec.json.encode(page).decode())
    else:
        show_list(page)


def _all(
    daemon: ControlClient, wanted: dict[str, object], sort: SortKey, *, reverse: bool
) -> DomainPage:
    """Return all that are meant, sorted here: the daemon would pass through all for each page."""
    found = list(daemon.stream("GET", DomainSummary, "domains", "stream", params=wanted))
    found.sort(key=lambda summary: (_sort_value(summary, sort), summary.domain), reverse=reverse)
    return DomainPage(domains=tuple(found), matched=len(found))


def _sort_value(summary: DomainSummary, sort: SortKey) -> tuple[bool, str]:
    """Return by what a domain is sorted; times, which are texts of one form, sort as texts."""
    if sort == "failing":
        value = None if summary.failing is None else summary.failing.since
    elif sort == "mode":
        value = summary.mode or "absent"
    else:
        value = getattr(summary, sort)
    return value is None and sort != "fetched", value or ""


@cache_group.command("show")
@click.argument("domain", shell_complete=complete_domain)
@daemon_options
@json_option
def cache_show(
    domain: str, *, control_socket: Path | None, config_file: Path | None, as_json: bool
) -> None:
    """Show all that the daemon knows of DOMAIN, and what Postfix gets in each map.

    DOMAIN may be a next hop such as `[relay.example]:587`. Of the MX hosts the daemon keeps only
    what they amount to: for what was found of each they are looked at afresh.

    Exit codes: 0; 1 where nothing is known, which `mtasts-resolver explain` finds out.
    """
    check_keys([domain])
    with running_daemon(control_socket, config_file, patience=None) as daemon:
        try:
            details = daemon.get(DomainDetails, "domains", domain, ask_hosts="true")
        except RequestRefusedError as error:
            if error.status != NOT_FOUND:
                raise
            raise NothingKnownError(str(error)) from None
    if as_json:
        click.echo(msgspec.json.encode(details).decode())
    else:
        show_details(details)
