"""The files that the daemon reads and keeps: the trust store, and the store with what is beside."""

import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from mtasts_resolver.base.privileges import PrivilegeError, said_as
from mtasts_resolver.config import Config, ConfigError
from mtasts_resolver.daemon.preflight.report import Report
from mtasts_resolver.daemon.preflight.unit import STATE, is_below, warn_if_hidden
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.store.changetable import SCHEMA
from mtasts_resolver.store.errors import StoreError
from mtasts_resolver.store.fitness import check_fit
from mtasts_resolver.store.history import history_path
from mtasts_resolver.store.keptchecks import CHECKS_SCHEMA, checks_path
from mtasts_resolver.store.overridefile import OverrideFile
from mtasts_resolver.store.schema import Schema
from mtasts_resolver.worker.direct import DirectDiscoverer


def look_at_trust_store(config: Config, uid: int, report: Report) -> None:
    """See whom policy hosts are trusted by."""
    try:
        DirectDiscoverer.configured(config)
    except ConfigError as error:
        report.errors.extend(error.faults)
        return
    except ShortageError as error:
        report.warn("$.https", f"the trust store cannot be looked at now: {error}")
        return
    if config.https.ca_file is None or uid != 0:
        return
    file = config.https.ca_file
    warn_if_hidden("$.https.ca_file", file, report)
    if (closed := _closed_to_others(file)) is not None:
        what = (
            f"not everybody may read {closed}, and the daemon's user must, which under systemd is"
            " one of its own"
        )
        report.warn("$.https.ca_file", what)


def look_at_store(config: Config, environ: Mapping[str, str], uid: int, report: Report) -> None:
    """See whether policies can be kept, and what is kept beside them."""
    path = config.store.path(environ, uid=uid)
    # Root makes the directory for the user where it is missing.
    user = config.user if uid == 0 and path.parent.exists() and not report.errors else None
    if fault := _unfit(user, path):
        report.error("$.store.url", fault)
        return
    if fault := _unfit(user, history_path(path), SCHEMA):
        report.warn("$.store.url", f"there would be no history: {fault}")
    if config.own_domains and (fault := _unfit(user, checks_path(path), CHECKS_SCHEMA)):
        report.warn("$.store.url", f"checks of own_domains would not be kept: {fault}")
    _look_at_added_overrides(path, report)
    if config.store.url is not None and uid == 0:
        warn_if_hidden("$.store.url", path, report)
        if not is_below(path, (STATE,)):
            what = (
                f"the systemd unit lets the daemon write below {STATE} only: name"
                f" {path.parent} in ReadWritePaths= in a drop-in, or leave the key out"
            )
            report.warn("$.store.url", what)


def look_at_notify(config: Config, uid: int, report: Report) -> None:
    """See whether the program can be run, which no answer depends on."""
    if not config.notify:
        return
    key, program = "$.notify[0]", Path(config.notify[0])
    try:
        mode = program.stat().st_mode
    except OSError as error:
        report.warn(key, f"{program} cannot be run: {error.strerror or error}")
        return
    if not stat.S_ISREG(mode) or not mode & 0o111:
        report.warn(key, f"{program} is no program: make it executable")
        return
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        report.warn(key, f"others than its owner can write {program}, and would run as the daemon")
    if uid == 0:
        warn_if_hidden(key, program, report)
        if (closed := _closed_to_others(program)) is not None:
            what = "and the daemon's user must, which under systemd is one of its own"
            report.warn(key, f"not everybody may read {closed}, {what}")
    if not config.own_domains:
        report.warn("$.notify", "it is never run: there are no own_domains")


def _unfit(user: str | None, path: Path, schema: Schema | None = None) -> str:
    """Return why a file of the store is of no use to `user`; None is who looks."""
    try:
        return said_as(user, partial(_fault_of, path, schema))
    except PrivilegeError as error:
        return str(error)


def _fault_of(path: Path, schema: Schema | None) -> str:
    try:
        check_fit(path, schema)
    except StoreError as error:
        return str(error)
    return ""


def _look_at_added_overrides(store: Path, report: Report) -> None:
    """Look at the file as its owner does, who has made the store or the directory."""
    try:
        owner = (store if store.exists() else store.parent).stat().st_uid
    except OSError:
        return  # it is to be made yet
    file = OverrideFile(store, owner)
    for fault in file.read().faults:
        report.warn("", f"{file.path}: {fault}")


def _closed_to_others(file: Path) -> Path | None:
    """Return what keeps others from reading `file`, itself or a directory above it."""
    real = file.resolve()
    for path, bit in [(real, stat.S_IROTH), *((above, stat.S_IXOTH) for above in real.parents)]:
        if not path.stat().st_mode & bit:
            return path
    return None
