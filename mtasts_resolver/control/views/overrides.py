"""Overrides, as the API, the page and metrics show them."""

from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.overrides import (
    OverrideCounts,
    OverrideList,
    ShownOverride,
)
from mtasts_resolver.policy import NextHop
from mtasts_resolver.postfix.override import Override


async def view_overrides(sources: Sources) -> OverrideList:
    """Return all there are; where there are many, after some turns."""
    overrides = sources.overrides
    shown = [show_override(override, sources) async for override in bites(overrides)]
    return OverrideList(
        overrides=tuple(shown),
        file=str(overrides.file.path),
        faults=overrides.faults,
    )


async def count_overrides(sources: Sources) -> OverrideCounts:
    """Return how many there are."""
    shown = await view_overrides(sources)
    counting = [override for override in shown.overrides if override.in_force]
    return OverrideCounts(
        in_force=len(counting),
        weakening=sum(override.weakens for override in counting),
        ends_soon=sum(override.state == "ends-soon" for override in counting),
        lapsed=sum(override.state == "lapsed" for override in shown.overrides),
        faults=shown.faults,
    )


def view_override(sources: Sources, hop: NextHop) -> ShownOverride | None:
    """Return the override that counts for a next hop."""
    override = sources.overrides.find(hop)
    return None if override is None else show_override(override, sources)


def show_override(override: Override, sources: Sources) -> ShownOverride:
    """Return `override` as it stands now."""
    return ShownOverride(
        pattern=override.pattern,
        action=override.action,
        policy=override.text or None,
        reason=override.reason,
        until=None if override.until is None else timestamp(override.until),
        origin=override.origin,
        user=override.user or None,
        added=None if override.added is None else timestamp(override.added),
        state=sources.overrides.state(override),
        weakens=override.weakens,
    )
