"""Looking up a policy host, and leaving out the addresses that must not be connected to."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from itertools import chain, zip_longest

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.config import IPNetwork
from mtasts_resolver.discovery.addresses import is_allowed
from mtasts_resolver.discovery.dns.answer import DnsAnswer, DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import (
    AddressForbiddenError,
    DiscoveryError,
    DnsError,
    PolicyHostError,
)
from mtasts_resolver.discovery.trace import Trace

_SHOWN = 5  # addresses that an error names


async def find_addresses(
    dns: DnsClient, host: str, allow_networks: Sequence[IPNetwork], trace: Trace
) -> list[str]:
    """Return the addresses of `host` to connect to, IPv6 and IPv4 by turns (RFC 8305 §4).

    Raise PolicyHostError if it has none or its own servers fail, AddressForbiddenError if all are
    forbidden, and DnsError where it is our name servers that fail.
    """
    with trace.step(f"A, AAAA {printable(host)}") as step:
        answers = await asyncio.gather(
            dns.query(host, "AAAA"), dns.query(host, "A"), return_exceptions=True
        )
        found = by_turns(*map(_addresses, answers))
        if not found:
            raise _failure(host, answers)
        allowed = [text for text in found if is_allowed(ip_address(text), allow_networks)]
        refused = [text for text in found if text not in allowed]
        step.details = tuple(f"{text} refused: not globally routable" for text in refused)
        if not allowed:
            raise AddressForbiddenError(
                f"{host} has only addresses that are not globally routable,"
                f" and none is in https.allow_networks: {', '.join(refused[:_SHOWN])}"
            )
        step.outcome = ", ".join(allowed)
    return allowed


def _addresses(answer: DnsAnswer | BaseException) -> list[str]:
    if isinstance(answer, DnsAnswer):
        return [record.to_text() for record in answer.records]
    if isinstance(answer, DnsError):
        return []
    raise answer


def by_turns(*families: list[str]) -> list[str]:
    """Return the addresses of all families, one of each after the other."""
    turns = chain.from_iterable(zip_longest(*families))
    return [address for address in turns if address is not None]


def _failure(host: str, answers: Sequence[DnsAnswer | BaseException]) -> DiscoveryError:
    """Return the error to raise where `answers` hold no address.

    None of theirs is: it would lead to the frame that raises it, and that to `answers`.
    """
    for answer in answers:
        if isinstance(answer, DnsError) and answer.outage:
            outage = type(answer)(str(answer))
            outage.outage = True
            return outage
    return PolicyHostError(_why_none(host, answers))


def _why_none(host: str, answers: Sequence[DnsAnswer | BaseException]) -> str:
    failures = [str(answer) for answer in answers if isinstance(answer, DnsError)]
    if failures:
        return f"the addresses of {printable(host)} cannot be looked up: {'; '.join(failures)}"
    absent = any(isinstance(a, DnsAnswer) and a.status is DnsStatus.NXDOMAIN for a in answers)
    return f"{printable(host)} {'does not exist' if absent else 'has no address'}"
