"""Which addresses a policy host has, and which of them are connected to."""

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
    DnsError,
    PolicyHostError,
)
from mtasts_resolver.discovery.policyhost.fetch import PolicyFetcher
from mtasts_resolver.discovery.trace import Trace
from tests.unit.discovery.policyhost import (
    DOMAIN,
    HOST,
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
    def handler(query: dns.message.Message) -> dns.message.Message | bytes | None:
        if query.question[0].rdtype != 1:
            return respond(query, rcode=dns.rcode.SERVFAIL)
        return addresses_of("127.0.0.1")(query)

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
        await fetcher.fetch_policy(DOMAIN, trace)
    assert trace.steps[0].outcome == "127.0.0.3"
    assert len(trace.steps[0].details) == 2
    assert (trace.steps[1].outcome, trace.steps[1].details) == ("127.0.0.3", ())


@pytest.mark.threat("dns-leads-inwards")
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
        await fetcher.fetch_policy(DOMAIN)
    assert sorted(asked) == [1, 28]
