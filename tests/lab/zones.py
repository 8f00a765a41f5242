"""The signed zones of the lab: the root, `example`, and one zone for each domain of the table."""

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rdtypes.dnskeybase import Flag

from .internet import DOMAINS, MAIL_ADDRESSES, POLICY_ADDRESSES, Domain

TTL = 60
DAY = 86_400
NAME_SERVER = "ns.example"


class Zone:
    """One zone: its key, what stands in it, and which names carry a broken signature."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._rrsets: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._broken: set[str] = set()
        self.put(origin, "SOA", f"{NAME_SERVER}. hostmaster.example. 1 3600 600 86400 {TTL}")
        self.put(origin, "NS", f"{NAME_SERVER}.")

    @property
    def file_name(self) -> str:
        return f"{self.origin or 'root'}.zone"

    @property
    def ds(self) -> str:
        """The DS record that the parent zone, or a trust anchor, has for this zone."""
        return dns.dnssec.make_ds(f"{self.origin}.", self._dnskey(), "SHA256").to_text()

    def put(self, owner: str, kind: str, *data: str) -> None:
        """Add records; `owner` is an absolute name without its last dot."""
        self._rrsets[owner, kind].extend(data)

    def replace(self, owner: str, kind: str, *data: str) -> None:
        self._rrsets[owner, kind] = list(data)

    def set_broken(self, owner: str, *, broken: bool) -> None:
        """Make every answer about one name fail validation, or make it right again."""
        (self._broken.add if broken else self._broken.discard)(owner)

    def write(self, directory: Path) -> None:
        """Sign the zone and write it."""
        lines = [
            f"{owner}. {TTL} IN {kind} {data}"
            for (owner, kind), rrset in self._rrsets.items()
            for data in rrset
        ]
        zone = dns.zone.from_text("\n".join(lines), origin=f"{self.origin}.", relativize=False)
        dns.dnssec.sign_zone(
            zone,
            keys=[(self._key, self._dnskey())],
            inception=time.time() - DAY,
            lifetime=30 * DAY,
        )
        for owner in self._broken:
            _spoil_signatures(zone, owner)
        zone.to_file(str(directory / self.file_name), relativize=False)

    def _dnskey(self) -> DNSKEY:
        algorithm = dns.dnssectypes.Algorithm.ECDSAP256SHA256
        return dns.dnssec.make_dnskey(self._key.public_key(), algorithm, flags=Flag.ZONE | Flag.SEP)


class Zones:
    """All zones, found by the names in them."""

    def __init__(self) -> None:
        self._zones: dict[str, Zone] = {}
        for origin in ("", "example", "mx.example", *(domain.name for domain in DOMAINS)):
            self._zones[origin] = Zone(origin)
        self._delegate()
        self.of(NAME_SERVER).put(NAME_SERVER, "A", "127.0.0.1")
        for host, address in MAIL_ADDRESSES.items():
            self.of(host).put(host, "A", address)
        for domain in DOMAINS:
            self._publish(domain)

    @property
    def trust_anchor(self) -> str:
        return f". IN DS {self._zones[''].ds}\n"

    def __iter__(self) -> Iterator[Zone]:
        return iter(self._zones.values())

    def of(self, name: str) -> Zone:
        """Return the zone that a name stands in."""
        while name not in self._zones:
            name = name.partition(".")[2]
        return self._zones[name]

    def _delegate(self) -> None:
        for zone in self._zones.values():
            if zone.origin:
                parent = self.of(zone.origin.partition(".")[2])
                parent.put(zone.origin, "NS", f"{NAME_SERVER}.")
                parent.put(zone.origin, "DS", zone.ds)

    def _publish(self, domain: Domain) -> None:
        zone = self._zones[domain.name]
        for preference, mx in enumerate(domain.mx, start=1):
            zone.put(domain.name, "MX", f"{preference}0 {mx.name}.")
        record, host = f"_mta-sts.{domain.name}", f"mta-sts.{domain.name}"
        if domain.provider:
            zone.put(record, "CNAME", f"record.{domain.provider}.")
            zone.put(host, "CNAME", f"web.{domain.provider}.")
            record, host = f"record.{domain.provider}", f"web.{domain.provider}"
        for text in domain.policy_records:
            self.of(record).put(record, "TXT", f'"{text}"')
        if domain.name in POLICY_ADDRESSES:
            self.of(host).put(host, "A", POLICY_ADDRESSES[domain.name])
        if domain.policy_host.dead_address:
            self.of(host).put(host, "AAAA", domain.policy_host.dead_address)


def _spoil_signatures(zone: dns.zone.Zone, owner: str) -> None:
    node = zone.find_node(dns.name.from_text(owner))
    for rdataset in node.rdatasets:
        if rdataset.rdtype == dns.rdatatype.RRSIG:
            for signature in list(rdataset):
                assert isinstance(signature, RRSIG)
                rdataset.discard(signature)
                rdataset.add(signature.replace(signature=bytes(reversed(signature.signature))))
