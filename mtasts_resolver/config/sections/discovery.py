"""How DNS and policy hosts are asked: `dns` and `https`."""

from pathlib import Path
from typing import Annotated, Literal

from mtasts_resolver.config import kinds
from mtasts_resolver.config.endpoints import MAX_SERVERS, IPNetwork, NameServer, ProxyUrl
from mtasts_resolver.config.keys import Key, Section
from mtasts_resolver.config.kinds import choice, duration

MAX_NETWORKS = 1_000  # each address of a policy host is compared with all of them

DnssecTrust = Literal["auto", "trust", "off"]


class DnsConfig(Section, frozen=True, kw_only=True):
    """How DNS is asked."""

    servers: Annotated[
        tuple[NameServer, ...],
        Key(
            "The name servers to ask; empty: those of `/etc/resolv.conf`, which Postfix asks in any"
            " case.",
            kinds.SERVER,
            most=MAX_SERVERS,
        ),
    ] = ()
    timeout: Annotated[
        float,
        Key(
            "How long one DNS query may take, all name servers and tries together.",
            duration(0.5, 30, "a query that takes longer is dead, and a look-up makes several"),
        ),
    ] = 5.0
    dnssec: Annotated[
        DnssecTrust,
        Key(
            "Whose word on DNSSEC counts, which DANE needs: `auto`, that of the name servers"
            " reached over loopback, and of all where `/etc/resolv.conf` is asked and has `options"
            " trust-ad`, but not of the forwarders of systemd-resolved (127.0.0.53, 127.0.0.54) and"
            " Docker (127.0.0.11); `trust`, that of all name servers: each must validate, and the"
            " network path to it must be safe; `off`, nobody's. DANE is used only while such a"
            " server validates.",
            choice(DnssecTrust),
        ),
    ] = "auto"


class HttpsConfig(Section, frozen=True, kw_only=True):
    """How policies are fetched."""

    timeout: Annotated[
        float,
        Key(
            "How long one fetch of a policy may take, from the look-up of its host to the last"
            " byte.",
            duration(1, 60, "RFC 8461 §3.3 suggests a minute"),
        ),
    ] = 10.0
    ca_file: Annotated[
        Path | None,
        Key(
            "The trusted certification authorities, a PEM file; unset: the system's own.",
            kinds.FILE,
        ),
    ] = None
    proxy: Annotated[
        ProxyUrl | None,
        Key(
            "An HTTP proxy for all fetches. The environment's proxy variables are never used.",
            kinds.PROXY,
        ),
    ] = None
    allow_networks: Annotated[
        tuple[IPNetwork, ...],
        Key(
            "Networks that policy hosts may be in although their addresses are not globally"
            " routable, and MX hosts that are looked over: loopback, private, link-local and the"
            " like are refused otherwise.",
            kinds.NETWORK,
            most=MAX_NETWORKS,
        ),
    ] = ()
