"""The MX hosts of a domain, as an answer of the DNS names them (RFC 5321 §5.1, RFC 7505)."""

from dns.rdtypes.ANY.MX import MX

from mtasts_resolver.discovery.dns.answer import DnsAnswer, DnsStatus


def mx_hosts(answer: DnsAnswer) -> list[str]:
    """Return the names of MX hosts, most preferred first; of an absence, the domain itself.

    RFC 7672 §2.2.1, RFC 5321 §5.1: without MX records the domain is its own, implicit MX host.
    """
    if answer.status is DnsStatus.NODATA:
        return [answer.question]
    records = [record for record in answer.records if isinstance(record, MX)]
    records.sort(key=lambda record: record.preference)
    names = (record.exchange.to_text(omit_final_dot=True).lower() for record in records)
    return [name for name in dict.fromkeys(names) if name not in ("", ".")]


def mx_preferences(answer: DnsAnswer) -> dict[str, int]:
    """Return the preference of each MX host that an MX record names, the first in order."""
    found: dict[str, int] = {}
    for record in answer.records:
        if isinstance(record, MX):
            name = record.exchange.to_text(omit_final_dot=True).lower()
            found[name] = min(record.preference, found.get(name, record.preference))
    return found


def why_no_mail(answer: DnsAnswer) -> str | None:
    """Return why the domain takes no mail, or None where it has an MX host."""
    if answer.status is DnsStatus.NXDOMAIN:
        return "the domain does not exist"
    if answer.status is DnsStatus.FOUND and not mx_hosts(answer):
        # RFC 7505 §3: a single MX record with an empty name.
        return "the domain takes no mail: its MX record is null"
    return None
