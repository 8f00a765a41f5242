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
from mtasts_resolver.config import Config, ConfigError, UnixAddress
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
    """What was found, a line for each."""

    errors: list[str]
    warnings: list[str]


def look_into(config: Config, environ: Mapping[str, str], uid: int) -> Report:
    """Look into all that `config` names, as the user `uid` can, who is the process's."""
    report = Report([], [])
    _look_at_accounts(config, report)
    _look_at_trust_store(config, uid, report)
    _look_at_store(config, environ, uid, report)
    if not config.listen:
        report.warnings.append("$.listen: it is empty, so the daemon needs sockets from systemd")
    return report


def _look_at_accounts(config: Config, report: Report) -> None:
    if config.user is not None:
        try:
            find_account(config.user)
        except PrivilegeError as error:
            report.errors.append(f"$.user: {error}")
    for number, listener in enumerate(config.listen):
        if isinstance(listener.address, UnixAddress):
            try:
                owner_ids(listener.owner, listener.group)
            except OSError as error:
                report.errors.append(f"$.listen[{number}]: {error.strerror}")


def _look_at_trust_store(config: Config, uid: int, report: Report) -> None:
    try:
        DirectDiscoverer.configured(config)
    except ConfigError as error:
        report.errors.extend(f"$.{text}" for text in error.errors)
        return
    except ShortageError as error:
        report.warnings.append(f"$.https: the trust store cannot be looked at now: {error}")
        return
    if config.https.ca_file is None or uid != 0:
        return
    file = config.https.ca_file
    _warn_if_hidden("$.https.ca_file", file, report)
    if (closed := _closed_to_others(file)) is not None:
        report.warnings.append(
            f"$.https.ca_file: not everybody may read {closed}, and the daemon's user must, which"
            " under systemd is one of its own"
        )


def _look_at_store(config: Config, environ: Mapping[str, str], uid: int, report: Report) -> None:
    path = config.store.path(environ, uid=uid)
    # Root makes the directory for the user where it is missing.
    user = config.user if uid == 0 and path.parent.exists() and not report.errors else None
    try:
        fault = said_as(user, partial(_store_fault, path))
    except PrivilegeError as error:
        fault = str(error)
    if fault:
        report.errors.append(f"$.store.url: {fault}")
    elif config.store.url is not None and uid == 0:
        _warn_if_hidden("$.store.url", path, report)
        if not _is_below(path, WRITABLE):
            report.warnings.append(
                f"$.store.url: the systemd unit lets the daemon write below {WRITABLE[0]} only:"
                f" name {path.parent} in ReadWritePaths= in a drop-in, or leave the key out"
            )


def _store_fault(path: Path) -> str:
    try:
        check_fit(path)
    except StoreError as error:
        return str(error)
    return ""


def _warn_if_hidden(key: str, path: Path, report: Report) -> None:
    """Warn of a path that root sees here, and that the unit would hide."""
    if _is_below(path, HIDDEN) or _is_below(path.resolve(), HIDDEN):
        report.warnings.append(
            f"{key}: the systemd unit hides {path} from the daemon (ProtectHome=, PrivateTmp=):"
            " choose another place"
        )


def _is_below(path: Path, directories: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(directory) for directory in directories)


def _closed_to_others(file: Path) -> Path | None:
    """Return what keeps others from reading `file`, itself or a directory above it."""
    real = file.resolve()
    for path, bit in [(real, stat.S_IROTH), *((above, stat.S_IXOTH) for above in real.parents)]:
        if not path.stat().st_mode & bit:
            return path
    return None
