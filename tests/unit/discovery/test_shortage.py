"""What this host lacks is told from what a domain's servers, or the way to them, did."""

import errno
import socket
import ssl

import pytest

from mtasts_resolver.discovery.errors import DiscoveryError, DnsServerError, ShortageError
from mtasts_resolver.discovery.race import race
from mtasts_resolver.discovery.shortage import shortage

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
