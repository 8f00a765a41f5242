"""Connections and certificates of real policy hosts."""

import asyncio
import logging
import os
import resource
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.config import NameServer, ProxyUrl
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import (
    CertificateError,
    ConnectError,
    FetchTimeoutError,
    ShortageError,
)
from mtasts_resolver.discovery.policyhost import authorities
from mtasts_resolver.discovery.policyhost.authorities import (
    TRUST_STORE_AGE,
    TrustStore,
    trusting_context,
)
from mtasts_resolver.discovery.policyhost.backend import PolicyHostBackend
from mtasts_resolver.discovery.policyhost.certificates import (
    MAX_DESCRIBED,
    describe_rejection,
    parse_certificate,
    read_unchecked_certificate,
)
from mtasts_resolver.discovery.policyhost.connect import MAX_ADDRESSES
from mtasts_resolver.discovery.policyhost.fetch import PolicyFetcher
from mtasts_resolver.discovery.policyhost.proxy import Proxy
from mtasts_resolver.discovery.trace import Trace
from tests.unit.discovery.policyhost import (
    DOMAIN,
    HOST,
    fetcher_for,
    policy_host,
    response,
    say,
    tls,
)
from tests.unit.discovery.servers import addresses_of, stream_server, unused_port

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
DATE = "%Y-%m-%d"
PATIENCE = 10.0


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


@pytest.mark.row("P1")
async def test_without_ca_file_the_system_decides(ca: trustme.CA) -> None:
    async with (
        policy_host(response(), tls(ca.issue_cert(HOST))) as server,
        fetcher_for(server.port, ca_file=None) as fetcher,
    ):
        with pytest.raises(CertificateError, match="an authority that is not trusted"):
            await fetcher.fetch_policy(DOMAIN)


@pytest.mark.row("P1")
async def test_the_name_is_sent_as_sni(ca: trustme.CA, ca_file: Path) -> None:
    context = tls(ca.issue_cert(HOST))
    names: list[str | None] = []
    context.sni_callback = lambda _tls, name, _context: names.append(name)
    async with (
        policy_host(response(), context) as server,
        fetcher_for(server.port, ca_file) as fetcher,
    ):
        await fetcher.fetch_policy(DOMAIN)
    assert names == [HOST]


async def test_http_1_1_is_spoken(ca: trustme.CA, ca_file: Path) -> None:
    context = tls(ca.issue_cert(HOST))
    context.set_alpn_protocols(["h2", "http/1.1"])
    spoken: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spoken.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await reader.readuntil(b"\r\n\r\n")
        await say(response(), writer, reader)

    async with stream_server(serve, context) as port, fetcher_for(port, ca_file) as fetcher:
        await fetcher.fetch_policy(DOMAIN)
    assert spoken == ["http/1.1"]


@contextmanager
def alerting_server(context: ssl.SSLContext) -> Iterator[int]:
    """Serve handshakes that fail; asyncio's own servers close without sending the TLS alert."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                client, _ = listener.accept()
                with client:
                    context.wrap_socket(client, server_side=True).close()

        listener.settimeout(10)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.row("P1")
async def test_tls_below_1_2_is_refused(ca: trustme.CA, ca_file: Path) -> None:
    context = tls(ca.issue_cert(HOST))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with alerting_server(context) as port:
        async with fetcher_for(port, ca_file) as fetcher:
            with pytest.raises(ConnectError) as caught:
                await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) == f"{HOST} speaks no TLS of version 1.2 or later"


async def test_tls_1_2_is_enough(ca: trustme.CA, ca_file: Path) -> None:
    context = tls(ca.issue_cert(HOST))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    trace = Trace()
    async with (
        policy_host(response(), context) as server,
        fetcher_for(server.port, ca_file) as fetcher,
    ):
        await fetcher.fetch_policy(DOMAIN, trace)
    assert trace.steps[2].outcome == "TLSv1.2"


async def test_a_name_that_the_server_does_not_know(ca: trustme.CA, ca_file: Path) -> None:
    context = tls(ca.issue_cert(HOST))
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    with alerting_server(context) as port:
        async with fetcher_for(port, ca_file) as fetcher:
            with pytest.raises(ConnectError) as caught:
                await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) == (f"{HOST} refuses the TLS handshake, for it does not know the name")


@pytest.mark.parametrize(
    ("greeting", "what"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks no TLS"),
        (b"220 mx.x.example ESMTP\r\n", "speaks no TLS"),
        (b"", "broke off the TLS handshake"),
    ],
)
async def test_no_tls_is_said_to_be_none(ca_file: Path, greeting: bytes, what: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if greeting:
            await say(greeting, writer, reader)

    async with stream_server(serve) as port, fetcher_for(port, ca_file) as fetcher:
        with pytest.raises(ConnectError, match=f"{HOST} {what}"):
            await fetcher.fetch_policy(DOMAIN)


async def test_a_silent_handshake_has_an_end(ca_file: Path) -> None:
    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    trace = Trace()
    async with stream_server(serve) as port, fetcher_for(port, ca_file, timeout=1.0) as fetcher:
        with pytest.raises(FetchTimeoutError) as caught:
            await fetcher.fetch_policy(DOMAIN, trace)
    assert str(caught.value) == (
        f"{HOST} took more than 1 s, the last of them for: TLS with {HOST}"
    )
    assert (trace.steps[-1].ok, trace.steps[-1].outcome) == (False, "the time ran out")


async def test_a_refused_connection_names_the_addresses(ca_file: Path) -> None:
    dns = addresses_of("127.0.0.1", "::1")
    async with fetcher_for(unused_port(), ca_file, dns=dns) as fetcher:
        with pytest.raises(ConnectError) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) == (
        f"{HOST} cannot be reached: ::1: connection refused; 127.0.0.1: connection refused"
    )


async def wait(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.row("P15")
@pytest.mark.parametrize(
    ("addresses", "proxy"),
    [
        (["127.0.0.1"], None),
        (["::1", "127.0.0.1"], None),
        ([], "127.0.0.1"),
        ([], "localhost"),
    ],
    ids=["one address", "two addresses", "proxy", "proxy by name"],
)
async def test_too_many_open_files_are_no_failure_of_the_host(
    addresses: list[str], proxy: str | None
) -> None:
    async with stream_server(wait) as port:
        by_way_of = Proxy(ProxyUrl(proxy, port), PATIENCE) if proxy else None
        backend = PolicyHostBackend(addresses, by_way_of, Trace())
        # What is loaded or started at the first use is not what is tested.
        await asyncio.get_running_loop().getaddrinfo("localhost", port)
        with no_more_files(), pytest.raises(ShortageError, match="may open no more files"):
            await backend.connect_tcp(HOST, port)


async def test_a_proxy_whose_name_is_unknown(ca_file: Path) -> None:
    async with fetcher_for(443, ca_file, proxy="http://proxy.invalid:3128") as fetcher:
        with pytest.raises(ShortageError, match=r"the proxy proxy\.invalid cannot be looked up: "):
            await fetcher.fetch_policy(DOMAIN)


@contextmanager
def no_more_files() -> Iterator[None]:
    """Let this process open no more files."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open("rb") as lowest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest.fileno(), limits[1]))
    taken = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_no_more_addresses_are_tried_than_time_allows(ca_file: Path) -> None:
    dns = addresses_of(*(f"127.0.0.{n}" for n in range(1, MAX_ADDRESSES + 5)))
    async with fetcher_for(unused_port(), ca_file, dns=dns) as fetcher:
        with pytest.raises(ConnectError) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value).count("refused") == MAX_ADDRESSES


async def test_the_other_family_is_tried(ca: trustme.CA, ca_file: Path) -> None:
    trace = Trace()
    async with (
        policy_host(response(), tls(ca.issue_cert(HOST))) as server,
        fetcher_for(server.port, ca_file, dns=addresses_of("127.0.0.1", "::1")) as fetcher,
    ):
        fetched = await fetcher.fetch_policy(DOMAIN, trace)
    assert fetched.address == "127.0.0.1"
    assert trace.steps[1].details == ("not ::1: connection refused",)


async def test_ipv6_comes_first(ca: trustme.CA, ca_file: Path) -> None:
    async with (
        policy_host(response(), tls(ca.issue_cert(HOST)), host="::1") as server,
        fetcher_for(server.port, ca_file, dns=addresses_of("127.0.0.1", "::1")) as fetcher,
    ):
        assert (await fetcher.fetch_policy(DOMAIN)).address == "::1"


@contextmanager
def unresponsive(host: str) -> Iterator[int]:
    """Listen where connections are neither accepted nor refused: the queue is full."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = []
        try:
            for _ in range(4):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(address)
                waiting.append(client)
            yield address[1]
        finally:
            for client in waiting:
                client.close()


async def test_an_unresponsive_address_does_not_take_all_the_time(
    ca: trustme.CA, ca_file: Path
) -> None:
    # The free port is sought at 127.0.0.1: whoever connects on this machine has a port there too.
    with unresponsive("127.0.0.1") as port:
        async with (
            policy_host(response(), tls(ca.issue_cert(HOST)), host="127.0.0.2", port=port),
            fetcher_for(port, ca_file, dns=addresses_of("127.0.0.1", "127.0.0.2")) as fetcher,
        ):
            assert (await fetcher.fetch_policy(DOMAIN)).address == "127.0.0.2"


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
    monkeypatch.setattr("mtasts_resolver.discovery.policyhost.certificates.UNCHECKED_TIMEOUT", 0.05)

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


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file or directory"), (b"no PEM", "holds no certificates in PEM form")],
)
def test_an_unusable_ca_file_is_a_value_error(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path}.*{reason}"):
        PolicyFetcher(DnsClient([NameServer("127.0.0.1")]), ca_file=path)


def empty_trust_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the system trust nobody; return the directory of its authorities."""
    directory = tmp_path / "certs"
    directory.mkdir()
    (tmp_path / "ca-certificates.crt").write_bytes(b"")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca-certificates.crt"))
    monkeypatch.setenv("SSL_CERT_DIR", str(directory))
    return directory


@pytest.mark.row("P1")
@pytest.mark.parametrize("leftover", [None, "README", "0a1b2c3d.0"])
def test_a_system_that_trusts_nobody_is_a_value_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leftover: str | None
) -> None:
    directory = empty_trust_store(tmp_path, monkeypatch)
    if leftover is not None:
        (directory / leftover).symlink_to(tmp_path / "removed.pem")
    with pytest.raises(ValueError, match="trusts no certificate authority") as caught:
        PolicyFetcher(DnsClient([NameServer("127.0.0.1")]))
    assert str(caught.value).endswith(
        f"there is none in {tmp_path}/ca-certificates.crt or {directory}"
        " (install the package ca-certificates, or set https.ca_file)"
    )


async def rehash(directory: Path) -> None:
    done = await asyncio.create_subprocess_exec("openssl", "rehash", directory)
    assert await done.wait() == 0


@pytest.mark.row("P1")
async def test_directories_of_authorities_are_enough(
    ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = empty_trust_store(tmp_path, monkeypatch)
    ca.cert_pem.write_to_path(str(directory / "ca.pem"))
    await rehash(directory)
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}/none::{directory}")  # as OpenSSL reads it
    async with (
        policy_host(response(), tls(ca.issue_cert(HOST))) as server,
        fetcher_for(server.port, ca_file=None) as fetcher,
    ):
        assert await fetcher.fetch_policy(DOMAIN)


@pytest.mark.row("P15")
async def test_a_handshake_opens_no_file(
    ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = empty_trust_store(tmp_path, monkeypatch)
    ca.cert_pem.write_to_path(str(directory / "ca.pem"))
    await rehash(directory)
    async with policy_host(response(), tls(ca.issue_cert(HOST))) as server:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.unit.discovery.lastfile", str(server.port), HOST),
            stdout=subprocess.PIPE,
        )
        said, _ = await child.communicate()
    assert said.decode() == "nothing can be opened\nTLSv1.3\n"


async def test_authorities_come_from_the_file_and_the_directory(
    ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = empty_trust_store(tmp_path, monkeypatch)
    ca.cert_pem.write_to_path(str(directory / "both.pem"))
    ca.cert_pem.write_to_path(str(tmp_path / "ca-certificates.crt"))
    trustme.CA(organization_name="Local").cert_pem.write_to_path(str(directory / "local.pem"))
    await rehash(directory)
    (directory / "00000000.0").write_bytes(b"no certificate")
    (directory / "00000001.0").symlink_to(tmp_path / "removed.pem")
    authorities = trusting_context(None).get_ca_certs()
    assert len(authorities) == 2
    assert "Local" in str(authorities)


def test_a_certificate_that_cannot_be_read_is_a_value_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = empty_trust_store(tmp_path, monkeypatch)
    (directory / "0a1b2c3d.0").symlink_to("/proc/self/mem")  # as from a disk that fails
    with pytest.raises(ValueError, match=rf"^{directory}/0a1b2c3d\.0: input/output error$"):
        trusting_context(None)


class Changing:
    """Changes a directory without end, or until it is called."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._change)
        self.called = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def __call__(self, _pause: float) -> None:
        self.called = True
        self.__exit__()

    def _change(self) -> None:
        time = 0
        while not self._ended.is_set():
            time += 1
            os.utime(self._directory, ns=(time, time))


@pytest.fixture
def changing(ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Changing]:
    """Have one authority, in a directory that is changed meanwhile."""
    directory = empty_trust_store(tmp_path, monkeypatch)
    ca.cert_pem.write_to_path(str(directory / "0a1b2c3d.0"))
    with Changing(directory) as made:
        yield made


def test_a_directory_that_is_changed_meanwhile_is_read_again(
    changing: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorities, "sleep", changing)
    for _ in range(10_000):  # whether a change comes in time is for the scheduler to say
        context = trusting_context(None)
        if changing.called:
            break
    assert changing.called
    assert len(context.get_ca_certs()) == 1


@pytest.mark.usefixtures("changing")
def test_a_directory_that_is_changed_without_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorities, "TRIES", 1)
    monkeypatch.setattr(authorities, "PAUSE", 0.0)
    with pytest.raises(ShortageError, match=f"{tmp_path}/certs is changed each time"):
        list(map(trusting_context, [None] * 10_000))


async def test_a_trust_store_that_becomes_empty_is_not_taken(
    ca: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    empty_trust_store(tmp_path, monkeypatch)
    bundle = tmp_path / "ca-certificates.crt"
    ca.cert_pem.write_to_path(str(bundle))
    now = [0.0]
    store = TrustStore(None, lambda: now[0])
    before = await store.context()
    bundle.write_bytes(b"")
    now[0] = TRUST_STORE_AGE
    with caplog.at_level(logging.WARNING):
        assert await store.context() is before
    assert "trust-store-not-reloaded" in caplog.text


def test_a_ca_file_of_revocations_alone_is_a_value_error(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA")])
    revocations = (
        x509.CertificateRevocationListBuilder(name, NOW - DAY, NOW + DAY)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    (tmp_path / "crl.pem").write_bytes(revocations)
    with pytest.raises(ValueError, match=r"crl\.pem holds no certificates in PEM form"):
        trusting_context(tmp_path / "crl.pem")


async def test_the_trust_store_is_read_again_when_it_is_old(
    ca: trustme.CA, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, now = tmp_path / "ca.pem", [0.0]
    trustme.CA(organization_name="Old").cert_pem.write_to_path(str(path))
    store = TrustStore(path, lambda: now[0])

    def authorities(context: ssl.SSLContext) -> list[str]:
        return [str(authority["issuer"]) for authority in context.get_ca_certs()]

    trustme.CA(organization_name="New").cert_pem.write_to_path(str(path))
    now[0] = TRUST_STORE_AGE - 1
    assert "Old" in str(authorities(await store.context()))
    now[0] = TRUST_STORE_AGE
    assert "New" in str(authorities(await store.context()))

    path.write_bytes(b"")
    now[0] = 2 * TRUST_STORE_AGE
    with caplog.at_level(logging.WARNING):
        assert "New" in str(authorities(await store.context()))
    assert "trust-store-not-reloaded" in caplog.text


def test_every_python_judges_certificates_alike() -> None:
    flags = trusting_context(None).verify_flags
    assert not flags & (ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN)
