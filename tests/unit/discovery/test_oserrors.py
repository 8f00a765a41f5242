"""What this host lacks is told from what a domain's servers, or the way to them, did."""

import errno
import os
import socket
import ssl
import subprocess
import sys

import pytest

from mtasts_resolver.discovery.errors import DiscoveryError, DnsServerError, ShortageError
from mtasts_resolver.discovery.oserrors import os_reason, shortage
from mtasts_resolver.discovery.race import race

IPV4, IPV6 = "192.0.2.1", "2001:db8::1"
pytestmark = pytest.mark.row("P15")


@pytest.mark.parametrize("peer", [IPV4, IPV6, None])
@pytest.mark.parametrize("code", ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ENOSPC"])
def test_resources_are_ours(code: str, peer: str | None) -> None:
    assert shortage(OSError(getattr(errno, code), "x"), peer)


@pytest.mark.parametrize("peer", [IPV4, IPV6])
@pytest.mark.parametrize("code", ["EAGAIN", "EADDRINUSE", "ENETDOWN", "EPERM"])
def test_what_only_this_host_says_of_a_socket_is_ours(code: str, peer: str) -> None:
    error = OSError(getattr(errno, code), "x")
    assert shortage(error, peer)
    assert shortage(error) is None


@pytest.mark.parametrize("code", ["EADDRNOTAVAIL", "EACCES"])
def test_over_ipv6_some_may_be_normal_or_a_routers_word(code: str) -> None:
    error = OSError(getattr(errno, code), "x")
    assert shortage(error, IPV4)
    assert shortage(error, IPV6) is None


@pytest.mark.parametrize("peer", [IPV4, IPV6, None])
@pytest.mark.parametrize(
    "error",
    [
        *(
            OSError(getattr(errno, code), "x")
            for code in (
                *("ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"),
                *("EHOSTDOWN", "ENONET", "EPROTO", "EAFNOSUPPORT", "EPIPE"),
            )
        ),
        ConnectionResetError(),
        ssl.SSLError(errno.EPERM, "its number is OpenSSL's"),
        socket.gaierror(socket.EAI_NONAME, "x"),
    ],
)
def test_what_others_can_cause_is_not(error: OSError, peer: str | None) -> None:
    assert shortage(error, peer) is None


def test_the_text_says_what_to_do() -> None:
    assert str(shortage(OSError(errno.EMFILE, "x"), IPV4)) == (
        "this process may open no more files (raise LimitNOFILE= of its unit): too many open files"
    )
    assert shortage(socket.gaierror(socket.EAI_MEMORY, "x"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9)"), "connection refused"),
        (ConnectionResetError(), "the connection was closed"),
        (OSError("Multiple exceptions: [Errno 111]"), "multiple exceptions: [errno 111]"),
    ],
)
def test_the_system_says_why(error: OSError, reason: str) -> None:
    assert os_reason(error) == reason


async def lacking() -> str:
    raise ShortageError("no files")


async def failing() -> str:
    raise DnsServerError("SERVFAIL")


async def winning() -> str:
    return "answer"


async def test_a_shortage_is_no_failure_of_all_in_a_race() -> None:
    failures: list[DiscoveryError] = []
    with pytest.raises(ShortageError):
        await race([lacking, failing], 60.0, failures)
    assert list(map(str, failures)) == ["SERVFAIL"]
    with pytest.raises(ShortageError):
        await race([lacking], 60.0, failures)
    assert await race([lacking, winning], 60.0, failures) == "answer"


LINK = "ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up"
IPV4_ONLY = f"{LINK} && ip route add default dev d0"
IPV6_ONLY = f"{LINK} && ip -6 route add default dev d0"
NO_ROUTE = (
    "ShortageError: this host has no route to the Internet (see ip route, and ip -6 route):"
    " network is unreachable"
)


@pytest.mark.parametrize(
    ("network", "peers", "outcome"),
    [
        ("", [IPV4], NO_ROUTE),
        ("", [IPV6], NO_ROUTE),
        ("", [IPV6, IPV4], NO_ROUTE),
        ("ip address add 10.0.0.1/8 dev lo", [IPV4], NO_ROUTE),
        ("", ["127.0.0.1"], "ConnectError: {}127.0.0.1: connection refused"),
        (IPV6_ONLY, [IPV4], f"ConnectError: {{}}{IPV4}: network is unreachable"),
        (IPV4_ONLY, [IPV6], f"ConnectError: {{}}{IPV6}: network is unreachable"),
        (
            "",
            ["visit", IPV4, IPV6, "127.0.0.1", "::1"],
            "no-route no-route unreachable unreachable",
        ),
    ],
)
def test_a_host_without_a_network_is_told_from_one_without_a_protocol(
    network: str, peers: list[str], outcome: str
) -> None:
    new = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    setup = " && ".join(filter(None, ["ip link set lo up", network, 'exec "$@"']))
    argv = [sys.executable, "-m", "tests.unit.discovery.newnetwork", *peers]
    # In a namespace of its own; iproute2 may be missing, too.
    probe = [*new, "sh", "-c", "ip link set lo up"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("no network namespace can be made here")
    done = subprocess.run(
        [*new, "sh", "-c", setup, "sh", *argv], capture_output=True, text=True, check=True
    )
    assert done.stdout == outcome.format("mta-sts.example.com cannot be reached: ") + "\n"
