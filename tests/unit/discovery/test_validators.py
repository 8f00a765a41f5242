"""Whose word on DNSSEC counts, and how it is found out whether they validate: row D7."""

from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest

from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.validators import FORWARDERS, probe, trusted
from mtasts_resolver.discovery.errors import DnsConfigError, DnsError
from tests.unit.discovery.servers import Handler, name_server, respond

pytestmark = pytest.mark.row("D7")

REMOTE = "192.0.2.53"


def asking(*hosts: str) -> DnsClient:
    return DnsClient([NameServer(host) for host in hosts])


def believed(servers: DnsClient) -> list[str]:
    """Return the servers whose word counts without a word in the configuration."""
    try:
        return [str(server) for server in trusted(servers, "auto").servers]
    except DnsConfigError:
        return []


def resolv_conf(path: Path, *servers: str, options: str = "") -> DnsClient:
    file = path / "resolv.conf"
    lines = [f"nameserver {server}" for server in servers] + [options]
    file.write_text("\n".join(lines))
    return DnsClient(resolv_conf=file)


@pytest.mark.threat("dns-forges-ad")
def test_over_loopback_nobody_else_is_on_the_path() -> None:
    assert believed(asking("127.0.0.1", "::1", REMOTE)) == ["127.0.0.1", "::1"]
    assert len(believed(asking("::ffff:127.0.0.1"))) == 1
    assert believed(asking(REMOTE, f"::ffff:{REMOTE}")) == []


@pytest.mark.threat("dns-forges-ad")
@pytest.mark.parametrize("forwarder", [*FORWARDERS, *(f"::ffff:{known}" for known in FORWARDERS)])
@pytest.mark.parametrize("options", ["", "options edns0 trust-ad ndots:0"])
def test_a_forwarder_on_loopback_hands_on_what_anybody_may_have_said(
    forwarder: str, options: str, tmp_path: Path
) -> None:
    """Docker and systemd-resolved write `trust-ad` themselves."""
    servers = resolv_conf(tmp_path, forwarder, options=options)
    assert believed(servers) == []
    with pytest.raises(DnsConfigError, match="systemd-resolved or Docker"):
        _ = trusted(servers, "auto").servers
    assert trusted(servers, "trust").servers == servers.servers
    assert believed(asking(forwarder, "127.0.0.1")) == ["127.0.0.1"]


def test_docker_is_known() -> None:
    assert {"127.0.0.11", "127.0.0.53", "127.0.0.54"} <= set(FORWARDERS)


def test_resolv_conf_may_vouch_for_the_path(tmp_path: Path) -> None:
    options = "options trust-ad"
    assert believed(resolv_conf(tmp_path, REMOTE, options=options)) == [REMOTE]
    assert believed(resolv_conf(tmp_path, "127.0.0.53", REMOTE, options=options)) == [REMOTE]
    assert believed(resolv_conf(tmp_path, REMOTE)) == []


def answering(**flags: int) -> Handler:
    """Return a server that has a SOA record of some zones, with such flags."""

    def handler(query: dns.message.Message) -> dns.message.Message:
        name = query.question[0].name.to_text()
        zone = "root" if name == "." else name.rstrip(".")
        if zone not in flags:
            return respond(query, rcode=dns.rcode.SERVFAIL)
        return respond(query, f"{name} 60 IN SOA a. b. 1 2 3 4 5", flags=flags[zone])

    return handler


AA, AD = int(dns.flags.AA), int(dns.flags.AD)


@pytest.mark.parametrize(
    ("handler", "validates", "questions"),
    [
        (answering(root=AD), True, [" SOA"]),
        (answering(root=0), False, [" SOA"]),
        (answering(root=AA, arpa=AA, com=AD), True, [" SOA", "com SOA"]),
        (answering(root=AA, arpa=AA, com=0), False, [" SOA", "com SOA"]),
    ],
)
async def test_who_serves_the_root_itself_is_asked_for_a_second_name(
    handler: Handler, validates: bool, questions: list[str]
) -> None:
    async with name_server(handler) as server:
        found = await probe(trusted(DnsClient([server.address]), "auto"))
    assert found.authenticated is validates
    assert server.questions == questions
    assert bool(found.why_not) is not validates
    assert found.answered == found.trusted == (str(server.address),)


async def test_what_the_second_name_fails_to_tell_is_not_known() -> None:
    async with name_server(answering(root=AA)) as server:
        with pytest.raises(DnsError, match="SOA com"):
            await probe(trusted(DnsClient([server.address]), "auto"))
