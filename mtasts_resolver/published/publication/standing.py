"""How far a domain has come: what of a policy is out there, as senders see it."""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from mtasts_resolver.policy import (
    DocumentError,
    Mode,
    Policy,
    RecordError,
    is_hostname,
    parse_document,
    select_record,
)
from mtasts_resolver.published.observed import Observed, SeenAddress, SeenTexts
from mtasts_resolver.published.publication.tlsrpt import read_report_uris

DAY = 86_400

TESTING_MAX_AGE = DAY
"""Seconds, while testing, and for the way back. Nobody is protected, so nothing is lost; a large
receiver's guide asks for a day at least, and RFC 8461 §8.3 suggests one for mode none."""

FIRST_MAX_AGE = 7 * DAY
"""Of the first enforced policy: what was forgotten holds mail for a week at most."""

LASTING_MAX_AGE = 30 * DAY
"""From here on whoever would keep a sender from the policy has to do so for weeks without a mail
(RFC 8461 §10.2)."""


# Codes of what failed at an address: nobody was there; or this host had no way to it, or no time.
_UNREACHABLE = ("unreachable", "connect-timeout", "address-forbidden")
_LACKS = ("no-route", "observation-timeout")


class Stage(StrEnum):
    """Where on the way a domain is, there or back."""

    NOTHING = "nothing"
    """No policy is served, and no record says that there is one."""
    SERVED = "served"
    """The policy host serves a policy, and no record says so: nobody asks for it."""
    UNUSABLE = "unusable"
    """There is a record, and senders get no policy: what they have kept, they go on with."""
    TESTING = "testing"
    ENFORCED = "enforced"
    """For less than LASTING_MAX_AGE."""
    LASTING = "lasting"
    """Enforced, and kept for long: there is no further step."""
    WITHDRAWN = "withdrawn"
    """In mode none."""


class Standing(Struct, frozen=True, kw_only=True):
    """What is out there."""

    stage: Stage
    policy_id: str = ""
    """Of the one policy record; empty where there is none that is valid."""
    record_fault: str = ""
    """Why a record that is there is not valid."""
    policy: Policy | None = None
    """As the policy host serves it, if each of its addresses does so."""
    policy_fault: str = ""
    """Why senders get no policy."""
    shown: Policy | None = None
    """The policy that an address shows, though senders may not take it from there."""
    hosts: tuple[str, ...] = ()
    """The MX hosts that have a valid name, the most preferred first."""
    reports: tuple[str, ...] = ()
    """The URIs that reports go to."""


class ServedPolicy(Struct, frozen=True, kw_only=True):
    """What one address of a policy host serves."""

    place: str
    document: str = ""
    policy: Policy | None = None
    fault: str = ""
    """Why senders do not take it; then there is no policy."""


def find_standing(observed: Observed) -> Standing:
    """Return how far a domain has come."""
    policy_id, record_fault = _record(observed.record)
    policy, policy_fault = _policy(observed)
    return Standing(
        stage=_stage(policy, has_record=bool(policy_id or record_fault), usable=bool(policy_id)),
        policy_id=policy_id,
        record_fault=record_fault,
        policy=policy,
        policy_fault=policy_fault,
        shown=policy or next(_shown(observed), None),
        hosts=tuple(host.name for host in observed.mx_hosts if is_hostname(host.name)),
        reports=read_report_uris(observed.reports.texts),
    )


def _stage(policy: Policy | None, *, has_record: bool, usable: bool) -> Stage:
    if not has_record:
        return Stage.NOTHING if policy is None else Stage.SERVED
    if policy is None or not usable:
        return Stage.UNUSABLE
    if policy.mode is not Mode.ENFORCE:
        return Stage.TESTING if policy.mode is Mode.TESTING else Stage.WITHDRAWN
    return Stage.LASTING if policy.max_age >= LASTING_MAX_AGE else Stage.ENFORCED


def _record(seen: SeenTexts) -> tuple[str, str]:
    """Return the id, and why there is none although somebody has written a record."""
    texts = [text.encode("ascii", "replace") for text in seen.texts]
    try:
        return select_record(texts).id, ""
    except RecordError as error:
        return "", str(error) if any(b"STS" in text.upper() for text in texts) else ""


def _policy(observed: Observed) -> tuple[Policy | None, str]:
    """Return the policy, or why not every sender gets one."""
    served = served_policies(observed)
    policies = [each.policy for each in served if each.policy is not None]
    for each in served:
        if each.fault:
            return None, f"{each.place}: {each.fault}"
    if any(policy.lines != policies[0].lines for policy in policies):
        return None, f"{observed.policy_host.name}: its addresses serve different documents"
    return policies[0], ""


def _shown(observed: Observed) -> Iterator[Policy]:
    for address in observed.policy_host.addresses:
        try:
            yield parse_document((address.document or "").encode())
        except DocumentError:
            continue


def served_policies(observed: Observed) -> tuple[ServedPolicy, ...]:
    """Return what each address of the policy host serves; at least one value."""
    host = observed.policy_host
    visited = [address for address in host.addresses if not _is_passed_over(address)]
    visited = visited or [each for each in host.addresses if not _is_our_own_lack(each)]
    if not visited:
        reason = host.failure.reason if host.failure else "it has no address that can be visited"
        return (ServedPolicy(place=host.name, fault=reason),)
    return tuple(_served(host.name, address) for address in visited)


def _served(name: str, address: SeenAddress) -> ServedPolicy:
    place = f"{name} ({address.address or 'through a proxy'})"
    document, policy = address.document or "", None
    fault = next(_faults(address), "")
    if not fault:
        try:
            policy = parse_document(document.encode())
        except DocumentError as error:
            fault = f"the policy is invalid: {error}"
    return ServedPolicy(place=place, document=document, policy=policy, fault=fault)


def _is_passed_over(address: SeenAddress) -> bool:
    """Tell whether senders take another address of the host, if there is one."""
    unreachable = address.failure is not None and address.failure.code in _UNREACHABLE
    return unreachable or _is_our_own_lack(address)


def _is_our_own_lack(address: SeenAddress) -> bool:
    return address.failure is not None and address.failure.code in _LACKS


def _faults(address: SeenAddress) -> Iterator[str]:
    """Yield what keeps senders from taking what the address serves (RFC 8461 §3.3)."""
    if address.failure is not None:
        yield address.failure.reason
    elif address.tls is None:
        yield "it spoke no TLS"
    elif address.tls.failure is not None:
        yield address.tls.failure.reason
    elif address.document is None:
        yield f"status {address.status}, and no document"
    else:
        media_type = dict(address.headers).get("content-type", "")
        if media_type.partition(";")[0].strip().lower() != "text/plain":
            yield f"the media type is {media_type or 'not said'}, not text/plain"
