"""How the daemon is."""

from msgspec import Struct

from mtasts_resolver.control.values.history import WeakenedDomain
from mtasts_resolver.control.values.overrides import OverrideCounts
from mtasts_resolver.control.values.owndomains import OwnDomainSummary


class Listening(Struct, frozen=True, kw_only=True):
    """A socket that look-ups come through."""

    protocol: str
    address: str


class WayInStatus(Struct, frozen=True, kw_only=True):
    """A way in for whoever sees or steers the daemon."""

    name: str
    """`control`, the socket of the commands; or `http`: metrics, health and the status page."""
    address: str | None
    """Null while nobody can listen there."""
    trouble: str | None
    """Why nobody is served there at present."""


class AnswerCount(Struct, frozen=True, kw_only=True):
    """How often an answer was given in a map."""

    map: str
    """In lower case; `(tcp_table)` and `(unknown)` stand for what has no such name."""
    answer: str
    """The first word that Postfix got, in lower case."""
    would_be: str
    """The answer in whose place it was given, where the map only observes; else empty."""
    count: int


class Lookups(Struct, frozen=True, kw_only=True):
    """Look-ups since the start."""

    total: int
    answers: tuple[AnswerCount, ...]
    """The most frequent first."""
    waited: int
    """Those that memory could not answer at once."""
    overloaded: int
    timed_out: int
    unknown_map: int
    bad_requests: int
    connections: int
    """Open now."""


class PolicyCounts(Struct, frozen=True, kw_only=True):
    """Policies in memory."""

    enforce: int
    testing: int
    none: int
    absent: int
    """Domains that are known to have no policy."""
    failing: int
    """Those that could not be fetched again."""
    expires_soonest: str | None
    """Of the failing ones, when the first expires."""
    memory_bytes: int


class DaneStatus(Struct, frozen=True, kw_only=True):
    """Whether DANE takes part, and on whose word."""

    dnssec: str
    """`validated`, `not-validated`, `unknown` or `off`."""
    why: str
    required: int
    """Next hops of which each MX host can be verified."""
    partial: int
    unknown: int
    none: int


class StoreStatus(Struct, frozen=True, kw_only=True):
    """Where policies outlive the daemon."""

    url: str
    trouble: str | None
    """Why nothing can be written at present."""
    pending: int
    """Changes that wait to be written."""
    history_trouble: str | None
    """Why no change can be kept in the history at present. No answer depends on it."""
    history_pending: int
    """Changes that wait to be written there."""


class DiscovererStatus(Struct, frozen=True, kw_only=True):
    """The process that asks DNS and policy hosts."""

    pid: int | None
    """Null while there is none."""
    restarts: int
    discoveries: int
    dane_discoveries: int
    dns_failures: int
    fetches: int
    fetch_failures: int


class ConfigurationStatus(Struct, frozen=True, kw_only=True):
    """The configuration in force."""

    file: str | None
    """Null where the defaults are in force."""
    loaded: str
    faulty: bool
    """The file is no use, and an older configuration is in force."""
    restart_needed: tuple[str, ...]
    """Keys that were changed and take effect at the next start."""


class TroubleLine(Struct, frozen=True, kw_only=True):
    """A line of the log, of level warning or error."""

    time: str
    level: str
    event: str
    fields: dict[str, str | int | float | bool | None]


class DaemonStatus(Struct, frozen=True, kw_only=True):
    """How the daemon is, at a glance."""

    version: str
    pid: int
    started: str
    now: str
    listening: tuple[Listening, ...]
    ways_in: tuple[WayInStatus, ...]
    lookups: Lookups
    policies: PolicyCounts
    dane: DaneStatus
    store: StoreStatus
    discoverer: DiscovererStatus
    configuration: ConfigurationStatus
    weakened_domains: int
    """Domains to which mail is less protected than it was in the last 30 days."""
    weakened: tuple[WeakenedDomain, ...]
    """The latest of them."""
    trouble: dict[str, str]
    """Why a part is not well: `dns`, `discoverer`, `store`; empty where `/readyz` says `ok`."""
    observing: tuple[str, ...]
    """The maps that only observe."""
    overrides: OverrideCounts
    own_domains: tuple[OwnDomainSummary, ...]
    warnings: int
    """Lines of the log since the start."""
    errors: int
    recent: tuple[TroubleLine, ...]
    """The last of these lines, the newest first."""
