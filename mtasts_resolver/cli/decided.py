"""What an administrator has decided for a question: overrides, and maps that only observe."""

import time
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.answers.words import override_decision
from mtasts_resolver.base.timestamps import parse_timestamp
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.running import running_daemon
from mtasts_resolver.config import Config
from mtasts_resolver.control.values.domains import DomainDetails
from mtasts_resolver.control.values.overrides import OverrideList, ShownOverride
from mtasts_resolver.policy import NextHop
from mtasts_resolver.postfix.override import Override, patterns_for


class Decided(NamedTuple):
    """The override that counts for a next hop, and who says so."""

    override: Override | None
    unseen: str = ""
    """Why the daemon could not be asked, so that only those of the configuration are known."""

    def __str__(self) -> str:
        return "none" if self.override is None else override_decision(self.override)


def find_override(
    hop: NextHop | None, config: Config, control_socket: Path | None, config_file: Path | None
) -> Decided:
    """Return the override that counts: as the running daemon has it, else as `config` does."""
    if hop is None:
        return Decided(None)
    try:
        with running_daemon(control_socket, config_file) as daemon:
            found = daemon.get(OverrideList, "overrides")
    except CommandError as error:
        now = time.time()
        configured = {
            override.pattern: override
            for override in config.all_overrides()
            if not override.lapsed(now)
        }
        return Decided(_first(configured, hop), str(error))
    return Decided(
        _first({one.pattern: _read(one) for one in found.overrides if one.in_force}, hop)
    )


def would_be(
    hop: NextHop | None, map_name: str, control_socket: Path | None, config_file: Path | None
) -> str | None:
    """Return what the running daemon would answer in a map that only observes, if it can tell."""
    if hop is None:
        return None
    try:
        with running_daemon(control_socket, config_file) as daemon:
            details = daemon.get(DomainDetails, "domains", str(hop))
    except CommandError:
        return None
    return next((one.would_be for one in details.answers if map_name.lower() in one.maps), None)


def _first(among: dict[str, Override], hop: NextHop) -> Override | None:
    return next((among[pattern] for pattern in patterns_for(hop) if pattern in among), None)


def _read(shown: ShownOverride) -> Override:
    return Override(
        pattern=shown.pattern,
        action=shown.action,
        text=shown.policy or "",
        reason=shown.reason,
        until=None if shown.until is None else parse_timestamp(shown.until),
        origin=shown.origin,
        user=shown.user or "",
    )
