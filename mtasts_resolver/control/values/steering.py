"""What an administrator may have done to domains, and what comes of it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from mtasts_resolver.control.values.domains import DaneName, ModeName

RefreshOutcome = Literal["unchanged", "changed", "found", "absent", "gone", "failed", "refused"]
WarmOutcome = Literal["known", "found", "absent", "failed", "refused"]

MAX_KEYS = 10_000  # in one request: what one body holds
Keys = Annotated[
    tuple[Annotated[str, Meta(max_length=1_024)], ...],
    Meta(max_length=MAX_KEYS, description="Domains, or next hops as `[host]:port`."),
]


class RefreshRequest(Struct, frozen=True, kw_only=True):
    """Which policies are to be fetched again now: those named, or one of the others."""

    domains: Keys = ()
    all: Annotated[bool, Meta(description="All policies.")] = False
    failing: Annotated[bool, Meta(description="All that could not be fetched again.")] = False


class PolicyState(Struct, frozen=True, kw_only=True):
    """A policy as it is held."""

    mode: ModeName
    id: str
    mx: tuple[str, ...]
    max_age: int
    fetched: str
    expires: str
    document: str


class Refreshed(Struct, frozen=True, kw_only=True):
    """What came of looking at a domain again."""

    domain: str
    outcome: RefreshOutcome
    """`found`: there was no policy before; `absent`: nor is there now; `gone`: there was one, and
    it is over; `refused`: nobody has looked, for the reason given."""
    before: PolicyState | None = None
    after: PolicyState | None = None
    dane_before: DaneName | None = None
    dane_after: DaneName | None = None
    code: str | None = None
    reason: str | None = None
    total: int
    """How many domains were to be looked at when this began."""


class WarmRequest(Struct, frozen=True, kw_only=True):
    """Of what the answers are to be known before mail comes."""

    keys: Keys


class Warmed(Struct, frozen=True, kw_only=True):
    """What is known now."""

    key: str
    """As it was given."""
    outcome: WarmOutcome
    """`known`: already; `found`: a policy, or DANE; `absent`: neither; `refused`: nobody has
    looked, for the reason given."""
    mode: ModeName | None = None
    dane: DaneName | None = None
    code: str | None = None
    reason: str | None = None


class PurgeRequest(Struct, frozen=True, kw_only=True):
    """What is to be forgotten."""

    domains: Keys = ()
    all: Annotated[bool, Meta(description="Everything.")] = False


class Purged(Struct, frozen=True, kw_only=True):
    """A domain of which nothing is known any more."""

    domain: str
    known: bool
    """Something was known."""
    lost: ModeName | None
    """The mode of the policy that is lost; None where there was none."""
