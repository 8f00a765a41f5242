"""Whose word on DNSSEC counts: name servers that are trusted, and that validate (RFC 7672 §2.1)."""

from ipaddress import ip_address
from typing import Literal

from dns.rdatatype import RdataType

from mtasts_resolver.discovery.dns import DnsClient
from mtasts_resolver.discovery.findings import Probe
from mtasts_resolver.endpoints import NameServer

PROBE_NAME = "."  # the root's SOA: signed, and known to every resolver that can reach anything

# The stub of systemd-resolved. As distributions set it up it does not validate, but some versions
# hand on the AD bit of whoever they asked (systemd issue 34121): anybody on that path could set it.
FORWARDERS = frozenset({"127.0.0.53", "127.0.0.54"})
NONE_LOCAL = "no name server is on this host, or it is systemd-resolved, which may not validate"


def trusted(dns: DnsClient, mode: Literal["auto", "trust", "off"]) -> DnsClient:
    """Return a client that asks only the servers whose word counts.

    AD is a bit that anybody on the path can set. In mode `auto` it counts only from a name server
    reached over loopback, systemd-resolved excepted; `trust` takes any, to which the administrator
    vouches for the path.
    """
    return dns.only(_is_local, NONE_LOCAL) if mode == "auto" else dns


async def probe(dns: DnsClient) -> Probe:
    """Return whether the servers that `dns` asks validate. Raise DnsError."""
    answer = await dns.query(PROBE_NAME, RdataType.SOA)
    return Probe(
        answer.authenticated, tuple(map(str, answer.servers)), tuple(map(str, dns.servers))
    )


def _is_local(server: NameServer) -> bool:
    """Tell whether nobody but this host is on the path to `server`, and to its word."""
    return ip_address(server.host).is_loopback and server.host not in FORWARDERS
