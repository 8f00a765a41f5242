"""Overrides: to see them, and to add and remove them without an editor."""

from msgspec import Struct

from mtasts_resolver.answers.overrides import NoRoomError, NotAddedError
from mtasts_resolver.config import parse_end_time
from mtasts_resolver.control.api.endpoint import Call, Endpoint, RefusedError
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.overrides import (
    ChangedOverride,
    NewOverride,
    OverrideList,
    ShownOverride,
)
from mtasts_resolver.control.views.overrides import show_override, view_overrides
from mtasts_resolver.postfix.override import Override, parse_override, parse_pattern
from mtasts_resolver.store.overridefile import MAX_ADDED


class OverridePath(Struct, frozen=True, kw_only=True):
    """Which override."""

    pattern: str
    """As `override list` shows it."""


async def _list(call: Call) -> OverrideList:
    return await view_overrides(call.sources)


async def _add(call: Call) -> ChangedOverride:
    sources, override = call.sources, _parsed(call)
    if override.lapsed(sources.clock.wall()):
        raise RefusedError(422, f"until {call.body.until!a}: that time is over")
    before = _in_force(sources, override.pattern)
    try:
        await sources.overrides.add(override)
    except NoRoomError:
        raise RefusedError(
            409,
            f"there are {MAX_ADDED:,} that were added",
            "remove some; for so many a table of Postfix that is asked first is the better place",
        ) from None
    except OSError as error:
        raise _unwritable(sources, error) from None
    now = _in_force(sources, override.pattern)
    return ChangedOverride(pattern=override.pattern, before=before, now=now)


async def _remove(call: Call) -> ChangedOverride:
    sources = call.sources
    try:
        pattern = parse_pattern(call.params.pattern)
    except ValueError as error:
        raise RefusedError(422, f"pattern {call.params.pattern[:60]!a}: {error}") from None
    before = _in_force(sources, pattern)
    try:
        await sources.overrides.remove(pattern, call.peer.name)
    except NotAddedError as error:
        if error.configured:
            raise RefusedError(
                409,
                f"the override of {pattern} is one of the configuration",
                "remove it there, and reload; or add one with the action live to it",
            ) from None
        raise RefusedError(
            404, f"there is no override of {pattern}", "see 'mtasts-resolver override list'"
        ) from None
    except OSError as error:
        raise _unwritable(sources, error) from None
    return ChangedOverride(pattern=pattern, before=before, now=_in_force(sources, pattern))


def _parsed(call: Call) -> Override:
    new: NewOverride = call.body
    try:
        return parse_override(
            pattern=new.pattern,
            action=new.action,
            policy=new.policy,
            reason=new.reason,
            until=None if new.until is None else parse_end_time(new.until),
            user=call.peer.name,
            added=float(int(call.sources.clock.wall())),  # as the file has it
        )
    except ValueError as error:
        raise RefusedError(422, str(error)) from None


def _unwritable(sources: Sources, error: OSError) -> RefusedError:
    return RefusedError(
        503,
        f"{sources.overrides.file.path} cannot be written: {error.strerror or error}",
        "nothing was changed; mend that, or write it into the configuration and reload",
    )


def _in_force(sources: Sources, pattern: str) -> ShownOverride | None:
    override = sources.overrides.of(pattern)
    return None if override is None else show_override(override, sources)


ENDPOINTS = (
    Endpoint(
        "GET", "/v1/overrides", "overrides", "All overrides, by pattern.", _list, OverrideList
    ),
    Endpoint(
        "POST",
        "/v1/overrides",
        "override_add",
        "Add an override, in place of one that was added for the same pattern.",
        _add,
        ChangedOverride,
        body=NewOverride,
    ),
    Endpoint(
        "DELETE",
        "/v1/overrides/{pattern}",
        "override_remove",
        "Remove an override that was added.",
        _remove,
        ChangedOverride,
        params=OverridePath,
    ),
)
