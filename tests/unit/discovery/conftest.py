"""Discovery is tested against real servers, under both event loops."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest
import trustme
import uvloop

READY_WITHIN = 20.0  # seconds for unbound to begin; it takes a fraction of one

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


@pytest.fixture(scope="session")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a real unbound that serves ZONE and more; return its address."""
    directory = tmp_path_factory.mktemp("unbound")
    port, dead_port = _free_ports(2)
    big = " ".join(f'"{"x" * 250}"' for _ in range(8))
    (directory / "provider.zone").write_text(ZONE.format(big=big, digest="ab" * 32))
    (directory / "unbound.conf").write_text(
        UNBOUND_CONF.format(directory=directory, port=port, dead_port=dead_port)
    )
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            ["unbound", "-d", "-c", str(directory / "unbound.conf")],
            env={"PATH": path},
            stderr=log,
        )
    try:
        _wait_until_ready(process, port, directory / "log")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    query = dns.message.make_query("provider.example.", "SOA")
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            dns.query.udp(query, "127.0.0.1", timeout=0.2, port=port)
        except (dns.exception.Timeout, OSError):
            continue
        return
    pytest.fail(f"unbound does not answer: {log.read_text()}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(count)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path
