"""What is known of domains: the one list that the API, the commands, the page and metrics read."""

import fnmatch
import re
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.domains import (
    DomainFilter,
    DomainPage,
    DomainQuery,
    DomainSummary,
    Failing,
    ModeFilter,
    SortKey,
)
from mtasts_resolver.control.views.answers import given_reply
from mtasts_resolver.control.views.cursor import SortValue, cursor_of, parse_cursor
from mtasts_resolver.control.views.times import timestamp, wall_of
from mtasts_resolver.control.views.window import Window
from mtasts_resolver.knowledge.dane import OFF
from mtasts_resolver.knowledge.entry import StsEntry, entry_of
from mtasts_resolver.policy import DaneFinding, DocumentError, NextHop
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.errors import UnavailableError

NEVER = float("inf")
LONG_AGO = float("-inf")
# Values that are put together in one go, to be sent at once: a tenth of a millisecond.
BATCH = 16


class Known(NamedTuple):
    """A domain, and what is known of it."""

    domain: str
    entry: StsEntry
    in_memory: bool = True


async def list_domains(sources: Sources, query: DomainQuery) -> DomainPage:
    """Return a page of the domains that are meant. Raise CursorError.

    All are passed through for each page, a bite at a time; memory holds no more than the page.
    """
    kind, value_of = _SORTS[query.sort]
    after = None if query.after is None else parse_cursor(query.after, kind)
    window: Window[Known] = Window(query.limit, after, descending=query.descending)
    matched, incomplete = 0, None
    try:
        async for known in find_domains(sources, query):
            matched += 1
            window.offer((value_of(sources, known), known.domain), known)
    except UnavailableError as error:
        incomplete = f"the store cannot be read: {error}"
    domains = [summary_of(sources, known) async for known in bites(window.items())]
    end = window.end
    return DomainPage(
        domains=tuple(domains),
        matched=matched,
        next=None if end is None else cursor_of(end),
        incomplete=incomplete,
    )


async def find_domains(sources: Sources, wanted: DomainFilter) -> AsyncIterator[Known]:
    """Yield each domain that is meant, in no order. Raise UnavailableError.

    Those that come or go meanwhile may be met or not.
    """
    is_meant = condition(sources, wanted)
    async for known in _failing(sources) if wanted.failing else _all(sources, wanted.mode):
        if is_meant(known):
            yield known


async def _all(sources: Sources, mode: ModeFilter) -> AsyncIterator[Known]:
    """Yield what memory holds, and then what only the store does."""
    cache, policies = sources.sts.cache, sources.sts.policies
    absences = mode in ("absent", "all")
    # At the start policies come into memory all the while, behind whoever passes through it.
    from_store = not policies.is_loaded and mode != "absent"
    async for domain, entry in bites(cache.entries(absences=absences)):
        if not (from_store and entry.stored):
            yield Known(domain, entry)
    if mode == "absent":
        return
    try:
        async for batch in policies.stored_in_batches(all_of_it=from_store):
            async for stored in bites(batch):
                known = _from_store(sources, stored)
                if known is not None:
                    yield known
    except UnavailableError:
        if from_store:  # those that were met already are met again, which a page does not show
            async for domain, entry in bites(cache.entries(absences=False)):
                yield Known(domain, entry)
        raise


def _from_store(sources: Sources, stored: StoredPolicy) -> Known | None:
    """Return what is known of a domain that the store holds; None where that is no policy."""
    held = sources.sts.policies.get(stored.domain)
    if held is not None and held.stored is not None:
        return Known(stored.domain, held)
    try:
        only = entry_of(stored, sources.clock)
    except DocumentError:
        return None  # told, and dropped, when it is read for a look-up
    return None if only is None else Known(stored.domain, only, in_memory=False)


async def _failing(sources: Sources) -> AsyncIterator[Known]:
    sts = sources.sts
    async for domain in bites(sts.failing.domains()):
        entry = sts.policies.get(domain)
        if entry is not None and entry.stored is not None:
            yield Known(domain, entry)
        elif (kept := await sts.policies.kept(domain)) is not None:
            yield Known(domain, kept, in_memory=False)


def condition(sources: Sources, wanted: DomainFilter) -> Callable[[Known], bool]:
    """Return what tells whether a domain is meant."""
    now = sources.clock.monotonic()
    before = NEVER if wanted.expires_within is None else now + wanted.expires_within
    unused_since = NEVER if wanted.unused_for is None else now - wanted.unused_for
    mode = wanted.mode
    fits = None
    if wanted.matching is not None:
        fits = re.compile(fnmatch.translate(wanted.matching.lower())).match

    def is_meant(known: Known) -> bool:
        domain, entry, _ = known
        policy = entry.finding.policy
        if mode == "policies" or policy is None:
            right = (policy is None) is (mode == "absent") or mode == "all"
        else:
            right = mode in (policy.mode, "all")
        return (
            right
            and entry.until <= before
            and entry.asked <= unused_since
            and (fits is None or fits(domain) is not None)
        )

    return is_meant


# -- what a list can be in order of --------------------------------------------------------------


def _fetched(_: Sources, known: Known) -> SortValue:
    return LONG_AGO if known.entry.stored is None else known.entry.stored.fetched_at


def _due(sources: Sources, known: Known) -> SortValue:
    due = sources.sts.due_at(known.domain)
    return NEVER if due is None else due


def _failing_since(sources: Sources, known: Known) -> SortValue:
    failing = sources.sts.failing.get(known.domain)
    return NEVER if failing is None else failing.since


def _mode(_: Sources, known: Known) -> SortValue:
    policy = known.entry.finding.policy
    return "absent" if policy is None else policy.mode.value


_SORTS: dict[SortKey, tuple[type[SortValue], Callable[[Sources, Known], SortValue]]] = {
    "domain": (str, lambda _, known: known.domain),
    "mode": (str, _mode),
    "expires": (float, lambda _, known: known.entry.until),
    "fetched": (float, _fetched),
    "due": (float, _due),
    "used": (float, lambda _, known: known.entry.asked),
    "failing": (float, _failing_since),
}

# -- one line ------------------------------------------------------------------------------------


def summary_of(sources: Sources, known: Known) -> DomainSummary:
    """Return in a line what is known of a domain."""
    domain, entry, in_memory = known
    clock, sts = sources.clock, sources.sts
    finding, stored = entry.finding, entry.stored
    now = clock.monotonic()
    due = sts.due_at(domain)
    if due == NEVER:
        due = now  # it is being fetched
    dane = dane_in_memory(sources, domain)
    given = given_reply(
        sources,
        NextHop(domain),
        finding if now < entry.until else None,
        dane,
        sources.in_force.config.map_options("default"),
    )
    policy = finding.policy
    return DomainSummary(
        domain=domain,
        mode=None if policy is None else policy.mode.value,
        id=entry.policy_id,
        max_age=None if policy is None else policy.max_age,
        fetched=None if stored is None else timestamp(stored.fetched_at),
        due=None if due is None else timestamp(wall_of(due, clock)),
        expires=timestamp(wall_of(entry.until, clock)),
        used=timestamp(wall_of(entry.asked, clock)),
        failing=_failing_state(sources, domain),
        dane=None if dane is None else dane.status.value,
        answer=None if given.reply is None else given.reply.answer,
        would_be=None if given.would_be is None else given.would_be.answer,
        override=None if given.override is None else given.override.pattern,
        code=finding.code or None,
        reason=finding.reason or None,
        in_memory=in_memory,
        weakened=tuple(sorted(sources.weakened.of(domain))),
    )


def _failing_state(sources: Sources, domain: str) -> Failing | None:
    failing = sources.sts.failing.get(domain)
    if failing is None:
        return None
    clock, last = sources.clock, failing.last
    return Failing(
        since=timestamp(wall_of(failing.since, clock)),
        code=last.code,
        reason=last.reason,
        retry=timestamp(wall_of(last.retry_at, clock)),
    )


def dane_in_memory(sources: Sources, hop: str) -> DaneFinding | None:
    """Return what is known of DANE without asking, and without its counting as a look-up."""
    if sources.dnssec.validates is False:
        return OFF
    entry = sources.dane.cache.get(hop)
    return None if entry is None or sources.clock.monotonic() >= entry.until else entry.finding
