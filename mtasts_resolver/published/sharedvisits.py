"""What addresses of MX hosts have shown: many domains have the same ones, at a provider."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from mtasts_resolver.published.observed import SeenAddress

MAX_KEPT = 1_000  # addresses; with the certificates of each that is some megabytes


class MailHostSeen(NamedTuple):
    """What came of a visit."""

    address: SeenAddress
    chain: tuple[bytes, ...] | None
    """The certificates that were shown, as DER."""


class SharedVisits:
    """Has each address of an MX host visited once, however many domains have the host.

    It is for one look at many domains: what was seen is not looked at again.
    """

    def __init__(self) -> None:
        self._visits: dict[tuple[str, str], asyncio.Task[MailHostSeen]] = {}

    async def visit(
        self, name: str, address: str, look: Callable[[], Coroutine[Any, Any, MailHostSeen]]
    ) -> MailHostSeen:
        """Return what `look` sees at an address of the host `name`, or what it saw before.

        Whoever gives up waiting ends no visit that others wait for.
        """
        key = (name, address)
        visit = self._visits.get(key)
        if visit is None:
            visit = self._visits[key] = asyncio.create_task(look())
            visit.add_done_callback(lambda ended: self._forget_failed(key, ended))
            if len(self._visits) > MAX_KEPT:
                del self._visits[next(iter(self._visits))]
        return await asyncio.shield(visit)

    def _forget_failed(self, key: tuple[str, str], ended: asyncio.Task[MailHostSeen]) -> None:
        """Forget a visit that this host has failed, not the other: it may be made again."""
        if (ended.cancelled() or ended.exception()) and self._visits.get(key) is ended:
            del self._visits[key]
