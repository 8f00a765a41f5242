"""What has changed, and what was at a time."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

_WEAKENINGS: Mapping[str, str] = MappingProxyType(
    {
        "mode": "the policy is not enforced any more",
        "mx": "the policy allows hosts that it did not",
        "record-gone": "there is no policy record any more; the cached policy applies until it"
        " expires",
        "expired": "the policy has expired, and there is no other",
        "dane-lost": "not every host can be verified with TLSA records any more",
    }
)


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One change."""

    number: int
    """Later changes have higher numbers, whatever the clock says."""
    time: str
    domain: str
    """Empty for what holds for all: the daemon's start and end, its configuration, DNSSEC."""
    subject: str
    """`policy`, `record`, `refresh`, `dane`, `answer`, `override` or `daemon`; of one of
    `own_domains` `own-record`, `own-reports`, `own-policy`, `own-mx`, `own-certificate` or
    `own-findings`."""
    event: str
    """What happened, in a word: of an answer and of DANE, what it is now."""
    hop: str
    """The next hop of an answer and of DANE's finding; the pattern of an override; the host of a
    certificate."""
    map: str
    """The map of an answer, `(tcp_table)` or `(unknown)` where it has no name, or is none."""
    was: str | None
    """What was until then: null for nothing."""
    now: str | None
    was_id: str | None
    """The id of a policy."""
    now_id: str | None
    difference: tuple[str, ...]
    """From the one to the other, in lines: `+`, `-` or a space, and the line."""
    weakened: tuple[str, ...]
    """By what it weakens protection: `mode`, `mx`, `record-gone`, `expired`, `dane-lost`."""
    reason: str
    by: str
    """The user who did it, where it was one."""
    given: bool
    """Of an answer: a look-up got it. Else it is what the next one would get."""
    seen: str | None
    """When a look-up got the same answer again, the last time that this was noted."""


class BriefChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change in a few words, for whoever reads all of them."""

    number: int
    time: float
    """Seconds since 1970."""
    domain: str
    subject: str
    event: str
    hop: str = ""
    map: str = ""
    now: str | None = None
    """What is from now on: an answer's first word, a policy's mode (empty where its text was cut),
    the status of DANE, an override as a whole, the code of a failure. Where it weakens protection,
    the whole, in lines, up to 2,000 characters."""
    was: str | None = None
    weakened: tuple[str, ...] = ()
    reason: str = ""
    given: bool = True
    seen: float | None = None
    """Seconds since 1970."""


class HistoryPage(Struct, frozen=True, kw_only=True):
    """Some changes, the latest first."""

    changes: tuple[HistoryEntry, ...]
    next: int | None
    """What `below` is to be for the next page; null at the end."""


class WeakenedDomain(Struct, frozen=True, kw_only=True):
    """Mail to a domain is less protected than it was lately."""

    domain: str
    weakened: tuple[str, ...]
    """By what, as in HistoryEntry."""
    since: str


class PastPolicy(Struct, frozen=True, kw_only=True):
    """The policy that was cached."""

    mode: str | None
    """Null where its text is too long to be kept as a whole."""
    id: str | None
    text: str
    since: str | None
    """Null where it was cached already when its history begins."""


class PastDane(Struct, frozen=True, kw_only=True):
    """What was known of DANE at a next hop."""

    hop: str
    status: str
    hosts: tuple[str, ...]
    since: str | None


class PastOverride(Struct, frozen=True, kw_only=True):
    """What an administrator had decided for a next hop."""

    pattern: str
    answer: str
    """`skip`, `live`, or what Postfix is told."""
    until: str | None
    since: str
    reason: str


class PastAnswer(Struct, frozen=True, kw_only=True):
    """What Postfix got, or would have got, of a next hop in some maps."""

    hop: str
    maps: tuple[str, ...]
    answer: str | None
    """Its first word; null where it cannot be told."""
    text: str
    given: bool
    """A look-up got it, and nothing had changed. Else nobody is known to have asked since something
    changed: it is what the daemon would have answered."""
    since: str | None
    """When it became the answer; where it is none that was given, when the last one was."""
    seen: str | None
    """When a look-up got it again, the last time that this was noted."""
    why: str


class PastState(Struct, frozen=True, kw_only=True):
    """What was known of a domain at a time, and what Postfix got."""

    domain: str
    time: str
    running: bool | None
    """Whether the daemon ran then; null where that is not known."""
    running_since: str | None
    """When it was started; where it did not run, when it was stopped."""
    answers: tuple[PastAnswer, ...]
    policy: PastPolicy | None
    override: PastOverride | None
    """Of the next hop that was asked for."""
    record: str
    """Why there was no usable policy record, while a policy was cached."""
    refresh: str
    """Why the policy could not be fetched again."""
    dane: tuple[PastDane, ...]
    dnssec: str
    """Whether DANE took part: `dnssec-validated` or `dnssec-unavailable`, empty if not known."""
    history_begins: str | None
    """The first change of the domain that is kept."""


def weakening_in_words(weakening: str) -> str:
    """Return how a change weakens protection, for people."""
    return _WEAKENINGS.get(weakening, weakening)
