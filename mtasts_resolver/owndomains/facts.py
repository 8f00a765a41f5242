"""What of a check is compared with the one before it, as texts in lines.

Each fact has a key: a word, or `certificate` and a host. What could not be seen this time has no
entry, and is no change: a name server that fails has taken no record away.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from mtasts_resolver.published.observed import (
    Observed,
    SeenCertificate,
    SeenHost,
    SeenTexts,
)

RECORD, REPORTS, POLICY, MX, CERTIFICATE = "record", "reports", "policy", "mx", "certificate"
# Why there are no MX hosts although the name servers answered: a fact of the domain.
_NO_MX = {"mx-null": "a null MX: no mail is accepted", "domain-unknown": "no such domain"}
# Certificates of one host that are remembered: the machines behind a name may each have their own,
# and those that answer take turns.
MAX_SHOWN = 16


class Facts(Struct, frozen=True):
    """What is known of a domain, by the last check that could see it."""

    texts: dict[str, str] = {}
    shown: dict[str, tuple[str, ...]] = {}
    """The certificates that each host has shown, by their SHA-256, the latest first."""


def facts_of(observed: Observed, known: Facts) -> Facts:
    """Return what holds now; of what could not be seen, what was `known`."""
    hosts = {host.name: host for host in (observed.policy_host, *observed.mx_hosts)}
    if observed.mx_failure is not None and observed.mx_failure.code not in _NO_MX:
        names = {key.partition(" ")[2] for key in known.texts} | hosts.keys()
    else:
        names = set(hosts)
    keys = [RECORD, REPORTS, POLICY, MX, *map(certificate_key, sorted(names))]
    found = {
        RECORD: _texts(observed.record),
        REPORTS: _texts(observed.reports),
        POLICY: _policy(observed.policy_host),
        MX: _mx(observed),
        **dict(_new_certificates(hosts.values(), known)),
    }
    texts = {key: found.get(key) for key in keys}
    texts = {key: known.texts.get(key) if text is None else text for key, text in texts.items()}
    shown = {
        name: recent
        for name in names
        if (recent := _shown(hosts.get(name), known.shown.get(name, ())))
    }
    return Facts({key: text for key, text in texts.items() if text is not None}, shown)


def certificate_key(host: str) -> str:
    return f"{CERTIFICATE} {host}"


def is_seen(observed: Observed) -> bool:
    """Tell whether anything was seen of the domain: else this host, or its resolver, is cut off."""
    if not (observed.ipv4 or observed.ipv6):
        return False
    hosts = (observed.policy_host, *observed.mx_hosts)
    answered = any(
        address.failure is None or address.tls or address.greeting
        for host in hosts
        for address in host.addresses
    )
    return observed.outage is None or answered


def _texts(seen: SeenTexts) -> str | None:
    if seen.failure is not None:
        return None
    more = [f"and {seen.more:,} more records"] if seen.more else []
    return "\n".join([*sorted(seen.texts), *more])


def _policy(host: SeenHost) -> str | None:
    """Return the document; each of them, where the addresses serve different ones."""
    documents = {
        address.document.replace("\r\n", "\n")
        for address in host.addresses
        if address.document is not None
    }
    if documents:
        return "\n--\n".join(sorted(documents))
    statuses = sorted({address.status for address in host.addresses if address.status is not None})
    # What has an error of its own is no word on what is published.
    gone = bool(statuses) and all(status in {404, 410} for status in statuses)
    return "" if gone else None


def _mx(observed: Observed) -> str | None:
    failure = observed.mx_failure
    if failure is not None:
        return _NO_MX.get(failure.code)
    lines = [
        host.name if host.preference is None else f"{host.preference} {host.name}"
        for host in observed.mx_hosts
    ]
    more = [f"and {observed.more_mx_hosts:,} more"] if observed.more_mx_hosts else []
    return "\n".join([*sorted(lines), *more])


def _new_certificates(hosts: Iterable[SeenHost], known: Facts) -> Iterator[tuple[str, str]]:
    """Yield what each host shows that has shown a certificate which it never had before."""
    for host in hosts:
        seen = {each.sha256: each for each in _certificates(host)}
        if seen.keys() - set(known.shown.get(host.name, ())):
            yield certificate_key(host.name), "\n".join(map(described_certificate, seen.values()))


def _shown(host: SeenHost | None, before: tuple[str, ...]) -> tuple[str, ...]:
    now = () if host is None else (certificate.sha256 for certificate in _certificates(host))
    return tuple(dict.fromkeys((*now, *before)))[:MAX_SHOWN]


def _certificates(host: SeenHost) -> Iterator[SeenCertificate]:
    """Yield those that the addresses of a host have shown."""
    for address in host.addresses:
        if address.tls is not None and address.tls.certificate is not None:
            yield address.tls.certificate


def described_certificate(certificate: SeenCertificate) -> str:
    """Return a certificate in a line: by the first word one is told from another."""
    until = certificate.not_after.date().isoformat()
    names = ", ".join(certificate.dns_names[:3]) or certificate.common_name
    return f"{certificate.sha256} of {names}, valid until {until}, issued by {certificate.issuer}"
