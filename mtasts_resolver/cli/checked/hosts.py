"""The hosts of a domain and their addresses, a line each: what came of connecting to them."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import NamedTuple

from mtasts_resolver.policy import Mode, Outcome, Policy, matches
from mtasts_resolver.published.judge.certificates import is_overdue
from mtasts_resolver.published.judge.meant import read
from mtasts_resolver.published.observed import (
    Observed,
    SeenAddress,
    SeenCertificate,
    SeenDane,
    SeenHost,
    SeenTls,
)

NONE = "-"
# A few words for the codes of published/observed.py; their reason stands among the findings.
_CERTIFICATES = MappingProxyType(
    {
        "certificate-expired": "EXPIRED",
        "certificate-not-yet-valid": "NOT YET",
        "certificate-names-another": "OTHER NAME",
        "certificate-self-signed": "SELF-SIGNED",
        "certificate-issuer-unknown": "UNTRUSTED",
        "tls-outdated": "UNVERIFIED",
    }
)
_DANE = MappingProxyType(
    {
        Outcome.USABLE.value: "usable",
        Outcome.UNUSABLE.value: "UNUSABLE",
        Outcome.ABSENT.value: "none",
        Outcome.FAILED.value: "FAILED",
    }
)


class Cell(NamedTuple):
    """What stands in a column."""

    text: str = ""
    bad: bool = False
    """Somebody should look at it. That the text says, too, where there are no colours."""


class HostLine(NamedTuple):
    """A host, or one of its addresses."""

    role: str
    """`policy`, or `mx`."""
    host: str
    preference: str = NONE
    address: str = ""
    """Empty in the line of the host itself."""
    version: Cell = Cell()
    """Of TLS."""
    certificate: Cell = Cell()
    days: Cell = Cell()
    policy: Cell = Cell()
    dane: Cell = Cell()
    trouble: str = ""
    """Why there is no more to say of it."""


def host_lines(observed: Observed) -> Iterator[HostLine]:
    """Yield a line for each host, and below it one for each of its addresses."""
    yield from _host(observed, HostLine("policy", observed.policy_host.name), observed.policy_host)
    policy = read(observed).policy
    dane = {seen.host: seen for seen in observed.dane_hosts}
    for host in observed.mx_hosts:
        line = HostLine(
            "mx",
            host.name,
            NONE if host.preference is None else str(host.preference),
            policy=_in_policy(host, policy),
            dane=_dane(dane.get(host.name)),
        )
        yield from _host(observed, line, host)


def _host(observed: Observed, line: HostLine, host: SeenHost) -> Iterator[HostLine]:
    yield line._replace(trouble=host.failure.reason if host.failure is not None else "")
    for address in host.addresses:
        yield _address(observed, HostLine(line.role, line.host, line.preference), address)
    if host.more_addresses:
        more = f"and {host.more_addresses:,} more"
        yield HostLine(line.role, line.host, line.preference, more, trouble="not visited")


def _address(observed: Observed, line: HostLine, seen: SeenAddress) -> HostLine:
    line = line._replace(address=seen.address or "through the proxy")
    if seen.tls is not None:
        line = line._replace(
            version=Cell(seen.tls.version, bad=bool(seen.tls.outdated)),
            certificate=_certificate(seen.tls),
            days=_days(observed, seen.tls.certificate),
        )
    if seen.failure is not None:
        return line._replace(trouble=seen.failure.reason)
    if line.role == "mx" and not observed.smtp:
        return line._replace(trouble="not visited")
    if seen.starttls is False:
        return line._replace(trouble="no STARTTLS")
    return line


def _certificate(tls: SeenTls) -> Cell:
    if tls.failure is None:
        return Cell("valid")
    return Cell(_CERTIFICATES.get(tls.failure.code, "INVALID"), bad=True)


def _days(observed: Observed, certificate: SeenCertificate | None) -> Cell:
    if certificate is None:
        return Cell(NONE)
    days = (certificate.not_after - observed.at).days
    return Cell(str(days), bad=is_overdue(certificate, observed.at))


def _in_policy(host: SeenHost, policy: Policy | None) -> Cell:
    """Say whether the policy names the host (RFC 8461 §4.1)."""
    if policy is None or policy.mode is Mode.NONE:
        return Cell(NONE)
    if any(matches(host.name, pattern) for pattern in policy.mx):
        return Cell("in")
    return Cell("NOT IN", bad=True)


def _dane(seen: SeenDane | None) -> Cell:
    if seen is None:
        return Cell(NONE)
    if seen.fits is False:
        return Cell("MISFIT", bad=True)
    word = _DANE.get(seen.outcome, NONE)
    return Cell(word, bad=word.isupper())
