"""Which of its addresses a policy host is reached at."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from mtasts_resolver.config import ProxyUrl
from mtasts_resolver.discovery.errors import ConnectError, ShortageError
from mtasts_resolver.discovery.policyhost.backend import PolicyHostBackend
from mtasts_resolver.discovery.policyhost.connect import MAX_ADDRESSES
from mtasts_resolver.discovery.policyhost.proxy import Proxy
from mtasts_resolver.discovery.trace import Trace
from tests.unit.discovery.policyhost import DOMAIN, HOST, fetcher_for, policy_host, response, tls
from tests.unit.discovery.servers import addresses_of, stream_server, unused_port

PATIENCE = 10.0


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
        await fetcher.fetch_policy(DOMAIN, trace)
    assert trace.steps[1].outcome == "127.0.0.1"
    assert trace.steps[1].details == ("not ::1: connection refused",)


async def test_ipv6_comes_first(ca: trustme.CA, ca_file: Path) -> None:
    async with (
        policy_host(response(), tls(ca.issue_cert(HOST)), host="::1") as server,
        fetcher_for(server.port, ca_file, dns=addresses_of("127.0.0.1", "::1")) as fetcher,
    ):
        await fetcher.fetch_policy(DOMAIN)


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
            await fetcher.fetch_policy(DOMAIN)
