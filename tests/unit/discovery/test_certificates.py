"""Certificates of real policy hosts, and why they are rejected."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.discovery.errors import CertificateError
from mtasts_resolver.discovery.tls.certificates import (
    MAX_DESCRIBED,
    describe_rejection,
    parse_certificate,
    read_unchecked_certificate,
)
from tests.unit.discovery.policyhost import DOMAIN, HOST, fetcher_for, policy_host, response, tls
from tests.unit.discovery.servers import stream_server, unused_port

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
DATE = "%Y-%m-%d"


async def why_rejected(context: ssl.SSLContext | None, ca_file: Path) -> str:
    """Return why a fetch from a policy host with `context` fails on its certificate."""
    async with (
        policy_host(response(), context) as server,
        fetcher_for(server.port, ca_file) as fetcher,
    ):
        with pytest.raises(CertificateError) as caught:
            await fetcher.fetch_policy(DOMAIN)
        assert server.requests == []  # nothing was sent to a host that was not verified
    return str(caught.value)


@pytest.mark.threat("https-certificate")
@pytest.mark.row("P1")
async def test_an_expired_certificate(ca: trustme.CA, ca_file: Path) -> None:
    ended = NOW - 3 * DAY - timedelta(hours=1)
    certificate = ca.issue_cert(HOST, not_before=NOW - 90 * DAY, not_after=ended)
    assert await why_rejected(tls(certificate), ca_file) == (
        f"certificate of {HOST} expired 3 days ago ({ended:{DATE}})"
    )


@pytest.mark.row("P1")
async def test_a_certificate_of_the_future(ca: trustme.CA, ca_file: Path) -> None:
    begins = NOW + DAY + timedelta(hours=1)
    certificate = ca.issue_cert(HOST, not_before=begins, not_after=NOW + 90 * DAY)
    assert await why_rejected(tls(certificate), ca_file) == (
        f"certificate of {HOST} is not yet valid: it will be in 1 day ({begins:{DATE}})"
    )


@pytest.mark.threat("https-certificate")
@pytest.mark.row("P1")
@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["www.x.example"], "www.x.example"),
        (["x.example", "*.mta-sts.x.example"], "x.example, *.mta-sts.x.example"),
        (
            [f"{n}.example" for n in range(7)],
            "0.example, 1.example, 2.example, 3.example, 4.example and 2 more",
        ),
    ],
)
async def test_a_certificate_for_another_name(
    ca: trustme.CA, ca_file: Path, names: list[str], shown: str
) -> None:
    assert await why_rejected(tls(ca.issue_cert(*names)), ca_file) == (
        f"certificate of {HOST} is for {shown}, not for {HOST}"
    )


@pytest.mark.row("P1")
async def test_a_common_name_does_not_count(ca: trustme.CA, ca_file: Path) -> None:
    certificate = ca.issue_cert("127.0.0.1", common_name=HOST)
    assert await why_rejected(tls(certificate), ca_file) == (
        f"certificate of {HOST} holds no DNS name, and its common name ({HOST}) does not count"
    )


@pytest.mark.row("P1")
async def test_a_wildcard_counts(ca: trustme.CA, ca_file: Path) -> None:
    async with (
        policy_host(response(), tls(ca.issue_cert("*.x.example"))) as server,
        fetcher_for(server.port, ca_file) as fetcher,
    ):
        assert await fetcher.fetch_policy(DOMAIN)


@pytest.mark.threat("https-certificate")
@pytest.mark.row("P1")
async def test_an_authority_that_is_not_trusted(ca_file: Path) -> None:
    stranger = trustme.CA(organization_name="Strangers Ltd")
    why = await why_rejected(tls(stranger.issue_cert(HOST)), ca_file)
    assert why.startswith(
        f"certificate of {HOST} was issued by an authority that is not trusted: OU="
    )
    assert "O=Strangers Ltd" in why
    assert why.endswith("; or the server does not send the intermediate certificates")


@pytest.mark.row("P1")
async def test_an_authority_that_sends_its_own_root(ca_file: Path, tmp_path: Path) -> None:
    stranger = trustme.CA(organization_name="Strangers Ltd")
    chain = stranger.issue_cert(HOST).private_key_and_cert_chain_pem.bytes()
    (tmp_path / "chain.pem").write_bytes(chain + stranger.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem")
    why = await why_rejected(context, ca_file)
    assert why.endswith("O=Strangers Ltd")
    assert "was issued by an authority that is not trusted" in why


def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "self.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "self.pem")
    return context


@pytest.mark.row("P1")
async def test_a_self_signed_certificate(ca_file: Path, tmp_path: Path) -> None:
    why = await why_rejected(self_signed(tmp_path), ca_file)
    assert why == f"certificate of {HOST} is self-signed"


async def test_a_certificate_that_cannot_be_had_is_none(ca: trustme.CA) -> None:
    assert await read_unchecked_certificate("127.0.0.1", unused_port(), HOST) is None

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no TLS")

    async with stream_server(serve) as port:
        assert await read_unchecked_certificate("127.0.0.1", port, HOST) is None
    async with policy_host(response(), tls(ca.issue_cert(HOST))) as server:
        der = await read_unchecked_certificate("127.0.0.1", server.port, HOST)
        assert server.requests == []
    certificate = parse_certificate(der or b"")
    assert certificate is not None
    assert certificate.dns_names == (HOST,)


async def test_a_silent_server_does_not_hold_up_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mtasts_resolver.discovery.tls.certificates.UNCHECKED_TIMEOUT", 0.05)

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    async with stream_server(serve) as port:
        assert await read_unchecked_certificate("127.0.0.1", port, HOST) is None


def rejection(code: int, message: str = "no good") -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_code, error.verify_message = code, message
    return error


def der_of(certificate: trustme.LeafCert) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())


def test_what_is_not_foreseen_is_told_as_openssl_says_it(ca: trustme.CA) -> None:
    expected = f"certificate of {HOST} is not valid: no good"
    der = der_of(ca.issue_cert(HOST))
    assert describe_rejection(HOST, rejection(99), der) == expected
    assert describe_rejection(HOST, rejection(10), None) == expected
    assert describe_rejection(HOST, rejection(10), b"no certificate") == expected


def test_another_certificate_of_the_chain_may_have_expired(ca: trustme.CA) -> None:
    why = describe_rejection(HOST, rejection(10), der_of(ca.issue_cert(HOST)))
    assert why.startswith(f"certificate of {HOST} was issued by OU=Testing CA")
    assert why.endswith(", whose own certificate has expired")


@pytest.mark.parametrize(
    ("since", "shown"),
    [
        (timedelta(seconds=5), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(days=400), "400 days"),
    ],
)
def test_the_age_is_told_in_its_largest_unit(ca: trustme.CA, since: timedelta, shown: str) -> None:
    ended = datetime(2026, 11, 18, 12, tzinfo=UTC)
    der = der_of(ca.issue_cert(HOST, not_after=ended))
    assert describe_rejection(HOST, rejection(10), der, ended + since) == (
        f"certificate of {HOST} expired {shown} ago (2026-11-18)"
    )


def test_an_odd_certificate_is_described_without_a_warning() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "x" * 100, _validate=False)
    der = (
        x509.CertificateBuilder(x509.Name([name]), x509.Name([name]), key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    certificate = parse_certificate(der)
    assert certificate is not None
    assert certificate.issuer == f"O={'x' * 100}"


def test_a_certificate_that_is_too_long_is_not_described(ca: trustme.CA) -> None:
    der = der_of(ca.issue_cert(*(f"{n}.{'x' * 60}.example" for n in range(MAX_DESCRIBED // 70))))
    assert len(der) > MAX_DESCRIBED
    assert describe_rejection(HOST, rejection(18), der) == (
        f"certificate of {HOST} is not valid: no good"
    )


@pytest.fixture(scope="session")
def leaf(ca: trustme.CA) -> bytes:
    return der_of(ca.issue_cert(HOST))


@pytest.mark.threat("https-garbage")
@given(st.lists(st.tuples(st.integers(0, 499), st.integers(0, 255)), min_size=1, max_size=5))
def test_whatever_a_certificate_holds_it_is_described_or_not(
    leaf: bytes, changes: list[tuple[int, int]]
) -> None:
    der = bytearray(leaf)
    for position, value in changes:
        der[position] = value
    certificate = parse_certificate(bytes(der))
    if certificate is not None:
        assert all(line.isprintable() for line in certificate.describe())
    for code in (9, 10, 18, 19, 20, 62):
        assert describe_rejection(HOST, rejection(code), bytes(der)).isprintable()
