"""Who runs zone and policy host of a domain, and puts there what `publish` has written."""

from pathlib import Path

from mtasts_resolver.published.publication import WELL_KNOWN

from .internet import UNPUBLISHED
from .lab import Lab
from .published import Domain

ZONE_FILE = "zone.txt"


def put_file(lab: Lab, domain: str, directory: Path) -> None:
    """Serve the policy file."""
    lab.hosts.serve(domain, (directory / WELL_KNOWN).read_bytes())


def put_records(lab: Lab, directory: Path) -> None:
    """Have the zone hold the records, and none that they replace."""
    for line in (directory / ZONE_FILE).read_text().splitlines():
        name, _ttl, _class, kind, data = line.split(" ", 4)
        lab.dns.publish(name.removesuffix("."), kind, data)


def remove_record(lab: Lab, domain: str) -> None:
    lab.dns.publish(f"_mta-sts.{domain}", "TXT")


def take_back(lab: Lab, domain: Domain = UNPUBLISHED) -> None:
    """Leave a domain as the table of domains has it."""
    if not domain.provider:  # else the name is an alias, and the records are another's
        records = (f'"{text}"' for text in domain.policy_records)
        lab.dns.publish(f"_mta-sts.{domain.name}", "TXT", *records)
    lab.hosts.change(domain.name, domain.document or b"", domain.policy_host)
