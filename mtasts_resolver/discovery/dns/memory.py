"""Answers of the DNS that are remembered, since most domains have their mail at a few providers.

A thousand new domains in the mail queue ask over and over for the addresses and TLSA records of the
same MX hosts. Nothing of MTA-STS is answered from here: a policy record must be seen to change
(RFC 8461 §5.1), and what has the domain's own name nobody else asks for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from dns.rdatatype import RdataType

from mtasts_resolver.config import NameServer
from mtasts_resolver.discovery.dns.answer import DnsAnswer

# Answers: those about a thousand hosts, far more than the providers have whose hosts are shared.
MAX_ANSWERS = 2_048
# Bytes in memory of one answer, about: ten addresses, or a whole certificate. A longer one is asked
# for each time. So whatever strangers publish, all of it takes 8 MB at most; usually it is 2 MB.
MAX_BYTES = 4_096
ANSWER_BYTES = 512  # without names and records
RECORD_BYTES = 256  # of one record, without the data of TLSA, which alone may be of any length
# Seconds that an answer is kept at most: as long as a queue is worked off. What is known of a next
# hop lives for an hour at most, and is renewed after 0.7 of its life: by then the DNS is asked.
KEPT = 300.0
# One that DNSSEC does not prove may come from a resolver that does not validate just now. When it
# does again, which the next probe finds (knowledge/dnssec.py), this must be over.
KEPT_UNPROVEN = 60.0
# The TTL that counts down meanwhile. What follows from an answer is believed for an hour at most
# (discovery/dane.py); this keeps it from being believed for longer since it was remembered.
LONGEST_TTL = 3_600.0
# The part of its time that a question waits for the answer to an equal one, which is at work.
PATIENCE = 0.2


class DnsQuestion(NamedTuple):
    """What is asked, and whom: the answer is the word of these servers and of no others."""

    servers: tuple[NameServer, ...]
    name: str
    rdtype: RdataType


class AnswerMemory:
    """Answers for as long as their TTLs allow; beyond its bounds the least lately used one goes.

    All times are seconds of one clock.
    """

    def __init__(self) -> None:
        self._answers: dict[DnsQuestion, tuple[DnsAnswer, float, float]] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, question: DnsQuestion, now: float) -> DnsAnswer | None:
        """Return the answer with what is left of its TTL, or None where there is none any more."""
        remembered = self._answers.pop(question, None)
        if remembered is None:
            return None
        answer, since, until = remembered
        if now >= until:
            return None
        self._answers[question] = remembered  # behind all others: it has been used
        return answer._replace(ttl=answer.ttl - (now - since))

    def put(self, question: DnsQuestion, answer: DnsAnswer, now: float) -> None:
        """Keep the answer to what was asked at the time `now`, unless it must not be kept.

        That is one with TTL 0 (RFC 1035 §3.2.1), such as an absence without SOA (RFC 2308 §5), and
        one of other servers: resolv.conf has changed while they were asked.
        """
        ttl = min(answer.ttl, LONGEST_TTL)
        kept = min(ttl, KEPT if answer.authenticated else KEPT_UNPROVEN)
        if (
            kept <= 0
            or not set(answer.servers) <= set(question.servers)
            or _bytes_of(answer) > MAX_BYTES
        ):
            return
        self._answers[question] = answer._replace(ttl=ttl), now, now + kept
        if len(self._answers) > MAX_ANSWERS:
            del self._answers[next(iter(self._answers))]


class SharedAnswers:
    """Has a question asked once for all who ask it while its answer holds, or is on its way.

    Only answers are shared. A failure is not: it would reach further than its cause, and a domain
    whose look-up fails may lose its protection. The resolver remembers it (RFC 9520 §3.2).
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._memory = AnswerMemory()
        self._asked: dict[DnsQuestion, asyncio.Event] = {}

    async def find(
        self, question: DnsQuestion, deadline: float, ask: Callable[[], Awaitable[DnsAnswer]]
    ) -> DnsAnswer:
        """Return what is remembered, or what `ask` finds out by `deadline`, of the loop's clock.

        Whoever is finding it out may fail, be ended for what it has cost, or take long; and the
        answer may be one that is not kept. Then the others ask for themselves, in the time left.
        """
        answer = self._memory.get(question, self._monotonic())
        if answer is None and (asked := self._asked.get(question)) is not None:
            now = asyncio.get_running_loop().time()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(now + PATIENCE * (deadline - now)):
                    await asked.wait()
            answer = self._memory.get(question, self._monotonic())
        return answer or await self._ask(question, ask)

    async def _ask(
        self, question: DnsQuestion, ask: Callable[[], Awaitable[DnsAnswer]]
    ) -> DnsAnswer:
        first = question not in self._asked
        if first:
            self._asked[question] = asyncio.Event()
        begun = self._monotonic()
        try:
            answer = await ask()
            self._memory.put(question, answer, begun)
        finally:
            if first:
                self._asked.pop(question).set()
        return answer


def _bytes_of(answer: DnsAnswer) -> int:
    """Return about how many bytes it takes in memory."""
    data = sum(RECORD_BYTES + len(getattr(record, "cert", b"")) for record in answer.records)
    return ANSWER_BYTES + len(answer.question) + len(answer.canonical_name) + data
