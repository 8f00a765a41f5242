"""What the certificate of a policy host or MX host says, and words for why it is rejected."""

import asyncio
import ssl
import threading
import warnings
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from mtasts_resolver.base import logs
from mtasts_resolver.base.quoting import printable
from mtasts_resolver.discovery.errors import ConnectError
from mtasts_resolver.discovery.tls.wire import Tls, open_wire

if TYPE_CHECKING:
    from cryptography import x509

log = logs.get(__name__)

UNCHECKED_TIMEOUT = 2.0  # seconds: the handshake before it has just worked
MAX_DESCRIBED = 16_384  # bytes of a certificate; a hundred names take five thousand
NAMES_SHOWN = 5  # certificates with a hundred names exist

WARNINGS = threading.Lock()  # held by whoever changes the filters of warnings

# <openssl/x509_vfy.h>, X509_V_ERR_...
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED = 18
_SELF_SIGNED_IN_CHAIN = 19
_NO_ISSUER = (2, 20, 21)
_WRONG_NAME = 62

INVALID = "certificate-invalid"
_CODES = {
    _NOT_YET_VALID: "certificate-not-yet-valid",
    _EXPIRED: "certificate-expired",
    _SELF_SIGNED: "certificate-self-signed",
    _SELF_SIGNED_IN_CHAIN: "certificate-issuer-unknown",
    _WRONG_NAME: "certificate-names-another",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """What an administrator wants to know of a certificate; nobody vouches for it."""

    dns_names: tuple[str, ...]
    common_name: str
    issuer: str
    not_before: datetime
    not_after: datetime
    key: str = ""
    """Such as `RSA 2048` or `EC secp256r1`."""

    def names(self) -> str:
        """Return the first of its DNS names, and how many more there are."""
        more = len(self.dns_names) - NAMES_SHOWN
        shown = ", ".join(self.dns_names[:NAMES_SHOWN])
        return f"{shown} and {more} more" if more > 0 else shown

    def describe(self) -> tuple[str, ...]:
        """Return lines for `explain`."""
        return (
            f"certificate for {self.names() or 'no DNS name'}",
            f"issued by {self.issuer}",
            f"valid from {self.not_before:%Y-%m-%d} to {self.not_after:%Y-%m-%d %H:%M} UTC",
        )


def parse_certificate(der: bytes) -> Certificate | None:
    """Return what the certificate `der` says, or None where that cannot be read, or is too long."""
    if len(der) > MAX_DESCRIBED:
        return None
    # Imported here: it takes long, and is needed only when something is wrong or explained.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415

    try:
        # What is odd about a stranger's certificate, such as a name that is too long, is nothing
        # to warn of. The filters are the process's own, hence the lock.
        with WARNINGS, warnings.catch_warnings(action="ignore"):
            certificate = x509.load_der_x509_certificate(der)
            subject, issuer = certificate.subject, certificate.issuer
            names: list[str] = []
            with suppress(x509.ExtensionNotFound):
                kind = x509.SubjectAlternativeName
                extension = certificate.extensions.get_extension_for_class(kind)
                names = extension.value.get_values_for_type(x509.DNSName)
            common_names = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
            return Certificate(
                tuple(printable(name) for name in names),
                printable(str(common_names[0].value)) if common_names else "",
                printable(issuer.rfc4514_string()),
                certificate.not_valid_before_utc,
                certificate.not_valid_after_utc,
                _describe_key(certificate),
            )
    except (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        return None


def _describe_key(certificate: "x509.Certificate") -> str:
    """Return the kind of its public key, and the size or curve; nothing where that is not known."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415

    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return ""
    kind = type(key).__name__.strip("_").removesuffix("PublicKey")
    curve = getattr(getattr(key, "curve", None), "name", None)
    return f"{kind} {curve or getattr(key, 'key_size', '')}".rstrip()


async def read_unchecked_certificate(address: str, port: int, host: str) -> bytes | None:
    """Return the certificate, as DER, that `address` shows to whoever asks for `host`.

    It is not verified, and nothing is ever sent over this connection: it is only for saying why
    the certificate was rejected. None if it cannot be had.
    """
    try:
        async with asyncio.timeout(UNCHECKED_TIMEOUT):
            wire = await open_wire(address, port)
            try:
                tls = Tls(wire, unchecking_context(), host)
                await tls.handshake()
                return tls.object.getpeercert(binary_form=True)
            finally:
                wire.abort()
    except (OSError, TimeoutError, ConnectError):
        return None


@cache
def unchecking_context() -> ssl.SSLContext:
    """Return the context that takes any certificate: for saying why one was rejected."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def rejection_code(error: ssl.SSLCertVerificationError) -> str:
    """Return the kind of rejection that `error` is."""
    code = error.verify_code
    return "certificate-issuer-unknown" if code in _NO_ISSUER else _CODES.get(code, INVALID)


def describe_rejection(
    host: str,
    error: ssl.SSLCertVerificationError,
    der: bytes | None,
    now: datetime | None = None,
) -> str:
    """Return why `error` rejects the certificate of `host`, in words, as of `now`.

    `der` is the certificate that was rejected, or None if that could not be had.
    """
    certificate = parse_certificate(der) if der is not None else None
    why = f"is not valid: {printable(error.verify_message)}"
    if certificate is not None:
        why = _why(error.verify_code, host, certificate, now or datetime.now(UTC)) or why
    return f"certificate of {host} {why}"


def _why(code: int, host: str, certificate: Certificate, now: datetime) -> str | None:
    if code == _WRONG_NAME:
        return _why_not_named(host, certificate)
    if code in (_EXPIRED, _NOT_YET_VALID):
        return _why_not_now(code, certificate, now)
    if code == _SELF_SIGNED:
        return "is self-signed"
    untrusted = f"was issued by an authority that is not trusted: {certificate.issuer}"
    if code == _SELF_SIGNED_IN_CHAIN:
        return untrusted
    if code in _NO_ISSUER:
        return f"{untrusted}; or the server does not send the intermediate certificates"
    return None


def _why_not_named(host: str, certificate: Certificate) -> str:
    if certificate.dns_names:
        return f"is for {certificate.names()}, not for {host}"
    named = f" ({certificate.common_name})" if certificate.common_name else ""
    return f"holds no DNS name, and its common name{named} does not count"


def _why_not_now(code: int, certificate: Certificate, now: datetime) -> str:
    if code == _EXPIRED and certificate.not_after < now:
        ago = _span(now - certificate.not_after)
        return f"expired {ago} ago ({certificate.not_after:%Y-%m-%d})"
    if code == _NOT_YET_VALID and certificate.not_before > now:
        ahead = _span(certificate.not_before - now)
        return f"is not yet valid: it will be in {ahead} ({certificate.not_before:%Y-%m-%d})"
    when = "has expired" if code == _EXPIRED else "is not yet valid"
    return f"was issued by {certificate.issuer}, whose own certificate {when}"


def _span(time: timedelta) -> str:
    """Return the length of `time` in its largest unit."""
    seconds = int(time.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if count := seconds // length:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
