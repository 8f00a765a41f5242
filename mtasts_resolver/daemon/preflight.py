"""What would end a start, or hamper the daemon, found out without a start: for `config check`.

Each thing is decided by the code that decides it at the start. What only the daemon's user can
tell, whom nobody knows here, and what holds under systemd alone, is a warning.
"""

import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.base.privileges import PrivilegeError, find_account, said_as
from mtasts_resolver.config import Config, ConfigError, Fault, Loaded, UnixAddress
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.server.unixsocket import owner_ids
from mtasts_resolver.store.errors import StoreError
from mtasts_resolver.store.fitness import check_fit
from mtasts_resolver.worker.direct import DirectDiscoverer

# What the unit hides (ProtectHome=, PrivateTmp=), and what it lets the daemon write
# (StateDirectory=, RuntimeDirectory=).
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  nothing is put there
WRITABLE = ("/var/lib/mtasts-resolver", "/run/mtasts-resolver")


class Report(NamedTuple):
    """What was found."""

    errors: list[Fault]
    warnings: list[Fault]


def look_into(loaded: Loaded, environ: Mapping[str, str], uid: int, *, wall: float = 0.0) -> Report:
    """Look into all that a configuration names, as the user `uid` can, who is the process's.

    `wall` is the time, seconds since 1970-01-01 UTC.
    """
    config, report = loaded.config, Report([], [])
    _look_at_accounts(config, report)
    _look_at_trust_store(config, uid, report)
    _look_at_store(config, environ, uid, report)
    _look_at_control(config, uid, report)
    _look_at_overrides(config, wall, report)
    if not config.listen:
        empty = "it is empty, so the daemon needs sockets from systemd"
        report.warnings.append(Fault(empty, "$.listen"))
    return Report(*(loaded.source.locate(faults) for faults in report))


def _look_at_overrides(config: Config, wall: float, report: Report) -> None:
    for override in config.all_overrides():
        if override.lapsed(wall):
            what = "its end is over: it is not in force, and can be removed"
            report.warnings.append(Fault(what, f"$.overrides.{override.pattern}"))


def _look_at_accounts(config: Config, report: Report) -> None:
    if config.user is not None:
        try:
            find_account(config.user)
        except PrivilegeError as error:
            report.errors.append(Fault(str(error), "$.user"))
    for number, listener in enumerate(config.listen):
        if isinstance(listener.address, UnixAddress):
            try:
                owner_ids(listener.owner, listener.group)
            except OSError as error:
                report.errors.append(Fault(str(error.strerror), f"$.listen[{number}]"))


def _look_at_control(config: Config, uid: int, report: Report) -> None:
    """Look at the way in; without it look-ups are answered all the same."""
    control = config.control
    if control.group is not None:
        try:
            owner_ids(None, control.group)
        except OSError as error:
            report.errors.append(Fault(str(error.strerror), "$.control.group"))
    if control.socket is not None and uid == 0:
        _warn_if_hidden("$.control.socket", control.socket, report)
        if not _is_below(control.socket, WRITABLE):
            what = (
                f"the systemd unit lets the daemon make no file in {control.socket.parent}: leave"
                " the key out, or name the directory in ReadWritePaths= in a drop-in"
            )
            report.warnings.append(Fault(what, "$.control.socket"))


def _look_at_trust_store(config: Config, uid: int, report: Report) -> None:
    try:
        DirectDiscoverer.configured(config)
    except ConfigError as error:
        report.errors.extend(error.faults)
        return
    except ShortageError as error:
        what = f"the trust store cannot be looked at now: {error}"
        report.warnings.append(Fault(what, "$.https"))
        return
    if config.https.ca_file is None or uid != 0:
        return
    file = config.https.ca_file
    _warn_if_hidden("$.https.ca_file", file, report)
    if (closed := _closed_to_others(file)) is not None:
        what = (
            f"not everybody may read {closed}, and the daemon's user must, which under systemd is"
            " one of its own"
        )
        report.warnings.append(Fault(what, "$.https.ca_file"))


def _look_at_store(config: Config, environ: Mapping[str, str], uid: int, report: Report) -> None:
    path = config.store.path(environ, uid=uid)
    # Root makes the directory for the user where it is missing.
    user = config.user if uid == 0 and path.parent.exists() and not report.errors else None
    try:
        fault = said_as(user, partial(_store_fault, path))
    except PrivilegeError as error:
        fault = str(error)
    if fault:
        report.errors.append(Fault(fault, "$.store.url"))
    elif config.store.url is not None and uid == 0:
        _warn_if_hidden("$.store.url", path, report)
        if not _is_below(path, WRITABLE):
            what = (
                f"the systemd unit lets the daemon write below {WRITABLE[0]} only: name"
                f" {path.parent} in ReadWritePaths= in a drop-in, or leave the key out"
            )
            report.warnings.append(Fault(what, "$.store.url"))


def _store_fault(path: Path) -> str:
    try:
        check_fit(path)
    except StoreError as error:
        return str(error)
    return ""


def _warn_if_hidden(key: str, path: Path, report: Report) -> None:
    """Warn of a path that root sees here, and that the unit would hide."""
    if _is_below(path, HIDDEN) or _is_below(path.resolve(), HIDDEN):
        what = (
            f"the systemd unit hides {path} from the daemon (ProtectHome=, PrivateTmp=):"
            " choose another place"
        )
        report.warnings.append(Fault(what, key))


def _is_below(path: Path, directories: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(directory) for directory in directories)


def _closed_to_others(file: Path) -> Path | None:
    """Return what keeps others from reading `file`, itself or a directory above it."""
    real = file.resolve()
    for path, bit in [(real, stat.S_IROTH), *((above, stat.S_IXOTH) for above in real.parents)]:
        if not path.stat().st_mode & bit:
            return path
    return None
