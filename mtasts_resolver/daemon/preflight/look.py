"""All that is looked into, one after the other."""

from collections.abc import Mapping

from mtasts_resolver.base.privileges import PrivilegeError, can_start_python, find_account
from mtasts_resolver.config import Config, Loaded
from mtasts_resolver.daemon.preflight.files import (
    look_at_notify,
    look_at_store,
    look_at_trust_store,
)
from mtasts_resolver.daemon.preflight.listening import (
    look_at_control,
    look_at_http,
    look_at_listeners,
)
from mtasts_resolver.daemon.preflight.report import Report
from mtasts_resolver.daemon.preflight.unit import look_at_memory


def look_into(loaded: Loaded, environ: Mapping[str, str], uid: int, *, wall: float = 0.0) -> Report:
    """Look into all that a configuration names, as the user `uid` can, who is the process's.

    `wall` is the time, seconds since 1970-01-01 UTC.
    """
    config, report = loaded.config, Report([], [])
    _look_at_user(config, uid, report)
    look_at_listeners(config, uid, report)
    look_at_trust_store(config, uid, report)
    look_at_store(config, environ, uid, report)
    look_at_notify(config, uid, report)
    look_at_control(config, environ, uid, report)
    look_at_http(config, uid, report)
    _look_at_overrides(config, wall, report)
    if uid == 0:
        look_at_memory(config, report)
    return Report(*(loaded.source.locate(faults) for faults in report))


def _look_at_user(config: Config, uid: int, report: Report) -> None:
    if config.user is None:
        return
    try:
        find_account(config.user)
        if uid == 0 and not can_start_python(config.user):
            what = "cannot read Python or this program: install them where that user can"
            report.warn("$.user", f"{config.user} {what}")
    except PrivilegeError as error:
        report.error("$.user", str(error))


def _look_at_overrides(config: Config, wall: float, report: Report) -> None:
    for override in config.all_overrides():
        if override.lapsed(wall):
            what = "its end is over: it is not in force, and can be removed"
            report.warn(f"$.overrides.{override.pattern}", what)
