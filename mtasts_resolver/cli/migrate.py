"""`mtasts-resolver migrate`: from another policy server to this one."""

import os
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from mtasts_resolver.base.ownfiles import read_plain
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.errors import CommandError, DaemonUnreachableError, config_errors
from mtasts_resolver.cli.migrating.moving import PostfixSide, look_at_postfix, units_here
from mtasts_resolver.cli.migrating.ours import FoundThere, OurPlace, look_at_place, write_config
from mtasts_resolver.cli.migrating.policies import (
    PolicyTally,
    bring_policies,
    count_policies,
    write_policies,
)
from mtasts_resolver.cli.migrating.report import (
    config_lines,
    left_lines,
    policy_lines,
    postfix_lines,
    step_lines,
)
from mtasts_resolver.cli.options import DEFAULT_CONFIG, json_option
from mtasts_resolver.cli.running import daemon_options, running_daemon
from mtasts_resolver.cli.terminal import color_option, use_color, width
from mtasts_resolver.config import MAX_FILE_BYTES, ConfigError
from mtasts_resolver.migration.ourfile import checked_config, config_text
from mtasts_resolver.migration.programs import PROGRAMS, TheirProgram
from mtasts_resolver.migration.steps import Moving, Remaining, socket_lines, steps_back, steps_there
from mtasts_resolver.migration.takeover import CacheKind, Takeover, TheirCache


class MigrationOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found, and done."""

    program: TheirProgram
    taken: Takeover
    text: str
    place: OurPlace
    written: bool
    tally: PolicyTally
    postfix: PostfixSide
    again: str

    @property
    def moving(self) -> Moving:
        """What the steps depend on."""
        return Moving(
            again=self.again,
            configuration=self._configuration,
            bring=self._bring,
            running=bool(self.tally.imported) and self._unchanged,
            same_address=self.taken.address_kept,
            socket_unit=socket_lines(self.taken),
            units=units_here(self.program.units),
            dnssec=self.postfix.dnssec,
            asked=self.postfix.asked,
            reload=self.postfix.reload,
        )

    @property
    def _bring(self) -> str:
        if not self.tally.holding or self.tally.imported:
            return ""
        if self.tally.written:
            return shlex.join(["mtasts-resolver", "cache", "import", self.tally.written])
        return self.again

    @property
    def _unchanged(self) -> bool:
        """Whether the configuration was right before."""
        return not self.text or self.place.standing is FoundThere.SAME

    @property
    def _configuration(self) -> Remaining:
        if self._unchanged:
            return Remaining.DONE
        if self.place.standing is FoundThere.OTHER:
            return Remaining.BY_HAND
        return Remaining.DONE if self.written else Remaining.TO_WRITE

    @property
    def exit_code(self) -> int:
        """Say whether all was done that can be."""
        if self.tally.waiting or self.tally.imported.get("refused"):
            return exit_codes.TEMPORARY
        unread = self.tally.cache.kind is not CacheKind.ELSEWHERE and self.tally.unreadable
        by_hand = self._configuration is Remaining.BY_HAND or any(
            one.by_hand for one in self.postfix.asked
        )
        left = unread or (self.written and by_hand) or self.tally.faulty
        return exit_codes.NEGATIVE if left else 0


@click.command()
@click.option(
    "--from",
    "program",
    type=click.Choice(list(PROGRAMS)),
    required=True,
    help="The policy server that is in use.",
)
@click.option(
    "--their-config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Its configuration; unset: where its packages have it.",
)
@click.option(
    "--their-cache",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Its cache; unset: where its configuration says.",
)
@click.option(
    "--keep-address",
    is_flag=True,
    help="Listen where it does, so that main.cf stays as it is.",
)
@click.option(
    "--policies",
    "policies_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="With --write: where to put its policies, for `cache import`; unset: into the daemon.",
)
@click.option(
    "--postfix-config",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The Postfix instance with this configuration directory; unset: all of this host's.",
)
@click.option("--write", is_flag=True, help="Do it; else it is only shown.")
@daemon_options
@color_option
@json_option
def migrate(
    *,
    program: str,
    their_config: Path | None,
    their_cache: Path | None,
    keep_address: bool,
    policies_file: Path | None,
    postfix_config: Path | None,
    write: bool,
    control_socket: Path | None,
    config_file: Path | None,
    color: str,
    as_json: bool,
) -> None:
    """Take over configuration and policies of another policy server.

    Nothing is changed without --write: what would be done is shown, with the steps there and back.
    With it our configuration is written, unless one is there that sets something, and the daemon is
    brought the policies that still hold. No service is stopped or started, main.cf is not touched,
    and the other's files stay as they are. It may be run again at any time.

    Exit codes: 0; 1 where something is left to do by hand, or to be looked at, as an entry of its
    cache of which nothing can be made; 2 for a configuration of which nothing can be made; 75 where
    policies wait for a daemon.
    """
    if policies_file is not None and not write:
        raise click.UsageError("--policies is where to write: say --write, too")
    other, now = PROGRAMS[program], time.time()
    path = their_config or Path(other.config)
    taken = _read(other, path, keep_address=keep_address)
    if their_cache is not None:
        taken.cache = TheirCache(other.cache, str(their_cache))
    text = config_text(taken.settings, f"{path} of {program}")
    loaded = checked_config(text, str(config_file or DEFAULT_CONFIG))
    place = look_at_place(config_file or DEFAULT_CONFIG, text)
    tally = count_policies(taken.cache, now)
    if write:
        if text and place.standing not in (FoundThere.SAME, FoundThere.OTHER):
            write_config(place, text, loaded)
        _move_policies(tally, policies_file, control_socket, config_file, now)
    outcome = MigrationOutcome(
        program=other,
        taken=taken,
        text=text,
        place=place,
        written=write,
        tally=tally,
        postfix=look_at_postfix(postfix_config, taken, loaded.config),
        again=_again(program, their_config, their_cache, config_file, keep_address=keep_address),
    )
    if as_json:
        click.echo(msgspec.json.encode(_for_programs(outcome)).decode())
    else:
        click.echo("\n".join(_for_people(outcome)), color=use_color(color))
    sys.exit(outcome.exit_code)


def _read(other: TheirProgram, path: Path, *, keep_address: bool) -> Takeover:
    try:
        data = read_plain(path, MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CommandError(
            f"{path}: {error.strerror}: name the configuration of {other.name} by --their-config"
        ) from None
    with config_errors():
        their, taken = other.read(data, str(path), keep_address=keep_address)
        if their.faults:
            raise ConfigError(sorted(their.faults, key=lambda fault: fault.line or 0))
    return taken


def _move_policies(
    tally: PolicyTally,
    file: Path | None,
    control_socket: Path | None,
    config_file: Path | None,
    now: float,
) -> None:
    if not tally.holding:
        return
    if file is not None:
        write_policies(tally, file, now)
        return
    try:
        with running_daemon(control_socket, config_file) as daemon:
            bring_policies(tally, daemon, now)
    except DaemonUnreachableError as error:
        tally.waiting = error.message


def _again(
    program: str,
    their_config: Path | None,
    their_cache: Path | None,
    config_file: Path | None,
    *,
    keep_address: bool,
) -> str:
    """Return the command that does what was shown."""
    named = {
        "--from": program,
        "--their-config": their_config,
        "--their-cache": their_cache,
        "--config": config_file,
    }
    words = [word for name, value in named.items() if value for word in (name, str(value))]
    flags = ["--keep-address"] if keep_address else []
    return shlex.join(["mtasts-resolver", "migrate", *words, *flags, "--write"])


def _for_people(outcome: MigrationOutcome) -> Iterator[str]:
    columns, moving = width(sys.stdout), outcome.moving
    sections = (
        config_lines(outcome.text, outcome.place, outcome.taken, columns, written=outcome.written),
        left_lines(outcome.taken, columns),
        policy_lines(outcome.tally, columns),
        postfix_lines(outcome.postfix, outcome.taken, columns),
        step_lines("What to do", steps_there(moving), columns),
        step_lines("The way back", steps_back(moving), columns),
    )
    for lines in sections:
        if found := [*lines]:
            yield from (*found, "")
    if os.geteuid() != 0:
        yield "Run it as root to have all looked at."


def _for_programs(outcome: MigrationOutcome) -> dict[str, Any]:
    place, moving = outcome.place, outcome.moving
    return {
        "from": outcome.program.name,
        "config": {"path": str(place.path), "found": place.standing, "text": outcome.text},
        "settings": outcome.taken.settings,
        "left": outcome.taken.left,
        "alike": outcome.taken.alike,
        "policies": outcome.tally,
        "postfix": outcome.postfix,
        "steps": steps_there(moving),
        "steps_back": steps_back(moving),
        "exit_code": outcome.exit_code,
    }
