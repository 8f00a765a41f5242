"""What an administrator has decided for some destinations."""

from typing import Literal

from msgspec import Struct


class NewOverride(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An override to be added, in place of one that was added for the same pattern."""

    pattern: str
    """A domain, a dot and a domain for all below it, or a next hop such as
    `[relay.example]:587`."""
    action: str | None = None
    """`skip`, `encrypt`, `dane`, `dane-only` or `live`; or there is a `policy`."""
    policy: str | None = None
    """A security level of Postfix, and attributes."""
    reason: str
    until: str | None = None
    """When it ends, RFC 3339; a date alone is the end of that day, UTC."""


class ShownOverride(Struct, frozen=True, kw_only=True):
    """An override that there is."""

    pattern: str
    action: Literal["skip", "encrypt", "dane", "dane-only", "live", "policy"]
    policy: str | None
    """The fixed answer, where that is the action."""
    reason: str
    until: str | None
    origin: Literal["configuration", "command"]
    """Where it comes from: the file, or `override add`."""
    user: str | None
    """Who added it."""
    added: str | None
    state: Literal["in-force", "ends-soon", "lapsed", "hidden"]
    """`ends-soon`: in force, for a week at most; `hidden`: of the configuration, while one that was
    added for the same pattern is in force."""
    weakens: bool
    """Mail may go out unverified although a policy, or DANE, would forbid it."""

    @property
    def in_force(self) -> bool:
        return self.state in {"in-force", "ends-soon"}


class OverrideList(Struct, frozen=True, kw_only=True):
    """All overrides, by pattern."""

    overrides: tuple[ShownOverride, ...]
    file: str
    """Where those are kept that were added by command."""
    faults: tuple[str, ...]
    """What is wrong with that file; the last good ones are in force."""


class ChangedOverride(Struct, frozen=True, kw_only=True):
    """What a change did."""

    pattern: str
    before: ShownOverride | None
    """What was in force for it before."""
    now: ShownOverride | None
    """What is in force for it now."""


class OverrideCounts(Struct, frozen=True, kw_only=True):
    """How many overrides there are."""

    in_force: int
    weakening: int
    """Of these, those that may let mail go out unverified."""
    ends_soon: int
    """Of these, those that end within a week."""
    lapsed: int
    faults: tuple[str, ...]
    """What is wrong with the file of those that were added by command."""
