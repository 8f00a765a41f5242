"""Looking up the policy record of a domain (RFC 8461 §3.1)."""

from dns.rdtypes.txtbase import TXTBase

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.discovery.dns.answer import DnsAnswer, DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import NoRecordError
from mtasts_resolver.discovery.findings import FoundRecord
from mtasts_resolver.discovery.trace import Trace
from mtasts_resolver.policy import PolicyRecord, RecordError, select_record

PREFIX = "_mta-sts."

_RECORDS_SHOWN = 20  # more TXT records than any name has for a reason


async def lookup_record(dns: DnsClient, domain: str, trace: Trace | None = None) -> FoundRecord:
    """Return the policy record of `domain`, an A-label name.

    Raise DnsError if it could not be looked up, which says nothing about the domain, and
    NoRecordError if there is no usable one.
    """
    trace = trace or Trace(kept=False)
    with trace.step(f"TXT {PREFIX}{domain}") as step:
        answer = await dns.query(PREFIX + domain, "TXT")
        texts = texts_of(answer)
        if trace.kept:
            step.details = tuple(
                printable(text.decode("latin-1")) for text in texts[:_RECORDS_SHOWN]
            )
        found = FoundRecord(_select(answer, texts).id, answer.lifetime)
        step.outcome = f"id {found.policy_id}, for {found.ttl:.0f} s"
        return found


def texts_of(answer: DnsAnswer) -> list[bytes]:
    """Return the TXT records of an answer: the strings of each, concatenated (RFC 8461 §3.1)."""
    return [b"".join(text.strings) for text in answer.records if isinstance(text, TXTBase)]


def _select(answer: DnsAnswer, texts: list[bytes]) -> PolicyRecord:
    if answer.status is not DnsStatus.FOUND:
        what = "does not exist" if answer.status is DnsStatus.NXDOMAIN else "has no TXT record"
        raise NoRecordError(
            f"{printable(answer.question)} {what}", ttl=answer.lifetime, absent=True
        )
    try:
        return select_record(texts)
    except RecordError as error:
        # Other TXT records, a wildcard's for example, are no failed attempt at a policy record.
        absent = not any(text.lstrip().lower().startswith(b"v=sts") for text in texts)
        raise NoRecordError(str(error), ttl=answer.lifetime, absent=absent) from None
