"""Whose word on DNSSEC counts: name servers that are trusted, and that validate (RFC 7672 §2.1)."""

from ipaddress import IPv6Address, ip_address

from dns.rdatatype import RdataType

from mtasts_resolver.config import DnssecTrust, NameServer
from mtasts_resolver.discovery.dns.answer import DnsAnswer
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import DnsConfigError, DnsError
from mtasts_resolver.discovery.findings import Probe

PROBE_NAME = "."  # the root's SOA: signed, and known to every resolver that can reach anything
# A resolver that serves the root from a copy (RFC 8806) need not validate it, nor the zones that
# are given away with it, such as arpa. This one is signed since 2011, and too large for a copy.
SECOND_NAME = "com"

# Forwarders on loopback, which hand on the AD bit of whoever they asked: anybody on that path could
# set it. Their makers write `options trust-ad` themselves, or copy it from the host's file.
FORWARDERS = (
    # systemd-resolved. As distributions set it up it does not validate, but some versions hand on
    # the bit all the same (systemd issue 34121).
    "127.0.0.53",
    "127.0.0.54",
    "127.0.0.11",  # Docker: it asks the servers of the host
)
NONE_LOCAL = (
    "no name server is on this host, or it is the forwarder of systemd-resolved or Docker, which"
    " need not validate"
)


def trusted(dns: DnsClient, mode: DnssecTrust) -> DnsClient:
    """Return a client that asks only the servers whose word counts.

    AD is a bit that anybody on the path can set. In mode `auto` it counts only from a name server
    reached over loopback, or where `options trust-ad` in resolv.conf vouches for the path, but from
    no known forwarder; `trust` takes any, to which the administrator vouches for the path.
    """
    dns = dns.insisting_on_edns(True)
    return dns.only(is_trusted, NONE_LOCAL) if mode == "auto" else dns


async def probe(dns: DnsClient) -> Probe:
    """Return whether the servers that `dns`, a client of `trusted`, asks do validate.

    Raise DnsError where that cannot be found out.
    """
    try:
        answer = await dns.query(PROBE_NAME, RdataType.SOA)
    except DnsConfigError:
        raise
    except DnsError as error:
        return await _probe_without_edns(dns, error)
    if answer.authoritative and not answer.authenticated:
        answer = await dns.query(SECOND_NAME, RdataType.SOA)
    zone = "the root" if answer.question == PROBE_NAME else answer.question
    return _found(dns, answer, f"{_who(answer)} does not authenticate the SOA record of {zone}")


async def _probe_without_edns(dns: DnsClient, failure: DnsError) -> Probe:
    """Tell servers that do not do EDNS, and so can prove nothing, from those that are out of order.

    Raise `failure` of these.
    """
    try:
        answer = await dns.insisting_on_edns(False).query(PROBE_NAME, RdataType.SOA)
    except DnsError:
        raise failure from None
    if not all(map(dns.conduct.lacks_edns, answer.servers)):
        raise failure
    return _found(dns, answer, f"{_who(answer)} does not do EDNS, without which no DNSSEC is")


def _found(dns: DnsClient, answer: DnsAnswer, why_not: str) -> Probe:
    return Probe(
        answer.authenticated,
        tuple(map(str, answer.servers)),
        tuple(map(str, dns.servers)),
        "" if answer.authenticated else why_not,
    )


def _who(answer: DnsAnswer) -> str:
    return ", ".join(map(str, answer.servers))


def is_trusted(server: NameServer, trust_ad: bool) -> bool:
    """Tell whether nobody but this host is on the path to `server`, or somebody vouches for it."""
    address = ip_address(server.host)
    if isinstance(address, IPv6Address):  # ::ffff:127.0.0.53 is 127.0.0.53
        address = address.ipv4_mapped or address
    return str(address) not in FORWARDERS and (trust_ad or address.is_loopback)
