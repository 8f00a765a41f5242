"""Which domain is meant by what somebody typed."""

from collections.abc import Iterable

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.control.api.endpoint import RefusedError
from mtasts_resolver.control.guest import bites
from mtasts_resolver.policy import NextHop, parse_next_hop


def hop_of(key: str) -> NextHop:
    """Return the next hop that `key` stands for. Raise RefusedError where no policy can apply."""
    hop = parse_next_hop(key)
    if hop is None:
        raise RefusedError(
            422, f"{quote(key)} is no domain, and no host that a policy could apply to"
        )
    return hop


async def hops_of(keys: Iterable[str]) -> dict[NextHop, None]:
    """Return those that all of `keys` stand for, each once, in their order. Raise RefusedError."""
    hops: dict[NextHop, None] = {}
    async for key in bites(keys):
        hops[hop_of(key)] = None
    return hops
