"""Whom this host trusts to vouch for a policy host."""

import asyncio
import logging
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import CertificateError, ShortageError
from mtasts_resolver.discovery.policyhost.fetch import PolicyFetcher
from mtasts_resolver.discovery.tls import authorities
from mtasts_resolver.discovery.tls.authorities import (
    TRUST_STORE_AGE,
    TrustStore,
    trusting_context,
)
from tests.unit.discovery.policyhost import DOMAIN, HOST, fetcher_for, policy_host, response, tls

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.mark.row("P1")
async def test_without_ca_file_the_system_decides(ca: trustme.CA) -> None:
    async with (
        policy_host(response(), tls(ca.issue_cert(HOST))) as server,
        fetcher_for(server.port, ca_file=None) as fetcher,
    ):
        with pytest.raises(CertificateError, match="an authority that is not trusted"):
            await fetcher.fetch_policy(DOMAIN)


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
