"""Which hosts a policy is fetched from: addresses that are allowed, and a proxy if there is one."""

import asyncio
import base64
import socket
from ipaddress import ip_network
from pathlib import Path

import dns.message
import dns.rcode
import pytest
import trustme

from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import (
    AddressForbiddenError,
    CertificateError,
    ConnectError,
    DnsError,
    PolicyHostError,
    ShortageError,
)
from mtasts_resolver.discovery.policyhost.fetch import PolicyFetcher
from mtasts_resolver.discovery.trace import Trace
from tests.unit.discovery.policyhost import (
    DOMAIN,
    HOST,
    PolicyHost,
    fetcher_for,
    policy_host,
    response,
    tls,
)
from tests.unit.discovery.servers import (
    Handler,
    addresses_of,
    name_server,
    respond,
    stream_server,
    unused_port,
)


async def fetch_error(dns: Handler) -> str:
    """Return why there is nothing to connect to under `dns`."""
    async with name_server(dns) as names:
        fetcher = PolicyFetcher(DnsClient([names.address], timeout=1.0))
        with pytest.raises((PolicyHostError, DnsError)) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert isinstance(caught.value, PolicyHostError)
    return str(caught.value).replace(str(names.address), "SERVER")


async def test_a_host_without_addresses() -> None:
    assert await fetch_error(respond) == f"{HOST} has no address"


async def test_a_host_that_does_not_exist() -> None:
    def handler(query: dns.message.Message) -> dns.message.Message:
        return respond(query, rcode=dns.rcode.NXDOMAIN)

    assert await fetch_error(handler) == f"{HOST} does not exist"


async def test_a_host_that_cannot_be_looked_up() -> None:
    def handler(query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        if question.rdtype == dns.rdatatype.SOA:  # others' names are looked up all the same
            return respond(query, f"{question.name} 300 IN SOA a. b. 1 2 3 4 5")
        return respond(query, rcode=dns.rcode.SERVFAIL) if question.rdtype == 1 else None

    assert await fetch_error(handler) == (
        f"the addresses of {HOST} cannot be looked up: "
        f"AAAA {HOST}: SERVER did not answer in time; A {HOST}: SERVER says SERVFAIL"
    )


def servfail(query: dns.message.Message) -> dns.message.Message:
    return respond(query, rcode=dns.rcode.SERVFAIL)


def nothing_but_aaaa(query: dns.message.Message) -> dns.message.Message:
    return respond(query) if query.question[0].rdtype == 28 else servfail(query)


@pytest.mark.parametrize("dns", [lambda _: None, servfail, nothing_but_aaaa])
async def test_name_servers_that_fail_for_every_name_are_no_failure_of_the_host(
    dns: Handler,
) -> None:
    async with name_server(dns) as names:
        fetcher = PolicyFetcher(DnsClient([names.address], timeout=0.5))
        with pytest.raises((PolicyHostError, DnsError)) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert isinstance(caught.value, DnsError)
    assert caught.value.outage
    assert HOST in str(caught.value)


async def test_one_family_is_enough(ca: trustme.CA, ca_file: Path) -> None:
    def handler(query: dns.message.Message) -> dns.message.Message:
        if query.question[0].rdtype != 1:
            return respond(query, rcode=dns.rcode.SERVFAIL)
        return addresses_of("127.0.0.1")(query)  # type: ignore[return-value]

    async with (
        policy_host(response(), tls(ca.issue_cert(HOST))) as server,
        fetcher_for(server.port, ca_file, dns=handler) as fetcher,
    ):
        assert await fetcher.fetch_policy(DOMAIN)


async def test_a_domain_that_leaves_no_room_for_the_prefix() -> None:
    domain = ".".join(["a" * 49] * 5)
    fetcher = PolicyFetcher(DnsClient([NameServer("127.0.0.1", unused_port())]))
    with pytest.raises(PolicyHostError, match="does not exist"):
        await fetcher.fetch_policy(domain)


@pytest.mark.row("P12")
async def test_addresses_that_nobody_else_reaches_are_not_connected_to(
    ca: trustme.CA, ca_file: Path
) -> None:
    dns = addresses_of("127.0.0.1", "10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")
    trace = Trace()
    async with (
        policy_host(response(), tls(ca.issue_cert(HOST))) as server,
        name_server(dns) as names,
    ):
        fetcher = PolicyFetcher(DnsClient([names.address]), ca_file=ca_file, port=server.port)
        with pytest.raises(AddressForbiddenError) as caught:
            await fetcher.fetch_policy(DOMAIN, trace)
        assert server.connections == 0
    assert str(caught.value) == (
        f"{HOST} has only addresses that are not globally routable, and none is in"
        " https.allow_networks: ::ffff:127.0.0.1, 127.0.0.1, 64:ff9b::7f00:1, 10.0.0.1"
    )
    (step,) = trace.steps
    assert step.details == tuple(
        f"{address} refused: not globally routable"
        for address in ("::ffff:127.0.0.1", "127.0.0.1", "64:ff9b::7f00:1", "10.0.0.1")
    )


@pytest.mark.row("P12")
async def test_only_the_allowed_addresses_are_tried(ca: trustme.CA, ca_file: Path) -> None:
    async with (
        policy_host(response(), tls(ca.issue_cert(HOST)), host="127.0.0.3") as server,
        name_server(addresses_of("127.0.0.2", "127.0.0.3", "127.0.0.4")) as names,
    ):
        fetcher = PolicyFetcher(
            DnsClient([names.address]),
            ca_file=ca_file,
            port=server.port,
            allow_networks=[ip_network("127.0.0.3/32")],
        )
        trace = Trace()
        assert (await fetcher.fetch_policy(DOMAIN, trace)).address == "127.0.0.3"
    assert trace.steps[0].outcome == "127.0.0.3"
    assert len(trace.steps[0].details) == 2
    assert trace.steps[1].details == ()


@pytest.mark.row("P12")
async def test_the_address_checked_is_the_address_connected_to(
    ca: trustme.CA, ca_file: Path
) -> None:
    """A name that changes its address after the check leads nowhere else."""
    asked: list[int] = []

    def rebinding(query: dns.message.Message) -> dns.message.Message | bytes | None:
        asked.append(query.question[0].rdtype)
        first = asked.count(query.question[0].rdtype) == 1
        return addresses_of("127.0.0.1" if first else "127.0.0.9")(query)

    async with (
        policy_host(response(), tls(ca.issue_cert(HOST))) as server,
        fetcher_for(server.port, ca_file, dns=rebinding) as fetcher,
    ):
        assert (await fetcher.fetch_policy(DOMAIN)).address == "127.0.0.1"
    assert sorted(asked) == [1, 28]


class Proxy:
    """A real HTTP proxy that connects every tunnel to `target`."""

    def __init__(self, target: int, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        self._target = target
        self._answer = answer
        self.requests: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(self._answer)
        if not self._answer.startswith(b"HTTP/1.1 200"):
            await writer.drain()
            return
        to_host = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._pump(reader, to_host[1]), self._pump(to_host[0], writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@pytest.mark.row("P13")
async def test_a_configured_proxy_is_used(ca: trustme.CA, ca_file: Path) -> None:
    server: PolicyHost
    async with policy_host(response(), tls(ca.issue_cert(HOST))) as server:
        proxy = Proxy(server.port)
        async with stream_server(proxy.serve, host="127.0.0.5") as port:
            url = f"http://user:se%20cret@127.0.0.5:{port}"
            async with fetcher_for(4443, ca_file, proxy=url) as fetcher:
                fetched = await fetcher.fetch_policy(DOMAIN)
    assert fetched.address == "127.0.0.5"
    (request,) = proxy.requests
    assert request.startswith(f"CONNECT {HOST}:4443 HTTP/1.1\r\n")
    credentials = base64.b64encode(b"user:se cret").decode()
    assert f"Proxy-Authorization: Basic {credentials}\r\n" in request
    assert b"user" not in server.requests[0]


@pytest.mark.row("P13")
async def test_a_proxy_that_refuses_is_named_as_the_reason(ca_file: Path) -> None:
    proxy = Proxy(0, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    async with (
        stream_server(proxy.serve) as port,
        fetcher_for(443, ca_file, proxy=f"http://127.0.0.1:{port}") as fetcher,
    ):
        with pytest.raises(ConnectError) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) == "the proxy refuses: 403 Forbidden"


@pytest.mark.row("P13", "P15")
async def test_a_proxy_that_is_down_is_no_failure_of_the_domain(ca_file: Path) -> None:
    port = unused_port()
    async with fetcher_for(443, ca_file, proxy=f"http://127.0.0.1:{port}") as fetcher:
        with pytest.raises(ShortageError) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) == (
        "the proxy 127.0.0.1 cannot be reached: 127.0.0.1: connection refused"
        " (mend it, or change https.proxy)"
    )


@pytest.mark.row("P15")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "refuses: 407 Proxy Authentication Required",
        ),
        (b"HTTP/1.1 502 Bad", "fails: 127.0.0.1 broke the connection: the connection was closed"),
        (b"", "fails: 127.0.0.1 broke the connection: the connection was closed"),
        (b"220 mail.example ESMTP\r\n\r\n", "does not answer in HTTP: "),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200, "127.0.0.1 sends more than 100 lines"),
    ],
)
async def test_a_proxy_that_fails_everybody_is_no_failure_of_the_domain(
    ca_file: Path, answer: bytes, reason: str
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with (
        stream_server(serve) as port,
        fetcher_for(443, ca_file, proxy=f"http://127.0.0.1:{port}") as fetcher,
    ):
        with pytest.raises(ShortageError) as caught:
            await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value).startswith(f"the proxy {reason}")


@pytest.mark.row("P15")
async def test_a_proxy_that_takes_no_connection_is_no_failure_of_the_domain(ca_file: Path) -> None:
    with socket.socket() as full, socket.socket() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting.connect(full.getsockname())  # nobody accepts it, and there is room for no other
        port = full.getsockname()[1]
        async with fetcher_for(
            443, ca_file, proxy=f"http://127.0.0.1:{port}", timeout=2.0
        ) as fetcher:
            with pytest.raises(
                ShortageError, match=r"proxy 127\.0\.0\.1 cannot be reached in time"
            ):
                await fetcher.fetch_policy(DOMAIN)


@pytest.mark.row("P1", "P13")
async def test_a_certificate_behind_a_proxy_is_verified_too(ca: trustme.CA, ca_file: Path) -> None:
    async with policy_host(response(), tls(ca.issue_cert("www.x.example"))) as server:
        proxy = Proxy(server.port)
        async with (
            stream_server(proxy.serve) as port,
            fetcher_for(443, ca_file, proxy=f"http://127.0.0.1:{port}") as fetcher,
        ):
            with pytest.raises(CertificateError) as caught:
                await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value).startswith(f"certificate of {HOST} is not valid: Hostname mismatch")
    assert len(proxy.requests) == 1


@pytest.mark.row("P12", "P13")
async def test_a_proxy_is_not_asked_for_a_forbidden_address(ca_file: Path) -> None:
    proxy = Proxy(0)
    async with (
        stream_server(proxy.serve) as port,
        fetcher_for(
            443, ca_file, dns=addresses_of("10.0.0.1"), proxy=f"http://127.0.0.1:{port}"
        ) as fetcher,
    ):
        with pytest.raises(AddressForbiddenError):
            await fetcher.fetch_policy(DOMAIN)
    assert proxy.requests == []
