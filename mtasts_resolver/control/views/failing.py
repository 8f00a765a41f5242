"""The policies that fail: that could not be fetched again, and hold until they expire."""

from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.views.times import wall_of


async def earliest_expiry(sources: Sources) -> float | None:
    """Return when the first of them expires, by the wall clock; None where there is none."""
    earliest: float | None = None
    async for domain in bites(sources.sts.failing.domains()):
        entry = sources.sts.cache.get(domain)
        if entry is not None and entry.stored is not None:
            earliest = entry.until if earliest is None else min(earliest, entry.until)
    return None if earliest is None else wall_of(earliest, sources.clock)
