"""Discovery is tested against real servers, under both event loops."""

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest
import trustme
import uvloop

from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns import client

READY_WITHIN = 20.0  # seconds for unbound to begin; it takes a fraction of one
STARTS = 5
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"  # a plain user's often lacks the last two

UNBOUND_CONF = """
server:
  directory: "{directory}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  interface: 127.0.0.1
  port: {port}
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "refused.example." always_refuse
  local-zone: "alone.example." static
  local-data: "_mta-sts.alone.example. 900 CNAME _mta-sts.provider.example."
remote-control:
  control-enable: no
auth-zone:
  name: "provider.example."
  zonefile: "provider.zone"
  for-upstream: yes
  for-downstream: yes
auth-zone:
  name: "broken.example."
  primary: 127.0.0.1@{dead_port}
  for-upstream: yes
  for-downstream: yes
  fallback-enabled: no
"""

ZONE = """
$ORIGIN provider.example.
@ 7200 IN SOA ns hostmaster 1 3600 600 86400 450
@ 3600 IN NS ns
ns 3600 IN A 192.0.2.53
_mta-sts 600 IN TXT "v=STSv1; id=20260101T000000;"
_mta-sts.split 3600 IN TXT "v=STSv1; id=2026" "0101T000000" ";"
_mta-sts.two 3600 IN TXT "v=STSv1; id=1"
_mta-sts.two 3600 IN TXT "v=STSv1; id=2"
_mta-sts.broken 3600 IN TXT "v=STSv1; id=not-an-id"
_mta-sts.other 3600 IN TXT "v=spf1 -all"
_mta-sts.alias 300 IN CNAME _mta-sts
_mta-sts.dangling 300 IN CNAME _mta-sts.nowhere
_mta-sts.empty 3600 IN A 192.0.2.1
_mta-sts.big 3600 IN TXT {big}
both 1800 IN A 192.0.2.1
both 1800 IN A 192.0.2.2
both 1800 IN AAAA 2001:db8::1
@ 3600 IN MX 10 mx
_25._tcp.mx 3600 IN TLSA 3 1 1 {digest}
"""


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def soon_a_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait shorter for the word of a top-level domain, which servers that are silent never give."""
    monkeypatch.setattr(client, "WITNESS_TIMEOUT", 0.5)


@pytest.fixture(scope="session")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    """Start a real unbound that serves ZONE and more; return its address."""
    if shutil.which("unbound", path=PATH) is None:
        pytest.skip("unbound is not installed")
    directory = tmp_path_factory.mktemp("unbound")
    big = " ".join(f'"{"x" * 250}"' for _ in range(8))
    (directory / "provider.zone").write_text(ZONE.format(big=big, digest="ab" * 32))
    process, port = _start(directory)
    try:
        yield NameServer("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait()


def _start(directory: Path) -> "tuple[subprocess.Popen[bytes], int]":
    """Start unbound; again, should somebody have taken the port in between."""
    config, log = directory / "unbound.conf", directory / "log"
    for _ in range(STARTS):
        port = _free_port()
        config.write_text(
            UNBOUND_CONF.format(directory=directory, port=port, dead_port=_free_port())
        )
        with log.open("w") as output:
            process = subprocess.Popen(
                ["unbound", "-d", "-c", str(config)], env={"PATH": PATH}, stderr=output
            )
        if _is_ready(process, port):
            return process, port
        process.terminate()
        process.wait()
    pytest.fail(f"unbound does not answer: {log.read_text()}")


def _is_ready(process: "subprocess.Popen[bytes]", port: int) -> bool:
    query = dns.message.make_query("provider.example.", "SOA")
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            response = dns.query.udp(query, "127.0.0.1", timeout=0.2, port=port)
        except (dns.exception.DNSException, OSError):
            continue
        if response.answer:
            return process.poll() is None
    return False


def _free_port() -> int:
    """Return a port that is free for UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            with suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path
