"""DANE for SMTP (RFC 7672) without I/O: what the look-ups for a domain's MX hosts amount to."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple


class Dane(Enum):
    """What is known of DANE at the hosts of a next hop (RFC 7672 §2.2)."""

    REQUIRED = "required"
    """Every reachable host can be verified with TLSA records, or is one that Postfix skips."""
    PARTIAL = "partial"
    """Some host has TLSA records, and it is not REQUIRED."""
    UNKNOWN = "unknown"
    """A look-up failed, and nothing proves that there are TLSA records."""
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
    FAILED = "look-up failed"
    """A failed look-up is not absence, but it concerns this host alone (RFC 7672 §2.1)."""
    UNREACHABLE = "no address"


class MxHost(NamedTuple):
    """One MX host, or a smart host, and what was found."""

    name: str
    outcome: Outcome
    detail: str = ""
    """What an administrator may want to know: the TLSA records, or what failed."""


class DaneFinding(NamedTuple):
    """What is known of DANE at a next hop."""

    status: Dane
    reason: str = ""
    """Why, in words for an administrator."""
    hosts: tuple[MxHost, ...] = ()
    """Those that were looked into, in order of preference."""


def judge_hosts(hosts: Sequence[MxHost]) -> DaneFinding:
    """Return what the hosts of a next hop amount to: of an authenticated MX RRset, or a smart host.

    A host without an address counts for nothing. Where one host can be verified, those whose
    look-up failed do not matter: Postfix skips them, and tries the others.
    """
    outcomes = [host.outcome for host in hosts if host.outcome is not Outcome.UNREACHABLE]
    with_records = sum(found in (Outcome.USABLE, Outcome.UNUSABLE) for found in outcomes)
    if Outcome.USABLE in outcomes and set(outcomes) <= {Outcome.USABLE, Outcome.FAILED}:
        status, reason = Dane.REQUIRED, "every host that can be used has usable TLSA records"
    elif with_records:
        status = Dane.PARTIAL
        reason = f"hosts with TLSA records: {with_records} of {len(outcomes)}"
        if Outcome.USABLE not in outcomes:
            reason += ", none of them usable"
    elif Outcome.FAILED in outcomes:
        failed = next(host for host in hosts if host.outcome is Outcome.FAILED)
        status, reason = Dane.UNKNOWN, f"host {failed.name}: {failed.detail}"
    elif outcomes:
        status, reason = Dane.NONE, "no host has TLSA records"
    else:
        status, reason = Dane.NONE, "no host has an address"
    return DaneFinding(status, reason, tuple(hosts))
