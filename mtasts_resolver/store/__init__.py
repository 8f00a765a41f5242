"""Where policies outlive the process: the protocol that every store keeps."""

from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple, Protocol

import msgspec

WRITE_DELAY = 0.5  # seconds a write may wait for company; on disk well within one second


class StoredPolicy(msgspec.Struct, frozen=True, gc=False):
    """A policy as it was fetched, and what is needed to judge its age. Everything is bounded."""

    domain: str
    """The policy domain, A-label form."""
    policy_id: str
    """The id of the policy record that was in force at the fetch."""
    document: str
    """The policy document as served; it is parsed again when it is read."""
    fetched_at: float
    """Seconds since 1970: the last successful fetch."""
    asked_at: float
    """Seconds since 1970, to about a day: the last look-up."""


class StoreReturned(NamedTuple):
    """What could not be read or written can be again."""


class WritesLost(NamedTuple):
    """What was written may be gone: whoever has policies in memory puts them again."""


class Store(Protocol):
    """A place for policies. For a failing disk or peer it warns, and tries on.

    What was put is remembered in memory until it is written, so a fault of the disk loses nothing
    as long as the process lives.
    """

    async def open(self) -> None:
        """Begin; a damaged file is set aside and reported, an unusable one is retried later."""

    async def get(self, domain: str) -> StoredPolicy | None:
        """Return what was put last for `domain`, written already or not.

        Raise UnavailableError, reported already, where that cannot be told now.
        """

    def put(self, stored: StoredPolicy) -> None:
        """Remember `stored`; it is written within WRITE_DELAY, together with its neighbours."""

    def delete(self, domain: str) -> None:
        """Forget `domain`; written like a put."""

    def put_again(self, policies: Iterable[StoredPolicy]) -> None:
        """Put `policies`, a slice at a time: what is yielded is taken for what holds then."""

    def scan(self) -> AsyncIterator[list[StoredPolicy]]:
        """Yield everything that is stored, in batches that do not hold the event loop.

        Raise UnavailableError where the rest of it cannot be read now, which is reported already.
        """

    async def flush(self) -> None:
        """Return when everything that was put is written, or when the writing has failed."""

    async def close(self) -> None:
        """Flush and end."""
