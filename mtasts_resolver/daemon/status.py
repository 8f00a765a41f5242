"""The line that `systemctl status` shows."""

from collections.abc import Mapping
from types import MappingProxyType

from mtasts_resolver.answers.tallies import UNKNOWN_MAP
from mtasts_resolver.control.answering import AnsweringParts

_DANE: Mapping[bool | None, str] = MappingProxyType(
    {True: "on", False: "off", None: "not known yet: no name server has answered"}
)


def status_line(parts: AnsweringParts) -> str:
    """Return what the daemon holds and does, and what is wrong."""
    cache, counters = parts.sts.cache, parts.counters
    text = (
        f"{cache.precious} policies and {len(cache) - cache.precious} absences in memory,"
        f" {parts.service.tallies.total()} look-ups, {counters.discoveries} discoveries,"
        f" {parts.server.counters.connections_open} connections,"
        f" DANE {_DANE[parts.dnssec.validates]}"
    )
    if maps := parts.in_force.observing():
        text += f", OBSERVING only in {len(maps)} maps"
    if overrides := parts.overrides.in_force:
        text += f", {overrides} overrides"
    if parts.sts.failing_refresh:
        text += f", {parts.sts.failing_refresh} policies fail to be refreshed"
    if unknown := parts.service.tallies.total(UNKNOWN_MAP):
        text += f", {unknown} look-ups in maps that there are not"
    if parts.discoverer.pid is None:
        text += ", the discoverer is not running"
    if parts.store.trouble:
        text += f", store: {parts.store.trouble}"
    return text
