"""What an administrator may have done to what is known: domains purged, policies brought in."""

from collections.abc import Iterator

from mtasts_resolver.base.events import Events
from mtasts_resolver.knowledge.dane import DaneKnowledge
from mtasts_resolver.knowledge.events import PolicyImported, PolicyPurged
from mtasts_resolver.knowledge.policies import Taken
from mtasts_resolver.knowledge.sts import StsKnowledge
from mtasts_resolver.policy import Policy
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.errors import UnavailableError


class Steering:
    """Both kinds of knowledge, and who is told of what is done to them, and `by` whom."""

    def __init__(self, sts: StsKnowledge, dane: DaneKnowledge, events: Events, by: str) -> None:
        self._sts = sts
        self._dane = dane
        self._events = events
        self._by = by

    async def purge(self, domain: str) -> Policy | None:
        """Drop the policy of `domain`, or what else is known, and return the policy that is lost.

        Its replies go with it. DANE is kept: `next_hops` has what is to be purged there.
        """
        try:
            entry = await self._sts.policies.kept(domain)
        except UnavailableError:  # memory has none; the store has said so, and deletes when it can
            entry = None
        await self._sts.purge(domain)
        if entry is None or entry.finding.policy is None:
            return None
        policy = entry.finding.policy
        self._events.publish(PolicyPurged(domain, policy, entry.policy_id, self._by))
        return policy

    def next_hops(self) -> Iterator[tuple[str, str]]:
        """Yield the policy domain and the next hop of each entry of DANE, in any order."""
        for hop, _ in self._dane.cache.entries():
            yield domain_of(hop), hop

    async def take_in(self, stored: StoredPolicy) -> Taken:
        """Hold a policy that was fetched elsewhere, or earlier, unless a later one is held.

        Raise DocumentError or OverloadedError.
        """
        kept = await self._sts.kept(stored.domain)
        taken, entry = self._sts.policies.take_in(stored, kept)
        if entry is not None and (policy := entry.finding.policy) is not None:
            self._sts.schedule(stored.domain, entry)
            imported = PolicyImported(stored.domain, policy, stored.policy_id, self._by)
            self._events.publish(imported)
        return taken


def domain_of(hop: str) -> str:
    """Return the policy domain of a NextHop as text."""
    return hop.partition(":")[0].strip("[]")
