"""`mtasts-resolver override`: what is answered for a destination in place of what it publishes."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from click.shell_completion import CompletionItem

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.cli.durations import DURATION
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.options import json_option
from mtasts_resolver.cli.running import COMPLETION_PATIENCE, daemon_options, running_daemon
from mtasts_resolver.cli.tables import Shown, show_rows, until
from mtasts_resolver.cli.terminal import is_terminal, show_notes
from mtasts_resolver.control.values.overrides import (
    ChangedOverride,
    NewOverride,
    OverrideList,
    ShownOverride,
)
from mtasts_resolver.postfix.override import ACTIONS

WEAKENS = "weakens: its mail may go out unverified, whatever it publishes"
_NOTES = {
    "hidden": "hidden: another one that was added for it is in force",
    "lapsed": "LAPSED: it is not in force any more",
}


@click.group("override")
def override_group() -> None:
    """See, add and remove overrides: fixed answers for some destinations.

    Those that are added are in force at once, in all maps, and outlive the daemon; they are kept in
    a file beside the store. Others stand in the configuration, below `overrides`.
    """


@override_group.command("list")
@daemon_options
@json_option
def override_list(control_socket: Path | None, config_file: Path | None, *, as_json: bool) -> None:
    """List all overrides, those of the configuration among them.

    In a pipe each is a line with tabs between: pattern, answer, state, end, origin, user, reason.
    """
    with running_daemon(control_socket, config_file) as daemon:
        found = daemon.get(OverrideList, "overrides")
    show_notes(f"{found.file} is damaged: {fault}" for fault in found.faults)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    elif not is_terminal(sys.stdout):
        for override in found.overrides:
            click.echo("\t".join(map(escaped, _cells(override))))
    elif found.overrides:
        show_rows(row for override in found.overrides for row in _rows(override))
    else:
        click.echo("There are no overrides.")


def _complete_pattern(
    context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Complete the pattern of an override that was added."""
    place = context.params.get("control_socket"), context.params.get("config_file")
    try:
        with running_daemon(*place, patience=COMPLETION_PATIENCE) as daemon:
            found = daemon.get(OverrideList, "overrides")
    except CommandError:
        return []
    return [
        CompletionItem(override.pattern, help=override.reason)
        for override in found.overrides
        if override.origin == "command" and override.pattern.startswith(begun)
    ]


@override_group.command("add")
@click.argument("pattern")
@click.argument("action", required=False, type=click.Choice(ACTIONS))
@click.option("--policy", help="A fixed answer in place of ACTION: 'secure match=...'.")
@click.option("--reason", required=True, help="Why, for whoever reads it in a year.")
@click.option(
    "--until",
    "ends",
    help="When it ends: 2026-12-31, the end of that day in UTC, or 2026-12-31T18:00Z.",
)
@click.option("--for", "lasts", type=DURATION, help="For how long it holds, such as 14d or 12h.")
@daemon_options
@json_option
def override_add(
    *,
    pattern: str,
    action: str | None,
    policy: str | None,
    reason: str,
    ends: str | None,
    lasts: float | None,
    control_socket: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Add an override for PATTERN, in place of one that was added for it.

    PATTERN is a domain, `.domain` for all that is below it, or a next hop such as
    `[relay.example]:587`. The most specific one counts.

    ACTION is `skip`: not found, so that main.cf decides; `encrypt`, `dane` or `dane-only`: that
    level; `live`: what is found, as though there were no override, and also in a map that only
    observes.
    """
    if (action is None) == (policy is None):
        raise click.UsageError("Name an ACTION or a --policy, and not both.")
    if ends is not None and lasts is not None:
        raise click.UsageError("Name its end by --until or by --for, and not both.")
    if lasts is not None:
        ends = timestamp(time.time() + lasts)
    new = NewOverride(pattern=pattern, action=action, policy=policy, reason=reason, until=ends)
    with running_daemon(control_socket, config_file) as daemon:
        changed = daemon.ask("POST", ChangedOverride, "overrides", body=new)
    _show_change(changed, as_json=as_json)


@override_group.command("remove")
@click.argument("pattern", shell_complete=_complete_pattern)
@daemon_options
@json_option
def override_remove(
    pattern: str, control_socket: Path | None, config_file: Path | None, *, as_json: bool
) -> None:
    """Remove the override that was added for PATTERN."""
    with running_daemon(control_socket, config_file) as daemon:
        changed = daemon.ask("DELETE", ChangedOverride, "overrides", pattern)
    _show_change(changed, as_json=as_json)


def _show_change(changed: ChangedOverride, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(changed).decode())
        return
    show_rows([*_change("before", changed.before), *_change("now", changed.now)])
    if changed.now is not None and changed.now.weakens:
        show_notes(["Mail that waits already is tried again at once by 'postqueue -f'."])


def _change(label: str, override: ShownOverride | None) -> Iterator[Shown]:
    if override is None:
        yield Shown(label, "no override")
        return
    for number, words in enumerate(_words(override)):
        yield Shown("" if number else label, words, bad=_is_bad(override))


def override_rows(override: ShownOverride) -> Iterator[Shown]:
    """Yield what there is to say of the override that counts for a domain."""
    for number, words in enumerate([f"of {override.pattern}", *_words(override)]):
        yield Shown("" if number else "override", words, bad=_is_bad(override))


def _rows(override: ShownOverride) -> Iterator[Shown]:
    answer, *notes = _words(override)
    yield Shown(override.pattern, answer, bad=_is_bad(override))
    for note in notes:
        yield Shown("", note, bad=_is_bad(override))


def _words(override: ShownOverride) -> Iterator[str]:
    """Yield what an override says, and what there is to say of it."""
    ends = ""
    if override.until is not None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        ends = f", until {override.until} ({until(override.until, now)})"
    yield f"{override.policy or override.action}{ends}"
    yield f"reason: {override.reason}"
    if override.origin == "configuration":
        yield "from the configuration"
    else:
        yield f"added by {override.user or 'hand'} {override.added or ''}".rstrip()
    if override.state in _NOTES:
        yield _NOTES[override.state]
    elif override.weakens:
        yield WEAKENS


def _is_bad(override: ShownOverride | None) -> bool:
    return override is not None and (override.weakens or override.state == "lapsed")


def _cells(override: ShownOverride) -> tuple[str, ...]:
    return (
        override.pattern,
        override.policy or override.action,
        override.state,
        override.until or "",
        override.origin,
        override.user or "",
        override.reason,
    )
