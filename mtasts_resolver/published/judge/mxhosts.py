"""Findings on the MX hosts: whether a sender can deliver there as the policy asks (RFC 8461 §4)."""

from collections.abc import Iterator

from msgspec.structs import replace

from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.policy import Mode
from mtasts_resolver.published.judge.certificates import (
    TLS_TOO_OLD,
    certificate_kinds,
    judge_certificate,
)
from mtasts_resolver.published.judge.meant import Meant
from mtasts_resolver.published.judge.words import NOT_VISITED, AddressFindings, at_most, listed
from mtasts_resolver.published.observed import Observed, SeenAddress, SeenFailure, SeenHost

MAX_HOSTS = 20  # as many as are looked up and visited

_HELD = (
    "Senders that enforce the policy do not deliver there: where no other host takes the mail, it "
    "is held, and comes back after days."
)
_PLAIN_TEXT = "Mail to it goes in plain text: whoever is on the way can read it."
_LATER = (
    "From then on senders that enforce the policy do not deliver there, and mail that no other "
    "host takes is held."
)

CERTIFICATE = certificate_kinds("mx-host", "MX host", _HELD, _LATER)

SMTP_BLOCKED = FindingKind(
    code="smtp-blocked",
    severity=Severity.WARNING,
    title="no MX host can be reached on port 25",
    matters="Most often this host, or its provider, lets nothing out to port 25: then this says "
    "nothing about the domain, and of its MX hosts nothing is known. Else all of them are down, "
    "and mail to the domain waits.",
    action="Check from a host that sends mail, or leave the MX hosts out with `--no-smtp`.",
)
NOT_ALL_CHECKED = FindingKind(
    code="not-all-checked",
    severity=Severity.WARNING,
    title="not everything that the domain publishes was looked at",
    matters="Of what was not looked at, nothing is known.",
)
NAME_INVALID = FindingKind(
    code="mx-host-name-invalid",
    severity=Severity.ERROR,
    title="an MX record names what is no host",
    matters="No sender can deliver there.",
    action="Write the name of a host; an address has no place in an MX record.",
)
WITHOUT_ADDRESS = FindingKind(
    code="mx-host-without-address",
    severity=Severity.ERROR,
    title="an MX host has no address",
    matters="Senders pass over it. Where no other host has one, mail is held.",
    action="Publish A and AAAA records for it, or remove the MX record.",
)
LOOKUP_FAILED = FindingKind(
    code="mx-host-lookup-failed",
    severity=Severity.ERROR,
    title="addresses of an MX host cannot be looked up",
    matters="Senders pass over it. Where no other host has one, mail is held.",
    action="Look whether the name servers of that name answer for A and AAAA, and whether its "
    "DNSSEC signatures are valid.",
)
ADDRESS_FORBIDDEN = FindingKind(
    code="mx-host-address-forbidden",
    severity=Severity.ERROR,
    title="an MX host has an address that is not globally routable",
    matters="No sender on the Internet reaches it there. Where no other host has an address, mail "
    "is held.",
    action="Remove the private, loopback or otherwise reserved address from DNS.",
)
UNREACHABLE = FindingKind(
    code="mx-host-unreachable",
    severity=Severity.WARNING,
    title="an MX host cannot be reached on port 25, or breaks off",
    matters="Senders try other addresses and hosts first; where there is none, mail is held.",
    action="See that the server runs, and that no filter stands before it; or remove it from DNS.",
)
REFUSES = FindingKind(
    code="mx-host-refuses",
    severity=Severity.WARNING,
    title="an MX host refuses to talk",
    matters="It may be that it refuses this host alone, for its address. Of its TLS nothing is "
    "known.",
    action="Read its answer. Check from a host whose mail it takes.",
)
WITHOUT_STARTTLS = FindingKind(
    code="mx-host-without-starttls",
    severity=Severity.ERROR,
    title="an MX host does not offer STARTTLS",
    matters=f"{_PLAIN_TEXT} {_HELD}",
    action="Switch TLS on in the mail server: in Postfix `smtpd_tls_security_level = may`, with a "
    "certificate. Some firewalls take STARTTLS out of the answer.",
)
STARTTLS_FAILS = FindingKind(
    code="mx-host-starttls-fails",
    severity=Severity.ERROR,
    title="an MX host offers STARTTLS, and TLS fails",
    matters=_HELD,
    action="See the mail server's log: a certificate or key that cannot be read, or no cipher in "
    "common.",
)
TLS_OUTDATED = FindingKind(
    code="mx-host-tls-outdated",
    severity=Severity.ERROR,
    title="an MX host speaks outdated TLS only",
    matters=f"RFC 8461 §7.2 asks for TLS 1.2 or later. {_HELD}",
    action="Have the mail server speak TLS 1.2 and 1.3.",
)
TAKES_OUTDATED_TLS = FindingKind(
    code="mx-host-takes-outdated-tls",
    severity=Severity.NOTE,
    title="an MX host takes TLS versions before 1.2, too",
    matters="A sender that knows nothing better uses them (RFC 8996).",
    action="Switch them off in the mail server: in Postfix `smtpd_tls_protocols = >=TLSv1.2`.",
)
ALIAS = FindingKind(
    code="mx-host-alias",
    severity=Severity.NOTE,
    title="an MX record names an alias",
    matters="An MX record is to name a host (RFC 5321 §5.1). Senders verify the certificate for "
    "the name in the MX record, and not for the one behind it.",
    action="Name the host itself, in the MX record and in the policy.",
)

KINDS = (
    SMTP_BLOCKED,
    NOT_ALL_CHECKED,
    NAME_INVALID,
    WITHOUT_ADDRESS,
    LOOKUP_FAILED,
    ADDRESS_FORBIDDEN,
    UNREACHABLE,
    REFUSES,
    WITHOUT_STARTTLS,
    STARTTLS_FAILS,
    TLS_OUTDATED,
    TAKES_OUTDATED_TLS,
    *CERTIFICATE,
    ALIAS,
)

_REJECTED = {kind.code for kind in CERTIFICATE}
_BY_DANE = "Senders that know DANE deliver all the same: its TLSA records fit."
_VERIFIED = {kind.code for kind in (STARTTLS_FAILS, TLS_OUTDATED, *CERTIFICATE)}
_NOWHERE = {kind.code for kind in (WITHOUT_ADDRESS, LOOKUP_FAILED, ADDRESS_FORBIDDEN)}
FORBIDDEN = "address-forbidden"
_STARTTLS_FAILED = ("tls-failed", "starttls-refused", "starttls-injection")


def judge_mx_hosts(observed: Observed, meant: Meant) -> Iterator[Finding]:
    """Yield what is to be said of each MX host."""
    if observed.smtp_blocked:
        hosts = [host.name for host in observed.mx_hosts]
        yield SMTP_BLOCKED.found(observed.domain, f"no connection to {listed(hosts)}")
    elsewhere = any(map(_can_be_reached, observed.mx_hosts))
    by_dane = {seen.host for seen in observed.dane_hosts if seen.fits}
    for host in observed.mx_hosts[:MAX_HOSTS]:
        met = AddressFindings(host)
        for seen in host.addresses:
            for kind, words in _judge_address(seen, host.name, observed):
                met.add(kind, words, seen)
        for found in (*_judge_name(host), *met.findings()):
            finding = _weighed(found, meant, elsewhere=elsewhere)
            if finding.code in _REJECTED and host.name in by_dane:
                finding = replace(finding, matters=f"{finding.matters} {_BY_DANE}")
            yield finding
    if left_out := "; ".join(_left_out(observed)):
        finding = NOT_ALL_CHECKED.found(observed.domain, left_out)
        unseen = any(map(_is_unseen, (observed.policy_host, *observed.mx_hosts)))
        yield finding if unseen else at_most(finding, Severity.NOTE)


def _is_unseen(host: SeenHost) -> bool:
    """Tell whether nothing is known of a host, for want of a way or of time."""
    codes = [seen.failure and seen.failure.code for seen in host.addresses]
    return bool(codes) and all(code in NOT_VISITED for code in codes)


def _can_be_reached(host: SeenHost) -> bool:
    """Tell whether a host has an address that a sender can try."""
    return any(seen.failure is None or seen.failure.code != FORBIDDEN for seen in host.addresses)


def _weighed(finding: Finding, meant: Meant, *, elsewhere: bool) -> Finding:
    """Return the finding, no worse than it is for the mail.

    `elsewhere`: some MX host can be tried.
    """
    if finding.code in _VERIFIED:
        return meant.at_mx_host(finding)
    if finding.code == WITHOUT_STARTTLS.code and meant.mode is not Mode.ENFORCE:
        return replace(at_most(finding, Severity.WARNING), matters=_PLAIN_TEXT)
    if finding.code in _NOWHERE and elsewhere:
        return at_most(finding, Severity.WARNING)
    return finding


def _judge_name(host: SeenHost) -> Iterator[Finding]:
    """Yield what is to be said of what DNS knows of a host."""
    if host.alias_of is not None:
        yield ALIAS.found(host.name, f"an alias of {host.alias_of}")
    if host.failure is not None:
        kinds = {"host-name-invalid": NAME_INVALID, "host-without-address": WITHOUT_ADDRESS}
        yield kinds.get(host.failure.code, LOOKUP_FAILED).found(host.name, host.failure.reason)


def _judge_address(
    seen: SeenAddress, host: str, observed: Observed
) -> Iterator[tuple[FindingKind, str]]:
    """Yield what is to be said of the conversation with one address."""
    if seen.failure is not None:
        yield from _judge_failure(seen.failure, blocked=observed.smtp_blocked)
    if seen.starttls is False and seen.failure is None:
        yield WITHOUT_STARTTLS, "it does not offer STARTTLS"
    if (tls := seen.tls) is None:
        return
    if tls.failure is not None and tls.failure.code == TLS_TOO_OLD:
        yield TLS_OUTDATED, tls.failure.reason
        return
    yield from judge_certificate(tls, host, observed.at, CERTIFICATE)
    if tls.outdated:
        yield TAKES_OUTDATED_TLS, f"it takes {listed(tls.outdated)}"


def _judge_failure(failure: SeenFailure, *, blocked: bool) -> Iterator[tuple[FindingKind, str]]:
    """Yield what it means that a conversation did not come to its end."""
    if failure.code in NOT_VISITED:
        return
    if failure.code == FORBIDDEN:
        yield ADDRESS_FORBIDDEN, failure.reason
    elif failure.code == "smtp-refused":
        yield REFUSES, failure.reason
    elif failure.code in _STARTTLS_FAILED:
        yield STARTTLS_FAILS, failure.reason
    elif not blocked:
        yield UNREACHABLE, failure.reason


def _left_out(observed: Observed) -> Iterator[str]:
    """Yield what was not looked at though it could have been."""
    if observed.more_mx_hosts:
        yield f"MX hosts beyond the first {len(observed.mx_hosts)}: {observed.more_mx_hosts}"
    hosts = (observed.policy_host, *observed.mx_hosts)
    if more := sum(host.more_addresses for host in hosts):
        yield f"addresses beyond the first of a host: {more}"
    failures = [
        seen.failure.code for host in hosts for seen in host.addresses if seen.failure is not None
    ]
    if no_route := failures.count("no-route"):
        families = [
            name for name, way in (("IPv4", observed.ipv4), ("IPv6", observed.ipv6)) if not way
        ]
        yield f"this host has no way to {' or '.join(families) or 'some addresses'}: {no_route}"
    if late := failures.count("observation-timeout"):
        yield f"addresses for which no time was left: {late}"
