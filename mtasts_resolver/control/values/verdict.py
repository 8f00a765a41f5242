"""What is wrong with a daemon, as monitoring and the status page tell it."""

from collections.abc import Iterator
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from mtasts_resolver.control.values.owndomains import by_severity
from mtasts_resolver.control.values.status import DaemonStatus

# Days that are left to a policy that cannot be fetched again. Domains fail for hours every day; one
# of which so little is left has failed for most of its max_age.
WARNING_DAYS = 3.0
CRITICAL_DAYS = 1.0
_DAY = 86_400
NAMED_DOMAINS = 3  # own domains that are named; where more are wrong they often share what is
# What to do about a part that is not well.
_ACTIONS = MappingProxyType(
    {
        "dns": "check the resolvers in dns.servers or /etc/resolv.conf",
        "discoverer": "it is started again by itself; the log says why it ended",
        "store": "policies are answered from memory meanwhile; see to the disk, and to the log",
    }
)


class Worry(NamedTuple):
    """One thing that an administrator should look at."""

    critical: bool
    words: str
    action: str
    """What to do about it."""


def worries(
    found: DaemonStatus,
    *,
    warning_days: float = WARNING_DAYS,
    critical_days: float = CRITICAL_DAYS,
) -> list[Worry]:
    """Return what is wrong, the critical first."""
    failing = _failing(found, warning_days, critical_days)
    return sorted(
        [*_parts(found), *failing, *_own_domains(found)], key=lambda worry: not worry.critical
    )


def _parts(found: DaemonStatus) -> Iterator[Worry]:
    for part, why in found.trouble.items():
        yield Worry(True, f"{part}: {why}", _ACTIONS[part])
    for way_in in found.ways_in:
        if way_in.trouble:
            action = "look-ups are answered all the same; the log says what to do"
            yield Worry(False, f"{way_in.name}: {way_in.trouble}", action)
    if found.configuration.faulty:
        action = "mtasts-resolver config check says what is wrong; then systemctl reload"
        yield Worry(False, "the configuration file is faulty", action)
    if found.store.history_trouble:
        action = "no answer depends on it; see to the file and its disk, and to the log"
        yield Worry(False, f"the history cannot be kept: {found.store.history_trouble}", action)
    if found.overrides.faults:
        words = f"the file of overrides is damaged: {found.overrides.faults[0]}"
        yield Worry(False, words, "mend it and reload; mtasts-resolver override list says more")


def _failing(found: DaemonStatus, warning_days: float, critical_days: float) -> Iterator[Worry]:
    """Judge the policies that cannot be fetched again by the time that the first has left."""
    soonest = found.policies.expires_soonest
    if soonest is None:
        return
    left = datetime.fromisoformat(soonest) - datetime.fromisoformat(found.now)
    days = left.total_seconds() / _DAY
    if days < max(warning_days, critical_days):
        words = f"{found.policies.failing} policies failing, the first expires in {days:.1f} days"
        action = "mtasts-resolver cache list --failing says which, and why"
        yield Worry(days < critical_days, words, action)


def _own_domains(found: DaemonStatus) -> Iterator[Worry]:
    """Judge the own domains with which something is wrong: the worst of each in words."""
    wrong = [own for own in by_severity(found.own_domains) if own.errors or own.warnings]
    for own in wrong[:NAMED_DOMAINS]:
        more = own.errors + own.warnings - 1
        words = f"{own.domain}: {own.worst}" + (f"; and {more} more" if more else "")
        action = f"mtasts-resolver check --from-daemon {own.domain} says what to do"
        yield Worry(own.errors > 0, words, action)
    if others := wrong[NAMED_DOMAINS:]:
        words = f"{len(others)} more own domains"
        yield Worry(others[0].errors > 0, words, "mtasts-resolver check --from-daemon has them all")
    unseen = [own for own in found.own_domains if own.trouble and _long_ago(own.checked, found.now)]
    if unseen:
        besides = f", and {len(unseen) - 1} more" if len(unseen) > 1 else ""
        words = f"{unseen[0].domain}{besides} cannot be checked: {unseen[0].trouble}"
        yield Worry(False, words, "what was found before stands; it is tried again")


def _long_ago(checked: str | None, now: str) -> bool:
    """Tell whether it is longer ago than a night in which a network was mended."""
    if checked is None:
        return True
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(checked)
    return passed.total_seconds() > _DAY
