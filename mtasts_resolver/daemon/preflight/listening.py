"""Where the daemon is to listen: for look-ups, for commands, and over HTTP."""

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mtasts_resolver.config import Config, InetAddress, ListenerConfig, UnixAddress
from mtasts_resolver.daemon.preflight.portholders import holders
from mtasts_resolver.daemon.preflight.report import Report
from mtasts_resolver.daemon.preflight.unit import (
    PORTS_FROM,
    WRITABLE,
    is_below,
    warn_if_hidden,
    warn_unless_writable,
)
from mtasts_resolver.server.listeners import remedy, try_inet
from mtasts_resolver.server.unixsocket import NO_FILES, NOT_GIVEN, check_place, owner_ids

_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104  nothing is bound to them
_SOCKET_UNIT = "have a socket unit listen there"


def look_at_listeners(config: Config, uid: int, report: Report) -> None:
    """See whether look-ups could be listened for, unless systemd passes sockets."""
    for number, listener in enumerate(config.listen):
        key = f"$.listen[{number}]"
        match listener.address:
            case InetAddress(host, port):
                remedies = f", or {_SOCKET_UNIT}"
                _look_at_port(f"{key}.address", host, port, uid, report, remedies=remedies)
            case UnixAddress(path):
                _look_at_file(key, listener, Path(path), uid, report)
    if not config.listen:
        report.warn("$.listen", "it is empty, so the daemon needs sockets from systemd")


def look_at_control(config: Config, environ: Mapping[str, str], uid: int, report: Report) -> None:
    """Look at the way in of the commands; without it look-ups are answered all the same."""
    control, key = config.control, "$.control.socket"
    _look_at_owner("$.control.group", None, control.group, uid, report)
    file = control.path(environ, uid=uid)
    if os.path.lexists(file.parent):
        _look_at_place(key, file, uid, report)
    else:
        _look_at_directory(key, file.parent, uid, report)
    if control.socket is None:
        return
    for number, listener in enumerate(config.listen):
        if listener.address == UnixAddress(str(file)):
            report.warn(key, f"that is the one of $.listen[{number}]: choose another")
    if (place := _open_to_others(file)) is not None:
        what = (
            f"others can write to {place}, and listen in the daemon's place: the commands of other"
            " users than the daemon's would refuse to speak to it. Choose another directory"
        )
        report.warn(key, what)
    if uid == 0:
        warn_if_hidden(key, file, report)
        warn_unless_writable(key, file, "leave the key out", report)


def look_at_http(config: Config, uid: int, report: Report) -> None:
    """Look at the way in of browsers and scrapers; without it look-ups are answered, too."""
    key, address = "$.http.address", config.http.address
    if address is None:
        return
    for number, listener in enumerate(config.listen):
        match listener.address:
            case InetAddress(host, port) if port == address.port != 0 and (
                host == address.host or not _WILDCARDS.isdisjoint((host, address.host))
            ):
                report.warn(key, f"that port is the one of $.listen[{number}]: choose another")
                return
    _look_at_port(key, address.host, address.port, uid, report)


def _look_at_port(
    key: str, host: str, port: int, uid: int, report: Report, *, remedies: str = ""
) -> None:
    """Warn where nobody could listen now. Who does may be the daemon, or systemd for it."""
    try:
        try_inet(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            report.warn(key, f"nobody could listen there now: {remedy(error)}")
            return
        found = holders(port)
        if found and not any(process.is_expected for process in found):
            names = ", ".join(sorted({str(process) for process in found}))
            report.warn(key, f"{names} listens there now: stop it, or choose another port")
        return
    if uid == 0 and 0 < port < PORTS_FROM:
        what = f"the systemd unit gives the daemon no right to ports below {PORTS_FROM}"
        report.warn(key, f"{what}: choose another{remedies}")


def _look_at_file(key: str, listener: ListenerConfig, file: Path, uid: int, report: Report) -> None:
    _look_at_owner(key, listener.owner, listener.group, uid, report)
    if uid == 0:
        warn_if_hidden(f"{key}.address", file, report)
        warn_unless_writable(f"{key}.address", file, _SOCKET_UNIT, report)
    # In what systemd makes at the start, nothing is to be seen before.
    if uid != 0 or not is_below(file, WRITABLE) or os.path.lexists(file.parent):
        _look_at_place(f"{key}.address", file, uid, report)


def _look_at_owner(
    key: str, owner: str | None, group: str | None, uid: int, report: Report
) -> None:
    try:
        owner_id, group_id = owner_ids(owner, group)
    except OSError as error:
        report.error(key, str(error.strerror))
        return
    own = (-1, os.getegid(), *os.getgroups())
    if uid != 0 and (owner_id not in (-1, uid) or group_id not in own):
        report.warn(key, NOT_GIVEN)


def _look_at_place(key: str, file: Path, uid: int, report: Report) -> None:
    try:
        check_place(file)
    except PermissionError:
        report.warn(key, NO_FILES.format(file.parent))
    except OSError as error:
        report.warn(key, str(error.strerror))
    else:
        _look_at_directory(key, file.parent, uid, report)


def _look_at_directory(key: str, directory: Path, uid: int, report: Report) -> None:
    """Warn where the user could make no files in a directory, which may have to be made, too."""
    while not os.path.lexists(directory):
        directory = directory.parent
    if uid != 0 and not os.access(directory, os.W_OK | os.X_OK):
        report.warn(key, NO_FILES.format(directory))
    elif not directory.is_dir():
        report.warn(key, f"{directory} is no directory: choose another path")


def _open_to_others(file: Path) -> Path | None:
    """Return a directory on the way to `file` that others than its owner can write to."""
    for place in file.absolute().parents:
        with suppress(OSError):  # it is to be made yet, or is not to be seen
            if place.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return place
    return None
