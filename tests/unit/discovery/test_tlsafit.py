"""Which TLSA records fit which certificates."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dns.rdata
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mtasts_resolver.discovery.tlsafit import TlsaFit, fit, public_key_info

MX = "mx.x.example"
NOW = datetime.now(UTC)
DIGESTS = {0: bytes, 1: lambda data: hashlib.sha256(data).digest()}
DIGESTS[2] = lambda data: hashlib.sha512(data).digest()


def certificates(*pems: trustme.Blob) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(pem.bytes()) for pem in pems]


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def tlsa(usage: int, selector: int, mtype: int, certificate: x509.Certificate) -> dns.rdata.Rdata:
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = DIGESTS[mtype](key if selector else der(certificate))
    return dns.rdata.from_text("IN", "TLSA", f"{usage} {selector} {mtype} {data.hex()}")


def fitted(
    records: Sequence[dns.rdata.Rdata], chain: Sequence[x509.Certificate], name: str = MX
) -> TlsaFit:
    return fit(records, [der(each) for each in chain], [name], NOW)


@pytest.fixture(scope="module")
def root() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def chain(root: trustme.CA) -> list[x509.Certificate]:
    """Return a certificate, its issuer and the root, as a host for DANE-TA sends them."""
    leaf = root.create_child_ca().issue_cert(MX)
    return certificates(*leaf.cert_chain_pems, root.cert_pem)


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("mtype", [0, 1, 2])
def test_the_hosts_own_certificate_or_key_fits(
    chain: list[x509.Certificate], selector: int, mtype: int
) -> None:
    assert fitted([tlsa(3, selector, mtype, chain[0])], chain).fits is True
    assert fitted([tlsa(3, selector, mtype, chain[1])], chain).fits is False


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("mtype", [0, 1, 2])
@pytest.mark.parametrize("at", [1, 2])
def test_one_that_it_sends_along_and_is_issued_by_fits(
    chain: list[x509.Certificate], selector: int, mtype: int, at: int
) -> None:
    assert fitted([tlsa(2, selector, mtype, chain[at])], chain).fits is True


def test_an_anchor_that_is_not_sent_fits_only_whole(chain: list[x509.Certificate]) -> None:
    assert fitted([tlsa(2, 1, 1, chain[2])], chain[:2]).fits is False
    assert fitted([tlsa(2, 0, 0, chain[2])], chain[:2]).fits is True


def test_a_whole_key_may_be_that_of_an_issuer_that_is_not_sent(
    chain: list[x509.Certificate],
) -> None:
    assert fitted([tlsa(2, 1, 0, chain[2])], chain[:2]).fits is True
    assert fitted([tlsa(2, 1, 0, chain[1])], chain[:1]).fits is True
    assert fitted([tlsa(2, 1, 0, chain[2])], chain[:1]).fits is False
    assert fitted([tlsa(2, 1, 0, chain[0])], chain[:1]).fits is False
    key = rsa.generate_private_key(65_537, 2_048)
    issued = certificate_of(chain[0], key)
    record = tlsa(2, 1, 0, certificate_of(chain[0], key, key.public_key()))
    assert fitted([record], [issued]).fits is True
    assert fitted([tlsa(2, 1, 0, chain[1])], [issued]).fits is False


def certificate_of(
    like: x509.Certificate, issuer: rsa.RSAPrivateKey, key: rsa.RSAPublicKey | None = None
) -> x509.Certificate:
    """Return a certificate for MX, with the key of `like` or another, that `issuer` signed."""
    name = like.subject
    return (
        x509.CertificateBuilder(name, name, key or like.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(like.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(MX)]), critical=False)
        .sign(issuer, hashes.SHA256())
    )


def test_an_anchor_may_be_one_of_two_certificates_of_an_authority(
    chain: list[x509.Certificate],
) -> None:
    leaf, issuer, root = chain
    key = ec.generate_private_key(ec.SECP256R1())
    twin = (
        x509.CertificateBuilder(root.subject, issuer.subject, issuer.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    assert fitted([tlsa(2, 0, 1, twin)], [leaf, issuer, twin, root]).fits is True
    assert fitted([tlsa(2, 0, 1, twin)], [leaf, twin, issuer, root]).fits is True
    assert fitted([tlsa(2, 0, 1, root)], [leaf, issuer, twin, root]).fits is True


def test_the_hosts_own_certificate_is_no_anchor(chain: list[x509.Certificate]) -> None:
    assert fitted([tlsa(2, 0, 1, chain[0])], chain).fits is False


def test_an_anchor_that_did_not_issue_it_does_not_fit(chain: list[x509.Certificate]) -> None:
    other = certificates(trustme.CA().cert_pem)
    assert fitted([tlsa(2, 0, 1, other[0])], [*chain[:1], *other]).fits is False


def test_names_and_dates_count_for_an_anchor_alone(root: trustme.CA) -> None:
    past = NOW - timedelta(days=1)
    old = root.issue_cert(MX, not_before=past - timedelta(days=9), not_after=past)
    chain = certificates(*old.cert_chain_pems, root.cert_pem)
    assert fitted([tlsa(3, 1, 1, chain[0])], chain).fits is True
    found = fitted([tlsa(2, 0, 1, chain[1])], chain)
    assert (found.fits, "out of date" in found.why_not) == (False, True)
    chain = certificates(*root.issue_cert(MX).cert_chain_pems, root.cert_pem)
    assert fitted([tlsa(3, 1, 1, chain[0])], chain, "mx.y.example").fits is True
    found = fitted([tlsa(2, 0, 1, chain[1])], chain, "mx.y.example")
    assert (found.fits, "another name" in found.why_not) == (False, True)


def test_a_wildcard_stands_for_one_label(root: trustme.CA) -> None:
    chain = certificates(*root.issue_cert("*.x.example").cert_chain_pems, root.cert_pem)
    assert fitted([tlsa(2, 0, 1, chain[1])], chain).fits is True
    assert fitted([tlsa(2, 0, 1, chain[1])], chain, "x.example").fits is False


def test_one_of_several_records_is_enough(chain: list[x509.Certificate]) -> None:
    wrong = dns.rdata.from_text("IN", "TLSA", f"3 1 1 {'00' * 32}")
    assert fitted([wrong, tlsa(2, 0, 1, chain[2])], chain).fits is True


def test_records_that_smtp_does_not_use_fit_nothing(chain: list[x509.Certificate]) -> None:
    assert fitted([tlsa(1, 0, 1, chain[0]), tlsa(0, 0, 1, chain[2])], chain).fits is False


def test_what_cannot_be_read_is_not_known_to_fit(chain: list[x509.Certificate]) -> None:
    record = tlsa(3, 1, 1, chain[0])
    assert fit([record], [b"\x30\x03\x02\x01\x01"], [MX], NOW).fits is None
    assert fit([record], [], [MX], NOW).fits is None


def test_the_public_key_is_taken_as_it_stands(chain: list[x509.Certificate]) -> None:
    for certificate in chain:
        key = certificate.public_key()
        written = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert public_key_info(certificate.tbs_certificate_bytes) == written
        for end in range(60):
            with pytest.raises(ValueError, match="ends too early"):
                public_key_info(certificate.tbs_certificate_bytes[:end])
