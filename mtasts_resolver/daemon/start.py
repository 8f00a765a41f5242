"""Which configuration the daemon starts with.

It is that of the file. Where the file is faulty, or the daemon cannot start with it, it is the last
one that was in force, if a service manager keeps a directory in which that can be found: a slip of
the pen and a restart must not hold all mail.
"""

import os
from collections.abc import Callable, MutableMapping
from pathlib import Path

from mtasts_resolver.base import logs
from mtasts_resolver.config import (
    ConfigError,
    Loaded,
    load_file,
    log_settings,
    parse_kept,
    read_file,
)
from mtasts_resolver.daemon import run
from mtasts_resolver.daemon.last_config import KeptFile
from mtasts_resolver.daemon.run import Given, StartError
from mtasts_resolver.daemon.systemd import ActivatedSocket, ActivationError, listen_fds

log = logs.get(__name__)


def run_daemon(find_config: Callable[[], Path | None], environ: MutableMapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT. Raise StartError, which has been logged.

    At SIGHUP the file that `find_config` returns is read, or the defaults where it returns None.
    """
    path, kept, uid = find_config(), KeptFile.of_service(environ), os.geteuid()
    _set_up_logging(path)
    logs.log_uncaught()
    last = _last_text(kept)
    sockets = _passed_sockets(environ)
    given = Given(find_config, environ, sockets, kept)
    loaded: Loaded | None = None
    try:
        loaded = load_file(path)
        run.run(given, loaded, unproven=last is not None and last != loaded.data)
    except (ConfigError, StartError) as error:
        failure = error
    else:
        return
    same = loaded is not None and loaded.data == last
    # The last one was kept by the user who starts the daemon. As the one that it has become since,
    # it might find neither its store nor Python.
    if kept is None or last is None or same or os.geteuid() != uid:
        _tell("start-failed", failure)
        raise _as_start_error(failure)
    _tell("configuration-rejected", failure)
    try:
        _serve_with_last(given, kept.path, last)
    except (ConfigError, StartError) as error:
        _tell("start-failed", error, file=kept.path)
        raise _as_start_error(failure) from None


def _serve_with_last(given: Given, path: Path, data: bytes) -> None:
    loaded, unknown = parse_kept(data, str(path))
    logs.setup_logging(loaded.config.log.level, loaded.config.log.format)
    log.error(
        "last-configuration-used",
        file=path,
        left_out=[*map(str, unknown)],
        action="mend the configuration file, then 'systemctl reload' or restart",
    )
    run.run(given, loaded, faulty=True)


def _set_up_logging(path: Path | None) -> None:
    """Log as the file says, as far as it can be read."""
    try:
        data = read_file(path)
    except ConfigError:
        data = b""  # reported when it is read for its own sake
    settings = log_settings(data)
    logs.setup_logging(settings.level, settings.format)


def _last_text(kept: KeptFile | None) -> bytes | None:
    try:
        return None if kept is None else kept.read()
    except ConfigError as error:
        log.warning("last-configuration-unusable", reason=str(error))
        return None


def _passed_sockets(environ: MutableMapping[str, str]) -> list[ActivatedSocket]:
    try:
        return listen_fds(environ, os.getpid())
    except ActivationError as error:
        failure = StartError(str(error))
        _tell("start-failed", failure)
        raise failure from None


def _tell(event: str, failure: ConfigError | StartError, **fields: object) -> None:
    """Log each fault, and what to do."""
    faults = failure.faults if isinstance(failure, ConfigError) else (failure,)
    for fault in map(str, faults):
        log.error(event, reason=fault, **fields)


def _as_start_error(failure: ConfigError | StartError) -> StartError:
    return StartError(str(failure)) if isinstance(failure, ConfigError) else failure
