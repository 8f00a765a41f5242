"""What was seen, as the plain values of observed.py: printable, and bounded."""

import hashlib
from collections.abc import Sequence

from mtasts_resolver.base.quoting import escaped, printable
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import DiscoveryError, DnsError
from mtasts_resolver.discovery.record import texts_of
from mtasts_resolver.discovery.tls.certificates import parse_certificate
from mtasts_resolver.discovery.tls.shown import ShownTls
from mtasts_resolver.discovery.visit import VisitError
from mtasts_resolver.policy import is_hostname
from mtasts_resolver.published.observed import (
    SeenCertificate,
    SeenFailure,
    SeenTexts,
    SeenTls,
)

MAX_TEXTS = 10  # TXT records of a name that are kept; one is what there should be
MAX_TEXT = 1_000  # characters of each: two report addresses take two hundred
# DNS names that are kept of a certificate: those of a host that serves many domains go into the
# hundreds, and whether they fit it is known all the same.
MAX_NAMES = 20
MAX_REASON = 500  # characters: five addresses that are refused, each with its reason
_CUT = "..."


def failure_of(error: VisitError | DiscoveryError) -> SeenFailure:
    """Return what `error` says."""
    outage = isinstance(error, DnsError) and error.outage
    return SeenFailure(error.code, reason_of(str(error)), outage)


def reason_of(text: str) -> str:
    """Return words of ours that may quote a stranger's."""
    return _bounded(escaped(text[: MAX_REASON + 1]), MAX_REASON)


def name_of(name: str) -> str:
    """Return the name of a host: whole, if it is one."""
    return name if is_hostname(name) else printable(name)


async def look_up_texts(dns: DnsClient, name: str) -> SeenTexts:
    """Return the TXT records of `name`."""
    try:
        answer = await dns.query(name, "TXT")
    except DnsError as error:
        return SeenTexts(name=name, failure=failure_of(error))
    texts = [_text(text[: MAX_TEXT + 1].decode("latin-1")) for text in texts_of(answer)]
    return SeenTexts(
        name=name,
        texts=tuple(texts[:MAX_TEXTS]),
        more=max(0, len(texts) - MAX_TEXTS),
        ttl=answer.ttl,
        alias_of=alias_of(answer.question, answer.canonical_name),
    )


def _text(text: str) -> str:
    """Return a TXT record, printable but for tabs: they may stand there (RFC 8461 §3.1)."""
    return _bounded("\t".join(map(escaped, text.split("\t"))), MAX_TEXT)


def alias_of(question: str, canonical_name: str) -> str | None:
    """Return the name at the end of a chain of CNAMEs; None where there is no chain."""
    return None if canonical_name == question else name_of(canonical_name)


def tls_of(shown: ShownTls) -> SeenTls:
    """Return what TLS showed. This may load a library that takes tens of milliseconds."""
    own, chain = shown.chain[:1], shown.chain[1:]
    rejection = shown.rejection
    return SeenTls(
        version=shown.version,
        cipher=shown.cipher,
        outdated=shown.outdated,
        certificate=next(iter(_certificates(own)), None),
        chain=_certificates(chain),
        failure=None if rejection is None else SeenFailure(rejection.code, rejection.reason),
    )


def _certificates(ders: Sequence[bytes]) -> tuple[SeenCertificate, ...]:
    """Return those of the certificates that can be read."""
    read = ((der, parse_certificate(der)) for der in ders)
    return tuple(
        SeenCertificate(
            dns_names=found.dns_names[:MAX_NAMES],
            more_names=max(0, len(found.dns_names) - MAX_NAMES),
            common_name=found.common_name,
            issuer=found.issuer,
            not_before=found.not_before,
            not_after=found.not_after,
            key=found.key,
            sha256=hashlib.sha256(der).hexdigest(),
        )
        for der, found in read
        if found is not None
    )


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT
