"""The certificates that Postfix shows to others: read from their files, or as they are served."""

import re
import ssl
import stat
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from msgspec import Struct
from msgspec.structs import replace

from mtasts_resolver.base.ownfiles import read_plain
from mtasts_resolver.base.quoting import printable

MAX_PEM = 1 << 20  # bytes of a file; a chain takes ten thousand
MAX_CHAIN = 20  # certificates of a file or handshake that are looked at; most have two or three
MAX_NAMES = 100  # DNS names of a certificate, as many as public authorities allow

ChainState = Literal["trusted", "incomplete", "self-signed", "private"]
"""`private`: it ends at an authority that this host's trust store does not have."""

_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")


class UnusableCertificateError(Exception):
    """There is no certificate that could be used; the text says why."""


class ShownCertificate(Struct, frozen=True, kw_only=True):
    """A certificate as others see it."""

    names: tuple[str, ...]
    """Its DNS names, in lower case."""
    issuer: str
    not_before: float
    not_after: float
    chain: ChainState

    def is_for(self, name: str) -> bool:
        """Tell whether it names a host (RFC 6125 §6.4): a `*` stands for the first label."""
        name = name.lower().rstrip(".")
        _, _, rest = name.partition(".")
        return name in self.names or (bool(rest) and f"*.{rest}" in self.names)


class SeenChain(Struct, frozen=True, kw_only=True):
    """A certificate in Postfix's configuration, and its key."""

    parameter: str
    """Such as `smtpd_tls_cert_file`."""
    files: tuple[str, ...]
    shown: ShownCertificate | None = None
    fault: str = ""
    """Why it is of no use."""
    unseen: str = ""
    """Why it, or its key, could not be looked at."""
    open_key: str = ""
    """The file of a key that everybody on this host can read."""


class Roots:
    """The authorities that this host trusts, by their names."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._by_subject: dict[bytes, list[bytes]] = {}
        for der in context.get_ca_certs(binary_form=True):
            with suppress(ValueError), warnings.catch_warnings(action="ignore"):
                subject = x509.load_der_x509_certificate(der).subject.public_bytes()
                self._by_subject.setdefault(subject, []).append(der)

    def issued(self, certificate: x509.Certificate) -> bool:
        """Tell whether one of them has issued a certificate."""
        found = self._by_subject.get(certificate.issuer.public_bytes(), [])
        return any(_issued(x509.load_der_x509_certificate(der), certificate) for der in found)


def read_certificate(parameter: str, file: str, key_file: str, roots: Roots) -> SeenChain:
    """Look at a certificate with its chain, and at the file of its key."""
    files = (file,) if file == key_file else (file, key_file)
    return _read(parameter, files, lambda pems: [(pems[0], pems[-1])], roots)[0]


def read_chain_files(parameter: str, files: Sequence[str], roots: Roots) -> list[SeenChain]:
    """Look at files that hold, one after the other, a key, and then its certificate's chain."""
    return _read(parameter, tuple(files), _by_key, roots)


def _by_key(pems: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    pem = b"\n".join(pems)
    starts = [found.start() for found in _KEY.finditer(pem)] or [0]
    parts = [pem[start:end] for start, end in pairwise([*starts, len(pem)])]
    return [(part, part) for part in parts]


def _read(
    parameter: str,
    files: tuple[str, ...],
    split: Callable[[Sequence[bytes]], list[tuple[bytes, bytes]]],
    roots: Roots,
) -> list[SeenChain]:
    """Return what is seen of each certificate; `split` parts them, each from its key."""
    seen = SeenChain(parameter=parameter, files=files)
    try:
        parts = split([_content(file) for file in files])
    except PermissionError as error:
        return [replace(seen, unseen=f"{error.filename}: {error.strerror}")]
    except OSError as error:
        return [replace(seen, fault=f"{error.filename}: {error.strerror}")]
    except UnusableCertificateError as error:
        return [replace(seen, fault=str(error))]
    seen = replace(seen, open_key=next(filter(_is_open_key, files), ""))
    return [_judge_pair(seen, pem, key, roots) for pem, key in parts]


def _judge_pair(seen: SeenChain, pem: bytes, key: bytes, roots: Roots) -> SeenChain:
    try:
        leaf, shown = describe_pem(pem, roots)
        if _fits(key, leaf):
            return replace(seen, shown=shown)
    except UnusableCertificateError as error:
        return replace(seen, fault=str(error))
    return replace(seen, shown=shown, fault="the key is that of another certificate")


def describe_pem(pem: bytes, roots: Roots) -> tuple[x509.Certificate, ShownCertificate]:
    """Return the first certificate of a PEM file, and what it and the rest show."""
    try:
        with warnings.catch_warnings(action="ignore"):
            chain = x509.load_pem_x509_certificates(pem)[:MAX_CHAIN]
            return chain[0], _describe(chain, roots)
    except (ValueError, x509.InvalidVersion):
        raise UnusableCertificateError("no certificate in PEM form can be read there") from None


def describe_der(ders: Sequence[bytes], roots: Roots) -> ShownCertificate:
    """Return what a chain shows, as it was served."""
    if not ders:
        raise UnusableCertificateError("it shows no certificate")
    try:
        with warnings.catch_warnings(action="ignore"):
            chain = [x509.load_der_x509_certificate(der) for der in ders[:MAX_CHAIN]]
            return _describe(chain, roots)
    except (ValueError, x509.InvalidVersion) as error:
        words = printable(str(error))
        raise UnusableCertificateError(f"its certificate cannot be read: {words}") from None


def _describe(chain: list[x509.Certificate], roots: Roots) -> ShownCertificate:
    leaf = chain[0]
    names: list[str] = []
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = extension.value.get_values_for_type(x509.DNSName)
    except (
        ValueError,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        pass  # then it is for nobody: a common name does not count any more
    return ShownCertificate(
        names=tuple(printable(name.lower()) for name in names[:MAX_NAMES]),
        issuer=printable(leaf.issuer.rfc4514_string()),
        not_before=leaf.not_valid_before_utc.timestamp(),
        not_after=leaf.not_valid_after_utc.timestamp(),
        chain=_chain(chain, roots),
    )


def _chain(chain: list[x509.Certificate], roots: Roots) -> ChainState:
    """Follow the issuers among what is shown, up to one that is trusted."""
    current, seen = chain[0], {chain[0]}
    if _issued(current, current):
        return "self-signed"
    while not roots.issued(current):
        above = [one for one in chain if one not in seen and _issued(one, current)]
        if not above:
            return "private" if _issued(current, current) else "incomplete"
        current = above[0]
        seen.add(current)
    return "trusted"


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _fits(pem: bytes, leaf: x509.Certificate) -> bool:
    found = _KEY.search(pem)
    if found is None:
        raise UnusableCertificateError("there is no private key in PEM form")
    try:
        key = load_pem_private_key(pem[found.start() :], None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        words = "the private key cannot be read: it has a password, or is damaged"
        raise UnusableCertificateError(words) from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        return key.public_key().public_bytes(*form) == leaf.public_key().public_bytes(*form)
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableCertificateError("its key is of a kind that is not known here") from None


def _is_open_key(file: str) -> bool:
    """Tell whether a file holds a key, and can be read by all who reach it."""
    readable = Path(file).stat().st_mode & stat.S_IROTH
    reached = all(above.stat().st_mode & stat.S_IXOTH for above in Path(file).resolve().parents)
    return bool(readable and reached and _KEY.search(_content(file)))


def _content(file: str) -> bytes:
    content = read_plain(Path(file), MAX_PEM + 1)
    if len(content) > MAX_PEM:
        raise UnusableCertificateError(f"{file} has more than {MAX_PEM:,} bytes")
    return content
