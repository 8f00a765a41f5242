"""`mtasts-resolver history`: what has changed, and what Postfix got at a time."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.known_domains import complete_domain
from mtasts_resolver.cli.moments import moment_option, shown_locally, zone
from mtasts_resolver.cli.options import json_option
from mtasts_resolver.cli.past import show_past
from mtasts_resolver.cli.running import daemon_options, running_daemon
from mtasts_resolver.cli.terminal import show_notes, use_color, width, wrap
from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.history import (
    HistoryEntry,
    HistoryPage,
    PastState,
    weakening_in_words,
)

LIMIT = 20  # changes that are shown: a screen or two
# Lines of a difference that are shown with what is the same; of a longer one, what is not.
WHOLE = 30
INDENT = "    "


class LatestChanges(msgspec.Struct, frozen=True):
    """What --json prints: changes, the latest first."""

    changes: list[HistoryEntry]


@click.command()
@click.argument("domain", required=False, shell_complete=complete_domain)
@click.option(
    "--at",
    metavar="TIME",
    callback=moment_option,
    help="Show what was known of DOMAIN then, and what Postfix got: 03:12 (the last one there was),"
    " 'yesterday 03:12', '2026-11-26 03:12', '3h ago', or RFC 3339.",
)
@click.option(
    "--since",
    metavar="TIME",
    callback=moment_option,
    help="Only changes from then on; written as for --at.",
)
@click.option("--weakened", is_flag=True, help="Only changes that weaken protection.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=LIMIT,
    show_default=True,
    help="The latest so many changes.",
)
@daemon_options
@json_option
def history(
    *,
    domain: str | None,
    at: datetime | None,
    since: datetime | None,
    weakened: bool,
    limit: int,
    control_socket: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Show what has changed of DOMAIN, or of all: policies, DANE, and the answers to Postfix.

    The latest change comes last. In a pipe each is a line: time, domain, what changed, how, next
    hop, map, how it weakens protection, reason; separated by tabs.

    DOMAIN may be a next hop, such as `[relay.example]:587`.
    """
    if at is not None:
        if domain is None:
            raise click.UsageError("--at needs a DOMAIN")
        with running_daemon(control_socket, config_file) as daemon:
            past = daemon.get(PastState, "history", domain, "at", time=_rfc3339(at))
        if as_json:
            click.echo(msgspec.json.encode(past).decode())
        else:
            show_past(past)
        return
    with running_daemon(control_socket, config_file) as daemon:
        changes = _latest(daemon, domain, since, weakened=weakened, limit=limit)
    if as_json:
        click.echo(msgspec.json.encode(LatestChanges(changes)).decode())
    elif not changes:
        show_notes([_none_kept(domain, narrowed=weakened or since is not None)])
    else:
        _show(changes[::-1], with_domain=domain is None)
    if not changes:
        sys.exit(exit_codes.NEGATIVE)


def _none_kept(domain: str | None, *, narrowed: bool) -> str:
    of, such = f" of {domain}" if domain else "", " of that kind" if narrowed else ""
    return f"No change{of}{such} is kept."


def _latest(
    daemon: ControlClient, domain: str | None, since: datetime | None, *, weakened: bool, limit: int
) -> list[HistoryEntry]:
    """Return the latest changes, the last one first."""
    path = ("history",) if domain is None else ("history", domain)
    changes: list[HistoryEntry] = []
    below: int | None = None
    while len(changes) < limit:
        page = daemon.get(
            HistoryPage,
            *path,
            since=None if since is None else _rfc3339(since),
            weakened="true" if weakened else None,
            below=below,
        )
        changes += page.changes
        below = page.next
        if below is None:
            break
    return changes[:limit]


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _show(changes: list[HistoryEntry], *, with_domain: bool) -> None:
    columns, color = width(sys.stdout), use_color("auto")
    if columns is None:
        for change in changes:
            click.echo("\t".join(map(escaped, _fields(change))))
        return
    click.echo(f"Times are {zone()}.")
    for change in changes:
        for line in wrap(escaped(_head(change, with_domain=with_domain)), columns, rest=INDENT):
            click.echo(click.style(line, bold=color or None))
        for text, colour in _body(change):
            for line in wrap(escaped(text), columns, first=INDENT, rest=INDENT):
                click.echo(click.style(line, fg=colour if color else None))


def _fields(change: HistoryEntry) -> Iterator[str]:
    yield change.time
    yield change.domain or "-"
    yield change.subject
    yield change.event
    yield change.hop or "-"
    yield change.map or "-"
    yield ",".join(change.weakened) or "-"
    yield change.reason or "-"


def _head(change: HistoryEntry, *, with_domain: bool) -> str:
    place = change.hop or change.domain
    if not with_domain and place == change.domain:
        place = ""
    subject = "DANE" if change.subject == "dane" else change.subject
    words = [place, subject, change.event]
    if change.map:
        words.append(f"in {change.map}")
    if not change.given:
        words.append("from the next look-up on")
    ids = dict.fromkeys(filter(None, (change.was_id, change.now_id)))
    if ids:
        words.append(f"id {' -> '.join(ids)}")
    if change.by:
        words.append(f"by {change.by}")
    return f"{shown_locally(change.time)}  {' '.join(filter(None, words))}"


def _body(change: HistoryEntry) -> Iterator[tuple[str, str | None]]:
    """Yield the lines below a change, and their colours."""
    if change.weakened:
        yield f"WEAKENED: {', '.join(map(weakening_in_words, change.weakened))}", "red"
    if change.reason:
        yield change.reason, None
    if change.subject in ("record", "refresh"):
        return  # their text is the code of the reason
    whole = len(change.difference) <= WHOLE
    for line in change.difference:
        if whole or not line.startswith(" "):
            yield line, {"+": "green", "-": "red"}.get(line[:1])
