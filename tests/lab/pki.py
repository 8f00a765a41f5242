"""Certificates for the hosts of the lab, good ones and one of each bad kind."""

import hashlib
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from .internet import DOMAINS, GOOD, RECEIVERS
from .published import Certificate, Tls

LIFETIME = timedelta(days=90)
ENDS = {
    Certificate.EXPIRED: timedelta(days=-3),
    Certificate.ENDS_IN_DAYS: timedelta(days=5, hours=12),
    Certificate.ENDS_IN_WEEKS: timedelta(days=20, hours=12),
    Certificate.NOT_YET: LIFETIME + timedelta(days=1),
}
"""When certificates end that do not do so in 60 days, as the others do."""

NAMES = {Certificate.WRONG_NAME: "elsewhere.invalid", Certificate.IMPOSTOR: GOOD.name}
"""What a certificate says instead of the host's own name."""


def write_certificates(directory: Path) -> None:
    """Write a certificate for every host that needs one, and the CA that clients trust."""
    directory.mkdir()
    trusted = trustme.CA(organization_name="The lab's CA")
    between = trusted.create_child_ca()
    unknown = trustme.CA(organization_name="A CA nobody knows")
    issuers = {Certificate.UNTRUSTED: unknown, Certificate.INCOMPLETE: between}
    trusted.cert_pem.write_to_path(str(ca_file(directory)))
    unknown.cert_pem.write_to_path(str(unknown_ca_file(directory)))
    wanted = {host.name: host.certificate for host in RECEIVERS if host.certificate is not None}
    for domain in DOMAINS:
        if domain.document is not None:
            wanted[f"mta-sts.{domain.name}"] = domain.policy_host.certificate
    for name, kind in wanted.items():
        ca = issuers.get(kind, trusted)
        pem = _key_and_chain(ca, name, kind)
        if ca is trusted:  # RFC 7671 §5.2.2: for DANE-TA the server must send its CA's certificate
            pem += trusted.cert_pem.bytes()
        (directory / f"{name}.pem").write_bytes(pem)


def ca_file(directory: Path) -> Path:
    return directory / "ca.pem"


def unknown_ca_file(directory: Path) -> Path:
    """Return the file of the CA that clients do not trust."""
    return directory / "unknown-ca.pem"


def tlsa_data(directory: Path, name: str) -> dict[str, str]:
    """Return what TLSA records can say of the certificate of a host, and of the CA, in hex."""
    leaf = x509.load_pem_x509_certificate((directory / f"{name}.pem").read_bytes())
    ca = x509.load_pem_x509_certificate(ca_file(directory).read_bytes())
    whole = {
        "certificate": leaf.public_bytes(Encoding.DER),
        "key": _public_key(leaf),
        "ca": ca.public_bytes(Encoding.DER),
        "ca_key": _public_key(ca),
    }
    data = {}
    for what, value in whole.items():
        data[what] = value.hex()
        data[f"{what}_sha256"] = hashlib.sha256(value).hexdigest()
        data[f"{what}_sha512"] = hashlib.sha512(value).hexdigest()
    return data


def server_context(directory: Path, name: str, tls: Tls = Tls.CURRENT) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / f"{name}.pem")
    if tls is not Tls.CURRENT:
        # OpenSSL 3 has SHA-1, which these versions sign with, at its lowest level alone.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            if tls is Tls.OUTDATED_ONLY:
                context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _key_and_chain(ca: trustme.CA, name: str, kind: Certificate) -> bytes:
    if kind in {Certificate.SELF_SIGNED, Certificate.COMMON_NAME_ONLY}:
        return _built_by_hand(ca, name, kind)
    end = datetime.now(UTC) + ENDS.get(kind, timedelta(days=60))
    leaf = ca.issue_cert(NAMES.get(kind, name), not_before=end - LIFETIME, not_after=end)
    if kind is Certificate.INCOMPLETE:
        return leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes()
    return leaf.private_key_and_cert_chain_pem.bytes()


def _built_by_hand(ca: trustme.CA, name: str, kind: Certificate) -> bytes:
    """Return what trustme does not make: no issuer, or no subject alternative name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=40))
        .not_valid_after(now + timedelta(days=40))
    )
    if kind is Certificate.SELF_SIGNED:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = builder.issuer_name(subject).add_extension(names, critical=False)
        certificate = builder.sign(key, hashes.SHA256())
    else:
        issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
        # Python 3.13 and later demand this identifier; here, nothing but the name may be wrong.
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            _private_key(ca).public_key()
        )
        builder = builder.issuer_name(issuer.subject).add_extension(issuer_key, critical=False)
        certificate = builder.sign(_private_key(ca), hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


def _public_key(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _private_key(ca: trustme.CA) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(ca.private_key_pem.bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
