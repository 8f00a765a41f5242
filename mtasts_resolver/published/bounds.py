"""How much of what was seen is kept, whoever published it.

The daemon's other process sends it as one message, and the daemon holds it for each own domain.
Honest set-ups take a few thousand bytes. What goes beyond all bounds loses its details first.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from mtasts_resolver.published.observed import (
    Observed,
    SeenAddress,
    SeenCertificate,
    SeenHost,
    SeenTls,
)

MAX_OBSERVED = 180_000  # bytes as MessagePack; a document alone may have 65,536
_FEW_NAMES = 2

_encode = msgspec.msgpack.Encoder().encode


def within_bounds(observed: Observed, most: int = MAX_OBSERVED) -> Observed:
    """Return `observed`, with less in it where it has more than `most` bytes."""
    for lessen in (_with_few_names, _without_chains, _with_one_document):
        if len(_encode(observed)) <= most:
            return observed
        observed = lessen(observed)
    while observed.mx_hosts and len(_encode(observed)) > most:
        kept = observed.mx_hosts[:-1]
        observed = replace(
            observed,
            mx_hosts=kept,
            dane_hosts=observed.dane_hosts[: len(kept)],
            more_mx_hosts=observed.more_mx_hosts + 1,
        )
    return observed


def _with_few_names(observed: Observed) -> Observed:
    def shorten(certificate: SeenCertificate) -> SeenCertificate:
        kept = certificate.dns_names[:_FEW_NAMES]
        more = certificate.more_names + len(certificate.dns_names) - len(kept)
        return replace(certificate, dns_names=kept, more_names=more)

    def change(tls: SeenTls) -> SeenTls:
        own = None if tls.certificate is None else shorten(tls.certificate)
        return replace(tls, certificate=own, chain=tuple(map(shorten, tls.chain)))

    return _with_tls(observed, change)


def _without_chains(observed: Observed) -> Observed:
    return _with_tls(observed, lambda tls: replace(tls, chain=()))


def _with_one_document(observed: Observed) -> Observed:
    """Keep the policy host's first address that served a document, and leave out the others."""
    host = observed.policy_host
    served = (each for each in host.addresses if each.document is not None)
    first = next(served, None)
    kept = tuple(each for each in host.addresses if each is first or each.document is None)
    more = host.more_addresses + len(host.addresses) - len(kept)
    return replace(observed, policy_host=replace(host, addresses=kept, more_addresses=more))


def _with_tls(observed: Observed, change: Callable[[SeenTls], SeenTls]) -> Observed:
    """Return `observed` with all that TLS showed changed so."""

    def of_address(seen: SeenAddress) -> SeenAddress:
        return seen if seen.tls is None else replace(seen, tls=change(seen.tls))

    def of_host(host: SeenHost) -> SeenHost:
        return replace(host, addresses=tuple(map(of_address, host.addresses)))

    return replace(
        observed,
        policy_host=of_host(observed.policy_host),
        mx_hosts=tuple(map(of_host, observed.mx_hosts)),
    )
