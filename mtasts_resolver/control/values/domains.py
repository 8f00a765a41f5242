"""What is known of each domain."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from mtasts_resolver.control.values.overrides import ShownOverride

ModeName = Literal["enforce", "testing", "none"]
ModeFilter = Literal["policies", "enforce", "testing", "none", "absent", "all"]
DaneName = Literal["required", "partial", "unknown", "none", "off"]
SortKey = Literal["domain", "mode", "expires", "fetched", "due", "used", "failing"]

Seconds = Annotated[float, Meta(ge=0)]

# A page is put together in memory, and looked at by a person or a program that turns pages.
MAX_PAGE = 1_000
MAX_PATTERN = 255  # characters: as long as a domain
MAX_CURSOR = 1_024  # characters, of which a domain takes a third


class DomainFilter(Struct, frozen=True, kw_only=True):
    """Which domains are meant; all that is said must be so."""

    mode: Annotated[
        ModeFilter,
        Meta(
            description="`policies` are those of all three modes, `absent` are domains that are"
            " known to have none, `all` are both."
        ),
    ] = "policies"
    failing: Annotated[
        bool, Meta(description="Only those whose policy could not be fetched again.")
    ] = False
    expires_within: Annotated[
        Seconds | None, Meta(description="Only those that expire within so many seconds.")
    ] = None
    unused_for: Annotated[
        Seconds | None,
        Meta(description="Only those that no look-up has asked for in so many seconds."),
    ] = None
    matching: Annotated[
        Annotated[str, Meta(max_length=MAX_PATTERN)] | None,
        Meta(
            description="Only those that this pattern fits: `*`, `?` and `[...]` as in a shell.",
        ),
    ] = None


class DomainQuery(DomainFilter, frozen=True, kw_only=True):
    """Which domains are meant, and which of them come now."""

    sort: Annotated[SortKey, Meta(description="By what they are in order.")] = "domain"
    descending: Annotated[bool, Meta(description="The other way round.")] = False
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="How many come at most.")] = 100
    after: Annotated[
        Annotated[str, Meta(max_length=MAX_CURSOR)] | None,
        Meta(description="The `next` of the page before."),
    ] = None


class Failing(Struct, frozen=True, kw_only=True):
    """The policy could not be fetched again."""

    since: str
    code: str
    reason: str
    retry: str
    """When it is tried again."""


class DomainSummary(Struct, frozen=True, kw_only=True):
    """What is known of one domain, in a line."""

    domain: str
    mode: ModeName | None
    """None where there is no policy, for the reason that `code` and `reason` tell."""
    id: str | None = None
    """That of the policy record, when the policy was fetched."""
    max_age: int | None = None
    fetched: str | None = None
    due: str | None = None
    """When it is fetched again; None where nobody keeps it current."""
    expires: str
    """When the policy, or what is known instead, no longer holds."""
    used: str
    """The last look-up, to about an hour; of what memory does not hold, to about a day."""
    failing: Failing | None = None
    dane: DaneName | None = None
    """What is known of DANE at its MX hosts; None where nobody has asked lately."""
    answer: str | None = None
    """The first word of what Postfix gets in the map `default`; None where the next look-up must
    find out first."""
    would_be: str | None = None
    """The same of what it would be, where that map only observes."""
    override: str | None = None
    """The pattern of the override that counts for it."""
    code: str | None = None
    reason: str | None = None
    in_memory: bool = True
    """Else only the store holds it."""
    weakened: tuple[str, ...] = ()
    """By what mail to it is less protected than it was lately, as in the history."""


class DomainPage(Struct, frozen=True, kw_only=True):
    """Some domains, in order."""

    domains: tuple[DomainSummary, ...]
    matched: int
    """How many are meant, on all pages."""
    next: str | None = None
    """What `after` must be for the next page; None on the last."""
    incomplete: str | None = None
    """Why those are missing that only the store holds."""


class DaneHost(Struct, frozen=True, kw_only=True):
    """An MX host, or a smart host."""

    name: str
    found: str
    detail: str = ""


class DaneState(Struct, frozen=True, kw_only=True):
    """What is known of DANE at a next hop."""

    status: DaneName
    reason: str
    until: str | None = None
    """Until when memory holds it; None where it was asked for just now, or is off."""
    hosts: tuple[DaneHost, ...] | None = None
    """Each host, asked for just now; None where nobody asked."""


class MapAnswer(Struct, frozen=True, kw_only=True):
    """What Postfix gets in some maps."""

    maps: tuple[str, ...]
    answer: str | None
    """The first word; None where the next look-up must find out first."""
    reply: str | None
    """All of it."""
    why: str
    observed: bool = False
    """These maps only observe."""
    would_be: str | None = None
    """What the reply would be if they did not; None where it is not known."""


class DomainDetails(Struct, frozen=True, kw_only=True):
    """All that is known of one domain."""

    summary: DomainSummary
    now: str
    next_hop: str
    """What was asked for, as Postfix spells it: the domain, or `[host]:port`."""
    mx: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """What stands in an `mx` of the document and can match no MX host."""
    document: str | None = None
    """The policy as it was served."""
    id_checked: str | None = None
    """When a look-up has the policy record looked at again."""
    preloaded: bool = False
    dane: DaneState | None = None
    override: ShownOverride | None = None
    """The one that counts for the next hop."""
    answers: tuple[MapAnswer, ...] = ()
