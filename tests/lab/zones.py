"""The signed zones of the lab: the root, what is below it, and one zone for each domain."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rdtypes.dnskeybase import Flag

from .internet import DOMAINS, HOST_ZONES, MAIL_ADDRESSES, MAIL_HOSTS, POLICY_ADDRESSES
from .pki import tlsa_data
from .published import Dnssec, Domain, MailHost

DAY = 86_400
NAME_SERVER = "ns.example"


class Zone:
    """One zone: its key, what stands in it, and which names carry a broken signature."""

    def __init__(self, origin: str, dnssec: Dnssec = Dnssec.SIGNED, *, ttl: int = 60) -> None:
        self.origin = origin
        self.dnssec = dnssec
        self._ttl = ttl
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._rrsets: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._broken: set[str] = set()
        self.put(origin, "SOA", f"{NAME_SERVER}. hostmaster.example. 1 3600 600 86400 {ttl}")
        self.put(origin, "NS", f"{NAME_SERVER}.")

    @property
    def file_name(self) -> str:
        return f"{self.origin or 'root'}.zone"

    @property
    def ds(self) -> tuple[str, ...]:
        """The DS records that the parent zone, or a trust anchor, has for this zone."""
        if self.dnssec is Dnssec.UNSIGNED:
            return ()
        origin, key = f"{self.origin}.", self._dnskey()
        if self.dnssec is Dnssec.BOGUS:
            origin = f"another.{origin}"
        return (dns.dnssec.make_ds(origin, key, "SHA256").to_text(),)

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
            f"{owner}. {self._ttl} IN {kind} {data}"
            for (owner, kind), rrset in self._rrsets.items()
            if kind != "TLSA"
            for data in rrset
        ]
        zone = dns.zone.from_text("\n".join(lines), origin=f"{self.origin}.", relativize=False)
        for (owner, kind), rrset in self._rrsets.items():
            if kind == "TLSA":
                _add_tlsa(zone, owner, rrset, self._ttl)
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

    def __init__(self, certificates: Path) -> None:
        origins = {"": Dnssec.SIGNED, "com": Dnssec.SIGNED, "example": Dnssec.SIGNED}
        origins |= HOST_ZONES
        origins |= {domain.name: domain.dnssec for domain in DOMAINS}
        ttls = {domain.name: domain.ttl for domain in DOMAINS}
        self._zones = {
            origin: Zone(origin, dnssec, ttl=ttls.get(origin, 60))
            for origin, dnssec in origins.items()
        }
        self._delegate()
        self.of(NAME_SERVER).put(NAME_SERVER, "A", "127.0.0.1")
        for host in MAIL_HOSTS:
            self._place(host, certificates)
        for domain in DOMAINS:
            self._publish(domain)

    def set_dnssec(self, origin: str, dnssec: Dnssec) -> Zone:
        """Change what the parent of a zone says of it, and return the parent."""
        zone = self._zones[origin]
        zone.dnssec = dnssec
        parent = self.of(origin.partition(".")[2])
        parent.replace(origin, "DS", *zone.ds)
        return parent

    @property
    def trust_anchor(self) -> str:
        return f". IN DS {self._zones[''].ds[0]}\n"

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
                parent.put(zone.origin, "DS", *zone.ds)

    def _place(self, host: MailHost, certificates: Path) -> None:
        """Give an MX host its address and its TLSA records."""
        zone = self.of(host.name)
        if host.alias_of:
            zone.put(host.name, "CNAME", f"{host.alias_of}.")
        elif host.reachable:
            _put_addresses(zone, host.name, MAIL_ADDRESSES[host.name])
        for port, records in ((25, host.tlsa), (587, host.submission_tlsa)):
            if records:
                data = tlsa_data(certificates, host.alias_of or host.name)
                # Below a name that has no records unbound proves nothing to be absent.
                zone.replace(f"_tcp.{host.name}", "TXT", '""')
                owner = f"_{port}._tcp.{host.name}"
                zone.put(owner, "TLSA", *(record.format(**data) for record in records))
                zone.set_broken(owner, broken=host.tlsa_fails)
        zone.set_broken(host.name, broken=host.address_fails)

    def _publish(self, domain: Domain) -> None:
        zone = self._zones[domain.name]
        for preference, mx in enumerate(() if domain.implicit else domain.mx, start=1):
            zone.put(domain.name, "MX", f"{preference}0 {mx.name}.")
        for text in domain.report_records:
            zone.put(f"_smtp._tls.{domain.name}", "TXT", f'"{text}"')
        record, host = f"_mta-sts.{domain.name}", f"mta-sts.{domain.name}"
        if domain.provider:
            zone.put(record, "CNAME", f"record.{domain.provider}.")
            zone.put(host, "CNAME", f"web.{domain.provider}.")
            record, host = f"record.{domain.provider}", f"web.{domain.provider}"
        for text in domain.policy_records:
            self.of(record).put(record, "TXT", f'"{text}"')
        if domain.name in POLICY_ADDRESSES:
            _put_addresses(self.of(host), host, POLICY_ADDRESSES[domain.name])
        if domain.policy_host.dead_address:
            self.of(host).put(host, "AAAA", domain.policy_host.dead_address)
        for label in domain.fails:
            zone.set_broken(f"{label}.{domain.name}".removeprefix("."), broken=True)


def _put_addresses(zone: Zone, name: str, addresses: Iterable[str]) -> None:
    for address in addresses:
        zone.put(name, "AAAA" if ":" in address else "A", address)


def _add_tlsa(zone: dns.zone.Zone, owner: str, records: list[str], ttl: int) -> None:
    """Add TLSA records, whatever stands in them: dnspython's own type takes well-formed ones."""
    rdataset = zone.find_rdataset(owner + ".", dns.rdatatype.TLSA, create=True)
    for record in records:
        *fields, data = record.split()
        wire = bytes(map(int, fields)) + bytes.fromhex(data)
        rdata = dns.rdata.GenericRdata(dns.rdataclass.IN, dns.rdatatype.TLSA, wire)
        rdataset.add(rdata, ttl=ttl)


def _spoil_signatures(zone: dns.zone.Zone, owner: str) -> None:
    node = zone.find_node(dns.name.from_text(owner))
    for rdataset in node.rdatasets:
        if rdataset.rdtype == dns.rdatatype.RRSIG:
            for signature in list(rdataset):
                assert isinstance(signature, RRSIG)
                rdataset.discard(signature)
                rdataset.add(signature.replace(signature=bytes(reversed(signature.signature))))
