"""Looking at the daemon: over its control socket, in its configuration, and where Postfix asks."""

import os
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from mtasts_resolver import __version__
from mtasts_resolver.config import Config, ConfigError, Loaded, load_file
from mtasts_resolver.control.client import (
    ControlClient,
    ControlError,
    NotAllowedError,
    RequestRefusedError,
    StrangerError,
)
from mtasts_resolver.control.values.status import DaemonStatus
from mtasts_resolver.daemon.preflight import look_into
from mtasts_resolver.doctor.daemon import Reach, SeenDaemon
from mtasts_resolver.doctor.instance import PostfixInstance
from mtasts_resolver.doctor.sockets import (
    MAX_SOCKETS,
    TriedSocket,
    configured_socket,
    policy_sockets,
    try_socket,
)
from mtasts_resolver.doctor.units import SeenUnits

# Seconds after its start in which a daemon may not yet serve an administrator, which comes behind
# the first answers, nor have heard from its resolver.
BEGINNING = 5.0
_PAUSE = 0.1


class DaemonPlace:
    """Where the daemon's configuration and control socket are."""

    def __init__(self, config_file: Path | None, control: Path | None, uid: int) -> None:
        self.file = config_file
        self.loaded: Loaded | None = None
        self.errors: tuple[str, ...] = ()
        try:
            self.loaded = load_file(config_file)
        except ConfigError as error:
            self.errors = tuple(map(str, error.faults))
        self.control = control or self.config.control.reached_at(os.environ, uid=uid)

    @property
    def config(self) -> Config:
        """The configuration; the defaults where the file is of no use."""
        return Config() if self.loaded is None else self.loaded.config

    def __str__(self) -> str:
        return "the defaults" if self.file is None else str(self.file)


def look_at_daemon(
    place: DaemonPlace,
    instances: Iterable[PostfixInstance],
    units: SeenUnits,
    environ: Mapping[str, str],
    uid: int,
) -> SeenDaemon:
    """Look at the daemon. It must be called while this process has one thread."""
    # First, for the first question may have systemd start the daemon.
    sockets = _try_sockets(place.config, instances)
    answered = any(tried.outcome == "answered" for tried in sockets)
    reach, failure, status = _ask_status(place.control, BEGINNING if answered else 0.0)
    warnings: tuple[str, ...] = ()
    errors, unseen = place.errors, ""
    if place.loaded is not None:
        if uid == 0:
            report = look_into(place.loaded, environ, uid, wall=time.time())
            errors = tuple(map(str, report.errors))
            warnings = tuple(map(str, report.warnings))
        else:
            unseen = "whether it can be used, the daemon's user can tell, or root"
    return SeenDaemon(
        reach=reach,
        failure=failure,
        status=status,
        program_version=__version__,
        config_file=str(place),
        config_errors=errors,
        config_warnings=warnings,
        config_unseen=unseen,
        listen=tuple(one.address for one in place.config.listen),
        units=units,
        sockets=sockets,
    )


def _try_sockets(config: Config, instances: Iterable[PostfixInstance]) -> tuple[TriedSocket, ...]:
    """Try what Postfix asks; where it asks nobody yet, what the daemon should listen on."""
    asked = [found for instance in instances for found in policy_sockets(instance)]
    if not asked:
        asked = [configured_socket(one.protocol, one.address) for one in config.listen]
    return tuple(map(try_socket, asked[:MAX_SOCKETS]))


def _ask_status(control: Path, patience: float) -> tuple[Reach, str, DaemonStatus | None]:
    """Ask the daemon how it is; one that has begun just now for so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        reach, failure, status = _ask_once(control)
        begins = reach == "down" if status is None else _has_just_begun(status)
        if not begins or time.monotonic() >= deadline:
            return reach, failure, status
        time.sleep(_PAUSE)


def _ask_once(control: Path) -> tuple[Reach, str, DaemonStatus | None]:
    try:
        with ControlClient(control) as client:
            return "reached", "", client.get(DaemonStatus, "status")
    except StrangerError as error:
        return "stranger", str(error), None
    except RequestRefusedError as error:
        return "refused", str(error), None
    except NotAllowedError as error:
        return "denied", str(error), None
    except ControlError as error:
        return "down", str(error), None


def _has_just_begun(status: DaemonStatus) -> bool:
    age = datetime.fromisoformat(status.now) - datetime.fromisoformat(status.started)
    return status.dane.dnssec == "unknown" and age.total_seconds() < BEGINNING
