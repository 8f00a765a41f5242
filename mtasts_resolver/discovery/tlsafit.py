"""Whether TLSA records fit the certificates that a host showed (RFC 7671, RFC 7672 §3.1).

As Postfix and OpenSSL have it: DANE-EE(3) is about the host's own certificate, whose names and
dates do not count. DANE-TA(2) is about one further up its chain, which the host must send; then the
names and dates of the certificate do count.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from dns.rdata import Rdata
from dns.rdtypes.tlsabase import TLSABase

from mtasts_resolver.discovery.tlsa import is_usable
from mtasts_resolver.policy import matches

if TYPE_CHECKING:
    from cryptography import x509

_ANCHOR, _END_ENTITY = 2, 3  # usages: RFC 7218 §2.1
_CERTIFICATE, _KEY = 0, 1  # selectors: RFC 7218 §2.2
_FULL = 0  # matching types: RFC 7218 §2.3
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}
_EXPLICIT_VERSION = 0xA0  # the tag of what may stand first in a TBSCertificate: RFC 5280 §4.1
_KEY_AT = 5  # serialNumber, signature, issuer, validity and subject stand before the public key
_LONG = 0x80  # of a length: how many bytes it has


class TlsaFit(NamedTuple):
    """Whether a usable record fits; None: that cannot be told."""

    fits: bool | None
    why_not: str = ""


def fit(
    records: Sequence[Rdata], chain: Sequence[bytes], names: Sequence[str], now: datetime
) -> TlsaFit:
    """Tell whether one of the TLSA `records` fits `chain`: DER, the host's own certificate first.

    `names` are those that count for the host (RFC 7672 §3.2.2). This loads a library that takes
    tens of milliseconds.
    """
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415

    usable = [each for each in records if isinstance(each, TLSABase) and is_usable(each)]
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        if not certificates:
            return TlsaFit(None, "the host showed no certificate")
        own = certificates[0]
        if any(each.usage == _END_ENTITY and _matches(each, own) for each in usable):
            return TlsaFit(True)
        anchors = [each for each in usable if each.usage == _ANCHOR]
        if not anchors:
            return TlsaFit(False, "no DANE-EE record matches the certificate that it showed")
        return _anchored(certificates, anchors, names, now)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        return TlsaFit(None, "a certificate that it showed cannot be read")


def _anchored(
    certificates: "Sequence[x509.Certificate]",
    anchors: Sequence[TLSABase],
    names: Sequence[str],
    now: datetime,
) -> TlsaFit:
    own = certificates[0]
    path = list(_path(certificates, anchors))
    sent = len(path) > 1 and any(_matches(each, path[-1]) for each in anchors)
    if not sent and not any(_signed(path[-1], each) for each in anchors):
        why = "no TLSA record matches its certificate, or one that it sends along and is issued by"
        return TlsaFit(False, why)
    for certificate in path:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return TlsaFit(False, "a DANE-TA record matches, but the certificate is out of date")
    if not any(matches(name, pattern) for name in names for pattern in _dns_names(own)):
        return TlsaFit(False, "a DANE-TA record matches, but the certificate is for another name")
    return TlsaFit(True)


def _path(
    certificates: "Sequence[x509.Certificate]", anchors: Sequence[TLSABase]
) -> "Iterator[x509.Certificate]":
    """Yield the host's own certificate, its issuer and so on, to the first that `anchors` match."""
    from cryptography import x509  # noqa: PLC0415

    whole = [each.cert for each in anchors if (each.selector, each.mtype) == (_CERTIFICATE, _FULL)]
    others = [*certificates[1:], *map(x509.load_der_x509_certificate, whole)]
    current = certificates[0]
    yield current
    while issuers := [each for each in others if _issued(current, each)]:
        # There may be two of one name and key, one signed by another authority.
        for issuer in issuers:
            if any(_matches(each, issuer) for each in anchors):
                yield issuer
                return
        current = issuers[0]
        yield current
        others.remove(current)


def _issued(certificate: "x509.Certificate", by: "x509.Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    try:
        certificate.verify_directly_issued_by(by)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _signed(certificate: "x509.Certificate", by: TLSABase) -> bool:
    """Tell whether `by` holds the very key that signed: no certificate need be sent that has it."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    if (by.selector, by.mtype) != (_KEY, _FULL):
        return False
    key, how = load_der_public_key(by.cert), certificate.signature_algorithm_parameters
    digest = certificate.signature_hash_algorithm
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    try:
        match key, how:
            case ec.EllipticCurvePublicKey(), ec.ECDSA():
                key.verify(signature, signed, how)
            case rsa.RSAPublicKey(), padding.PKCS1v15() | padding.PSS() if digest is not None:
                key.verify(signature, signed, how, digest)
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def _matches(record: TLSABase, certificate: "x509.Certificate") -> bool:
    """RFC 6698 §2.1: of the certificate or its public key, all of it or a digest."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    if record.selector == _CERTIFICATE:
        data = certificate.public_bytes(Encoding.DER)
    else:
        data = public_key_info(certificate.tbs_certificate_bytes)
    digest = _DIGESTS.get(record.mtype)
    return bool(record.cert == (data if digest is None else digest(data).digest()))


def _dns_names(certificate: "x509.Certificate") -> list[str]:
    from cryptography import x509  # noqa: PLC0415

    try:
        kind = x509.SubjectAlternativeName
        found = certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return []
    return found.get_values_for_type(x509.DNSName)


def public_key_info(tbs: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a TBSCertificate, as it stands there (RFC 5280 §4.1).

    Written anew by a library it could be another, and have another digest.
    """
    begin, _ = _element(tbs, 0)
    fields: list[bytes] = []
    while len(fields) <= _KEY_AT:
        start = begin
        _, begin = _element(tbs, start)
        if tbs[start] != _EXPLICIT_VERSION:
            fields.append(tbs[start:begin])
    return fields[_KEY_AT]


def _element(der: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the element at `at` begins, and where it ends (X.690 §8.1)."""
    if at + 1 >= len(der):
        raise ValueError("a certificate that ends too early")
    length, content = der[at + 1], at + 2
    if length & _LONG:
        count = length & ~_LONG
        length = int.from_bytes(der[content : content + count])
        content += count
    return content, content + length
