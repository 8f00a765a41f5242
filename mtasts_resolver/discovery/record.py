"""Looking up the policy record of a domain (RFC 8461 §3.1)."""

import time
from typing import NamedTuple

from dns.rdtypes.txtbase import TXTBase

from mtasts_resolver.discovery.dns import Answer, DnsClient, Status
from mtasts_resolver.discovery.errors import DnsError, NoRecordError
from mtasts_resolver.discovery.text import printable
from mtasts_resolver.discovery.trace import Trace
from mtasts_resolver.policy.record import PolicyRecord, RecordError, select_record

PREFIX = "_mta-sts."

_RECORDS_SHOWN = 20  # more TXT records than any name has for a reason


class FoundRecord(NamedTuple):
    """The usable policy record of a domain, and for how many seconds it may be believed."""

    record: PolicyRecord
    ttl: float


async def lookup_record(dns: DnsClient, domain: str, trace: Trace | None = None) -> FoundRecord:
    """Return the policy record of `domain`, an A-label name.

    Raise DnsError if it could not be looked up, which says nothing about the domain, and
    NoRecordError if there is no usable one.
    """
    question = f"TXT {PREFIX}{domain}"
    begun = time.monotonic()
    texts: tuple[bytes, ...] = ()
    try:
        answer = await dns.query(PREFIX + domain, "TXT")
        texts = _texts(answer)
        found = FoundRecord(_select(answer, texts), answer.ttl)
    except (DnsError, NoRecordError) as error:
        if trace is not None:
            _record_step(trace, question, begun, ok=False, outcome=str(error), texts=texts)
        raise
    if trace is not None:
        outcome = f"id {found.record.id}, to be kept {found.ttl:.0f} s"
        _record_step(trace, question, begun, ok=True, outcome=outcome, texts=texts)
    return found


def _texts(answer: Answer) -> tuple[bytes, ...]:
    """Return each TXT record's strings, concatenated (RFC 8461 §3.1)."""
    return tuple(
        b"".join(record.strings) for record in answer.records if isinstance(record, TXTBase)
    )


def _select(answer: Answer, texts: tuple[bytes, ...]) -> PolicyRecord:
    if answer.status is not Status.FOUND:
        what = "does not exist" if answer.status is Status.NXDOMAIN else "has no TXT record"
        raise NoRecordError(f"{printable(answer.question)} {what}", ttl=answer.ttl, absent=True)
    try:
        return select_record(texts)
    except RecordError as error:
        # Other TXT records, a wildcard's for example, are no failed attempt at a policy record.
        absent = not any(text.lstrip().lower().startswith(b"v=sts") for text in texts)
        raise NoRecordError(str(error), ttl=answer.ttl, absent=absent) from None


def _record_step(
    trace: Trace, question: str, begun: float, *, ok: bool, outcome: str, texts: tuple[bytes, ...]
) -> None:
    trace.record(
        question,
        ok=ok,
        seconds=time.monotonic() - begun,
        outcome=outcome,
        details=tuple(printable(text.decode("latin-1")) for text in texts[:_RECORDS_SHOWN]),
    )
