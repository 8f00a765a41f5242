"""What `doctor` says of smtpd(8): of what the real postconf(1) reads, and of real files."""

import asyncio
import os
import ssl
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.doctor.certificates import Roots
from mtasts_resolver.doctor.inbound import judge_inbound
from mtasts_resolver.doctor.inboundlook import look_at_inbound
from mtasts_resolver.findings import Finding

from .postfixes import HAS_POSTFIX, read_written

pytestmark = pytest.mark.skipif(not HAS_POSTFIX, reason="Postfix is not installed")

# Nobody answers there.
NO_RESOLVER = NameServer("127.0.0.1", 1)
SUBMISSION = "submission inet n - n - - smtpd -o smtpd_tls_security_level={}\n"
TOLD = "smtpd_tls_loglevel = 1\nsmtpd_tls_received_header = yes\n"
MODERN = "smtpd_tls_protocols = >=TLSv1.2\nsmtpd_tls_mandatory_protocols = >=TLSv1.2\n"
WELL = f"{TOLD}{MODERN}smtpd_tls_security_level = may\n"
NAME = "sender.example"
NOW = datetime.now(UTC)


def look(
    directory: Path, main_cf: str, master_cf: str = "", authority: trustme.CA | None = None
) -> Mapping[str, Finding]:
    """Return what is found of an instance with such lines, by its code."""
    instance = read_written(directory, main_cf, master_cf)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is not None:
        authority.configure_trust(context)
    dns = DnsClient((NO_RESOLVER,), timeout=1)
    seen = asyncio.run(look_at_inbound(instance, Roots(context), dns, running=False))
    return {finding.code: finding for finding in judge_inbound(seen)}


def written(directory: Path, certificate: trustme.LeafCert, *, chain: bool = True) -> str:
    """Return the line that names a certificate, whose files are written."""
    file, key = directory / "certificate.pem", directory / "key.pem"
    key.touch(mode=0o600)
    pems = certificate.cert_chain_pems if chain else certificate.cert_chain_pems[:1]
    file.write_bytes(b"".join(pem.bytes() for pem in pems))
    key.write_bytes(certificate.private_key_pem.bytes())
    return f"smtpd_tls_cert_file = {file}\nsmtpd_tls_key_file = {key}\n"


def commands(found: Mapping[str, Finding], code: str) -> list[str]:
    return list(found[code].commands)


@pytest.mark.finding("inbound-tls-off")
def test_no_tls(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    found = look(tmp_path, "smtpd_tls_security_level = none\n")
    assert commands(found, "inbound-tls-off") == [f"postfix -c {etc} tls enable-server"]
    certificate = written(tmp_path, trustme.CA().issue_cert(NAME))
    found = look(tmp_path, certificate)
    line = f"postconf -c {etc} -e 'smtpd_tls_security_level = may'"
    assert commands(found, "inbound-tls-off") == [line]
    # A service that says so itself is set itself.
    (tmp_path / "more").mkdir()
    own = "192.0.2.1:smtp inet n - n - - smtpd -o smtpd_tls_security_level=none\n"
    found = look(tmp_path / "more", WELL + certificate, own)
    (line,) = commands(found, "inbound-tls-off")
    assert line.endswith("-P 192.0.2.1:smtp/inet/smtpd_tls_security_level=may")


def test_nobody_else_can_reach_it(tmp_path: Path) -> None:
    found = look(tmp_path, "inet_interfaces = loopback-only\n")
    assert set(found) == {"ok"}


@pytest.mark.finding("inbound-tls-demanded")
def test_tls_demanded_of_everybody(tmp_path: Path) -> None:
    found = look(tmp_path, WELL.replace("= may", "= encrypt"))
    assert "smtpd_tls_security_level = may" in commands(found, "inbound-tls-demanded")[0]
    assert "inbound-tls-off" not in found


@pytest.mark.finding("inbound-old-protocols", "submission-old-protocols", "inbound-weak-ciphers")
def test_what_is_too_old(tmp_path: Path) -> None:
    old = "smtpd_tls_protocols = !SSLv3\nsmtpd_tls_mandatory_protocols = TLSv1.1, TLSv1.2\n"
    weak = f"smtpd_tls_security_level = may\n{old}smtpd_tls_ciphers = export\n"
    found = look(tmp_path, weak, SUBMISSION.format("encrypt"))
    assert found["inbound-old-protocols"].found == "smtpd_tls_protocols allows TLSv1, TLSv1.1"
    assert found["submission-old-protocols"].found.endswith("allows TLSv1.1")
    assert found["inbound-weak-ciphers"].found == "smtpd_tls_ciphers = export"
    assert not {"inbound-old-protocols", "submission-old-protocols"} & set(
        look(tmp_path, WELL, SUBMISSION.format("encrypt"))
    )


@pytest.mark.finding("submission-tls-optional")
def test_submission_without_tls(tmp_path: Path) -> None:
    found = look(tmp_path, WELL, SUBMISSION.format("may"))
    (line,) = commands(found, "submission-tls-optional")
    assert line.endswith("-P submission/inet/smtpd_tls_security_level=encrypt")
    wrapped = "465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"
    assert "submission-tls-optional" not in look(tmp_path, WELL, wrapped)


@pytest.mark.finding("auth-without-tls")
def test_passwords_without_tls(tmp_path: Path) -> None:
    authenticated = f"{WELL}smtpd_sasl_auth_enable = yes\n"
    found = look(tmp_path, authenticated)
    assert "smtpd_tls_auth_only = yes" in commands(found, "auth-without-tls")[0]
    assert "auth-without-tls" not in look(tmp_path, f"{authenticated}smtpd_tls_auth_only = yes\n")
    # Of several services that main.cf sets alike it is said once; not of one for this host alone.
    more = "192.0.2.1:smtp inet n - n - - smtpd\n127.0.0.1:10025 inet n - n - - smtpd\n"
    found = look(tmp_path, authenticated, more)
    assert found["auth-without-tls"].about.endswith("smtpd on smtp, 192.0.2.1:smtp")


@pytest.mark.finding("inbound-tls-not-logged", "inbound-tls-not-in-header")
def test_nobody_is_told(tmp_path: Path) -> None:
    codes = {"inbound-tls-not-logged", "inbound-tls-not-in-header"}
    assert codes <= set(look(tmp_path, "smtpd_tls_security_level = may\n"))
    assert not codes & set(look(tmp_path, WELL))


@pytest.mark.finding("inbound-no-certificate")
def test_no_certificate(tmp_path: Path) -> None:
    assert "inbound-no-certificate" in look(tmp_path, f"{WELL}smtpd_tls_cert_file = none\n")


@pytest.mark.parametrize("how", ["absent", "FIFO", "no PEM", "another key", "no key", "a password"])
@pytest.mark.finding("inbound-certificate-unusable")
def test_a_certificate_that_cannot_be_used(how: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    lines = written(tmp_path, authority.issue_cert(NAME))
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    match how:
        case "absent":
            certificate.unlink()
        case "FIFO":  # which nobody writes to: to open it as usual takes for ever
            certificate.unlink()
            os.mkfifo(certificate)
        case "no PEM":
            certificate.write_text("no certificate\n")
        case "another key":
            key.write_bytes(authority.issue_cert(NAME).private_key_pem.bytes())
        case "no key":
            key.write_text("no key\n")
        case _:
            argv = ["openssl", "pkcs8", "-topk8", "-passout", "pass:secret", "-in", str(key)]
            key.write_bytes(subprocess.run(argv, capture_output=True, check=True).stdout)
    found = look(tmp_path, WELL + lines, authority=authority)
    assert str(certificate) in found["inbound-certificate-unusable"].about
    assert "inbound-no-certificate" not in found


@pytest.mark.parametrize(
    ("begins", "ends", "code"),
    [
        (-20, -1, "inbound-certificate-expired"),
        (2, 20, "inbound-certificate-expired"),
        (-80, 5, "inbound-certificate-expires-soon"),
        (-30, 60, None),
    ],
)
@pytest.mark.finding("inbound-certificate-expired", "inbound-certificate-expires-soon")
def test_the_time_of_a_certificate(
    begins: int, ends: int, code: str | None, tmp_path: Path
) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert(
        NAME, not_before=NOW + timedelta(begins), not_after=NOW + timedelta(ends)
    )
    found = look(tmp_path, WELL + written(tmp_path, leaf), authority=authority)
    of_time = {name for name in found if "expire" in name}
    assert of_time == ({code} if code else set())


@pytest.mark.finding("inbound-chain-incomplete", "inbound-certificate-untrusted")
def test_whom_the_chain_leads_to(tmp_path: Path) -> None:
    root = trustme.CA()
    leaf = root.create_child_ca().issue_cert(NAME)
    codes = {"inbound-chain-incomplete", "inbound-certificate-untrusted"}

    def found(authority: trustme.CA | None, *, chain: bool = True) -> set[str]:
        lines = written(tmp_path, leaf, chain=chain)
        return codes & set(look(tmp_path, WELL + lines, authority=authority))

    assert found(root) == set()
    assert found(root, chain=False) == {"inbound-chain-incomplete"}
    assert found(None) == {"inbound-chain-incomplete"}
    # The root shown along is no reason to trust it.
    whole = tmp_path / "certificate.pem"
    lines = written(tmp_path, leaf)
    whole.write_bytes(whole.read_bytes() + root.cert_pem.bytes())
    assert codes & set(look(tmp_path, WELL + lines)) == {"inbound-certificate-untrusted"}


@pytest.mark.finding("inbound-certificate-other-name")
def test_whom_it_names(tmp_path: Path) -> None:
    authority = trustme.CA()
    for name, fits in (("other.example", False), (NAME, True), ("*.example", True)):
        lines = written(tmp_path, authority.issue_cert(name))
        found = look(tmp_path, WELL + lines, authority=authority)
        assert ("inbound-certificate-other-name" not in found) == fits, name


def test_chain_files_hold_several_keys_each_with_its_chain(tmp_path: Path) -> None:
    authority = trustme.CA()
    files = []
    for number, kind in enumerate((trustme.KeyType.RSA, trustme.KeyType.ECDSA)):
        leaf = authority.issue_cert(NAME, key_type=kind)
        files.append(tmp_path / f"{number}.pem")
        files[-1].write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
    names = ", ".join(map(str, files))
    found = look(tmp_path, f"{WELL}smtpd_tls_chain_files = {names}\n", authority=authority)
    assert not [code for code in found if "certificate" in code or "chain" in code]
    # Of the second a certificate is there, and of the first its key.
    files[1].write_bytes(authority.issue_cert(NAME).cert_chain_pems[0].bytes())
    files[0].write_bytes(authority.issue_cert(NAME).private_key_pem.bytes())
    found = look(tmp_path, f"{WELL}smtpd_tls_chain_files = {names}\n", authority=authority)
    assert "another certificate" in found["inbound-certificate-unusable"].found


@pytest.mark.finding("inbound-key-open")
def test_a_key_that_everybody_can_read(open_directory: Path) -> None:
    lines = written(open_directory, trustme.CA().issue_cert(NAME))
    assert "inbound-key-open" not in look(open_directory, WELL + lines)
    key = open_directory / "key.pem"
    key.chmod(0o644)
    found = look(open_directory, WELL + lines)
    assert commands(found, "inbound-key-open") == [f"chmod o-r {key}"]
