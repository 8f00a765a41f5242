"""DANE for SMTP (RFC 7672) without I/O: what the look-ups for a domain's MX hosts amount to."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple


class Dane(Enum):
    """What is known of DANE at the hosts of a next hop (RFC 7672 §2.2)."""

    REQUIRED = "required"
    """Every reachable host can be verified with TLSA records, or is one that Postfix skips."""
    PARTIAL = "partial"
    """Some host has TLSA records, or may have, and some host that can be reached no usable ones."""
    UNKNOWN = "unknown"
    """A look-up failed, and it may be that every host can be verified, or none."""
    NONE = "none"
    """Proven absent, or the MX records are not authenticated."""
    OFF = "off"
    """DANE is not looked up."""


class Outcome(Enum):
    """What is known of one host."""

    USABLE = "usable TLSA records"
    """At least one authenticated TLSA record can verify it (RFC 7672 §3.1)."""
    UNUSABLE = "TLSA records, none of them usable"
    ABSENT = "no TLSA records"
    """Proven absent, or not authenticated, which means the same (RFC 7672 §2.2.2)."""
    FAILED = "TLSA look-up failed"
    """That is not absence, but it concerns this host alone (RFC 7672 §2.1)."""
    UNFOUND = "address look-up failed"
    UNREACHABLE = "no address"


class MxHost(NamedTuple):
    """One MX host, or a smart host, and what was found."""

    name: str
    outcome: Outcome
    detail: str = ""
    """What an administrator may want to know: the TLSA records, or what failed."""
    code: str = ""
    """The kind of what failed, for metrics."""
    tlsa: str = ""
    """The name of its TLSA records, where there are authenticated ones."""


class DaneFinding(NamedTuple):
    """What is known of DANE at a next hop."""

    status: Dane
    reason: str = ""
    """Why, in words for an administrator."""
    hosts: tuple[MxHost, ...] = ()
    """Those that were looked into, in order of preference."""
    code: str = ""
    """Where a look-up failed and so the status is UNKNOWN: the kind of failure, for metrics."""


_NOT_REACHED = (Outcome.UNREACHABLE, Outcome.UNFOUND)


def judge_hosts(hosts: Sequence[MxHost]) -> DaneFinding:
    """Return what the hosts of a next hop amount to: of an authenticated MX RRset, or a smart host.

    A host without an address counts for nothing. Where one host can be verified, those whose
    look-up failed do not matter: Postfix skips them, and tries the others.

    Nor does a host whose addresses could not be looked up hold the mail where there is another:
    Postfix cannot reach it, and delivers to the others. But whoever makes our look-up fail may let
    that of Postfix succeed, so it is not taken to have no TLSA records. Where the others have none,
    the truth is PARTIAL if it has some, else NONE; REQUIRED it cannot be. Both have an enforced
    policy applied. Without one, NONE would keep Postfix from looking at its TLSA records, so the
    finding is PARTIAL. With it no host is verified less than if the look-up had succeeded.
    """
    reachable = [host.outcome for host in hosts if host.outcome not in _NOT_REACHED]
    unfound = [host for host in hosts if host.outcome is Outcome.UNFOUND]
    failed = [host for host in hosts if host.outcome is Outcome.FAILED] or unfound
    code = ""
    with_records = sum(found in (Outcome.USABLE, Outcome.UNUSABLE) for found in reachable)
    if Outcome.USABLE in reachable and set(reachable) <= {Outcome.USABLE, Outcome.FAILED}:
        status, reason = Dane.REQUIRED, "every host that can be used has usable TLSA records"
    elif with_records:
        status = Dane.PARTIAL
        reason = f"hosts with TLSA records: {with_records} of {len(reachable)}"
        if Outcome.USABLE not in reachable:
            reason += ", none of them usable"
    elif Outcome.FAILED in reachable or (unfound and not reachable):
        status, reason = Dane.UNKNOWN, f"host {failed[0].name}: {failed[0].detail}"
        code = failed[0].code
    elif unfound:
        status = Dane.PARTIAL
        reason = f"no other host has TLSA records; host {unfound[0].name}: {unfound[0].detail}"
    elif reachable:
        status, reason = Dane.NONE, "no host has TLSA records"
    else:
        status, reason = Dane.NONE, "no host has an address"
    return DaneFinding(status, reason, tuple(hosts), code)
