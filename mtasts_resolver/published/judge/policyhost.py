"""Findings on the policy host, and on how it serves the policy (RFC 8461 §3.2, §3.3)."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from mtasts_resolver.base.quoting import printable, quote
from mtasts_resolver.base.spans import span
from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.policy import DocumentError, parse_document
from mtasts_resolver.published.judge.certificates import (
    TLS_TOO_OLD,
    certificate_kinds,
    judge_certificate,
)
from mtasts_resolver.published.judge.meant import Meant
from mtasts_resolver.published.judge.words import (
    NAMED,
    NOT_VISITED,
    AddressFindings,
    at_most,
    listed,
)
from mtasts_resolver.published.observed import Observed, SeenAddress, SeenFailure, SeenHost, SeenTls

# Seconds for which a copy that somebody else keeps may be served. Senders keep no copy themselves
# (RFC 8461 §3.3). After a change of MX hosts an hour is soon over, a day is not.
CACHED_LONG = 3_600

OK, REDIRECTS = 200, range(300, 400)

_UNPROTECTED = (
    "Senders cannot have the policy, and deliver as without MTA-STS: whoever is on the way can "
    "read the mail. Those that have an earlier policy go on by it until its max_age is over."
)
_LATER = (
    "From then on no sender can have the policy: they go on by the one that they have until its "
    "max_age is over, and then deliver as without MTA-STS."
)

CERTIFICATE = certificate_kinds("policy-host", "policy host", _UNPROTECTED, _LATER)

LOOKUP_FAILED = FindingKind(
    code="policy-host-lookup-failed",
    severity=Severity.ERROR,
    title="addresses of the policy host cannot be looked up",
    matters=_UNPROTECTED,
    action="Look whether the name servers of that name answer for A and AAAA, and whether its "
    "DNSSEC signatures are valid.",
)
WITHOUT_ADDRESS = FindingKind(
    code="policy-host-without-address",
    severity=Severity.ERROR,
    title="the policy host has no address",
    matters=_UNPROTECTED,
    action="Publish A and AAAA records, or a CNAME, for it.",
)
ADDRESS_FORBIDDEN = FindingKind(
    code="policy-host-address-forbidden",
    severity=Severity.ERROR,
    title="the policy host has an address that is not globally routable",
    matters="No sender reaches it there, and strict senders do not try.",
    action="Remove the private, loopback or otherwise reserved address from DNS.",
)
UNREACHABLE = FindingKind(
    code="policy-host-unreachable",
    severity=Severity.ERROR,
    title="the policy host cannot be reached",
    matters=_UNPROTECTED,
    action="Have a web server answer there on port 443.",
)
ADDRESS_UNREACHABLE = FindingKind(
    code="policy-host-address-unreachable",
    severity=Severity.WARNING,
    title="the policy host cannot be reached at one of its addresses",
    matters="Some senders try only one address, or give up before they come to the next: to these "
    "there is no policy.",
    action="Have the web server answer there on port 443, too, or remove the address from DNS.",
)
TLS_FAILED = FindingKind(
    code="policy-host-tls-failed",
    severity=Severity.ERROR,
    title="TLS with the policy host fails",
    matters=_UNPROTECTED,
    action="Have the web server speak TLS 1.2 and 1.3, with a certificate for this name.",
)
TLS_OUTDATED = FindingKind(
    code="policy-host-tls-outdated",
    severity=Severity.ERROR,
    title="the policy host speaks outdated TLS only",
    matters=_UNPROTECTED,
    action="Have the web server speak TLS 1.2 and 1.3.",
)
TAKES_OUTDATED_TLS = FindingKind(
    code="policy-host-takes-outdated-tls",
    severity=Severity.NOTE,
    title="the policy host takes TLS versions before 1.2, too",
    matters="No sender of policies needs them (RFC 8996).",
    action="Switch them off in the web server.",
)
REDIRECTED = FindingKind(
    code="policy-redirected",
    severity=Severity.ERROR,
    title="the policy host redirects to another place",
    matters=f"Redirects are not followed (RFC 8461 §3.3). {_UNPROTECTED}",
    action="Serve the policy itself at this address.",
)
STATUS = FindingKind(
    code="policy-status",
    severity=Severity.ERROR,
    title="the policy host does not answer with HTTP status 200",
    matters=f"Only 200 counts (RFC 8461 §3.3). {_UNPROTECTED}",
    action="Put the policy at `/.well-known/mta-sts.txt`, readable for everybody.",
)
MEDIA_TYPE = FindingKind(
    code="policy-media-type",
    severity=Severity.ERROR,
    title="the policy is not served as `text/plain`",
    matters="Strict senders, as RFC 8461 §3.2 has them, reject it, and deliver as without MTA-STS.",
    action="Have the web server send `Content-Type: text/plain`.",
)
BODY = FindingKind(
    code="policy-body",
    severity=Severity.ERROR,
    title="what the policy host answers cannot be read",
    matters=_UNPROTECTED,
    action="Serve a plain file: a few lines, uncompressed.",
)
CACHED = FindingKind(
    code="policy-cached",
    severity=Severity.NOTE,
    title="others may serve an old copy of the policy",
    matters="After a change of MX hosts senders that ask there get the policy from before, and "
    "hold mail for the new hosts.",
    action="Have the policy served with `Cache-Control: no-cache`, or short-lived, and empty the "
    "cache at each change.",
)
DIFFERS = FindingKind(
    code="policy-differs-by-address",
    severity=Severity.ERROR,
    title="the policy host serves different policies at its addresses",
    matters="It is chance by which one a sender goes: mail is held by one, or unprotected by the "
    "other.",
    action="Serve the same file everywhere.",
)

KINDS = (
    LOOKUP_FAILED,
    WITHOUT_ADDRESS,
    ADDRESS_FORBIDDEN,
    UNREACHABLE,
    ADDRESS_UNREACHABLE,
    TLS_FAILED,
    TLS_OUTDATED,
    TAKES_OUTDATED_TLS,
    *CERTIFICATE,
    REDIRECTED,
    STATUS,
    MEDIA_TYPE,
    BODY,
    CACHED,
    DIFFERS,
)

_AGE = re.compile(r"(?:s-maxage|max-age)=(\d{1,10})", re.ASCII)
_UNREADABLE = ("policy-fetch-timeout", "policy-body", "policy-host-unreachable")


def judge_policy_host(observed: Observed, meant: Meant) -> Iterator[Finding]:
    """Yield what is to be said of the policy host, where there is to be a policy."""
    if not meant.attempted:
        return
    host = observed.policy_host
    if host.failure is not None:
        yield _judge_lookup(host, host.failure)
    yield from _judge_failures(host)
    met = AddressFindings(host)
    for seen in host.addresses:
        if seen.tls is not None:
            for kind, words in _judge_tls(seen.tls, host.name, observed.at):
                met.add(kind, words, seen)
        for kind, words in _judge_response(seen):
            met.add(kind, words, seen)
    yield from met.findings()
    if served := _policies_differ(host):
        yield DIFFERS.found(host.name, served)


def _judge_lookup(host: SeenHost, failure: SeenFailure) -> Finding:
    """Return why it has no address; or not all, where the look-up of one family failed."""
    if failure.code == "host-without-address":
        return WITHOUT_ADDRESS.found(host.name, failure.reason)
    finding = LOOKUP_FAILED.found(host.name, failure.reason)
    return at_most(finding, Severity.WARNING) if host.addresses else finding


def _judge_failures(host: SeenHost) -> Iterator[Finding]:
    """Yield where there was no conversation: bad where that is so everywhere."""
    served = any(seen.status is not None and seen.failure is None for seen in host.addresses)
    unreachable = ADDRESS_UNREACHABLE if served else UNREACHABLE
    met = AddressFindings(host)
    for seen in host.addresses:
        match seen.failure:
            case SeenFailure("address-forbidden", reason):
                met.add(ADDRESS_FORBIDDEN, reason, seen)
            case SeenFailure("tls-failed", reason):
                met.add(TLS_FAILED, reason, seen)
            case SeenFailure(code, reason) if code in _UNREADABLE:
                met.add(BODY, reason, seen)
            case SeenFailure(code, reason) if code not in NOT_VISITED:
                met.add(unreachable, reason, seen)
    for finding in met.findings():
        yield at_most(finding, Severity.WARNING) if served else finding


def _judge_tls(tls: SeenTls, host: str, now: datetime) -> Iterator[tuple[FindingKind, str]]:
    if tls.failure is not None and tls.failure.code == TLS_TOO_OLD:
        yield TLS_OUTDATED, tls.failure.reason
        return
    yield from judge_certificate(tls, host, now, CERTIFICATE)
    if tls.outdated:
        yield TAKES_OUTDATED_TLS, f"it takes {listed(tls.outdated)}"


def _judge_response(seen: SeenAddress) -> Iterator[tuple[FindingKind, str]]:
    """Yield what is wrong with an answer over HTTP."""
    headers = dict(seen.headers)
    location = headers.get("location")
    if seen.status is None:
        return
    if seen.status in REDIRECTS and location:
        yield REDIRECTED, f"status {seen.status}, to {printable(location)}"
    elif seen.status != OK:
        yield STATUS, f"status {seen.status}"
    else:
        served = headers.get("content-type", "")
        if served.partition(";")[0].strip().lower() != "text/plain":
            yield MEDIA_TYPE, f"served as {quote(served)}" if served else "served without a type"
        if seen.document is None and seen.failure is None:
            yield BODY, "it is longer than 64 KiB, or no UTF-8"
        if (age := _cached_for(headers)) > CACHED_LONG:
            yield CACHED, f"copies may be served for {span(age)}"


def _cached_for(headers: Mapping[str, str]) -> int:
    """Return for how many seconds others may serve a copy, by the headers of one."""
    control = headers.get("cache-control", "").lower()
    if "no-cache" in control or "no-store" in control:
        return 0
    allowed = [int(found) for found in _AGE.findall(control)]
    age = headers.get("age", "")
    if age.isascii() and age.isdigit():
        allowed.append(int(age[:10]))
    return max(allowed, default=0)


def _policies_differ(host: SeenHost) -> str:
    """Return which policies are served where, or nothing where all are the same.

    What differs in white space, or in what senders ignore, is the same policy.
    """
    served: dict[tuple[object, ...], list[str]] = {}
    for seen in host.addresses:
        if seen.document is None:
            continue
        try:
            policy = parse_document(seen.document.encode())
            meaning: tuple[object, ...] = (policy.mode, policy.max_age, frozenset(policy.mx))
            words = f"mode {policy.mode}, {len(policy.mx)} mx, max_age {policy.max_age}"
        except DocumentError:
            meaning, words = (), "one that is not valid"
        served.setdefault((*meaning, words), []).append(seen.address)
    told = [f"{listed(at)}: {key[-1]}" for key, at in served.items()]
    return "; ".join(told[:NAMED]) if len(told) > 1 else ""
