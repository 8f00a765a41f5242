"""The report as a value: what all its forms are made of, and what `--json` prints.

Each figure says of how many it is how many, and how it was found. Nothing is left out silently:
what could not be told is in `unknown`, what did not fit into a table in its `others`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

FORMAT = 1
"""Counted up when a program that reads an older one would be wrong."""


class ReportPeriod(Struct, frozen=True):
    """From `since` to before `until`; ISO 8601 with the zone's offset."""

    since: str
    until: str
    seconds: float
    """How long that is."""
    zone: str
    """The zone's name, such as `Europe/Berlin`."""


class ReportInput(Struct, frozen=True, kw_only=True):
    """Something that was read."""

    name: str
    """Its path, `-`, or `journal`."""
    kind: str
    """`log`, `journal`, `tls-report`, `history`, `postfix-configuration`, `published`."""
    sha256: str
    """Of its bytes as they lie there, packed or not; empty for what is no file."""
    bytes: int
    lines: int
    first: str | None
    """The time of its first and last line; None where there is none."""
    last: str | None
    problem: str = ""
    """Why it could not be read to its end, or at all."""
    left_out: str = ""
    """Why it was not read, though it could have been: nothing is missing for that."""
    repeated: int = 0
    """So many lines of Postfix another input has, too: they were counted once."""


class LogGap(Struct, frozen=True, kw_only=True):
    """A hole in the logs."""

    host: str
    since: str
    until: str
    seconds: float
    lines: int | None
    """So many are known to be lost; None where that is not known."""
    why: str
    """`silence`: nothing was logged for far longer than is usual. `dropped`: the log says so."""


class Figure(Struct, frozen=True, kw_only=True):
    """So many of so many."""

    key: str
    """Stable, for programs: `outbound-encrypted`."""
    title: str
    numerator: int
    denominator: int
    unknown: int = 0
    """Of those that would be in the denominator, how many could not be told."""
    how: str
    """How it was found, in a sentence: what counts as what."""
    aim: float | None = None
    """The share that it should have: 1.0 for all, 0.0 for none."""

    @property
    def share(self) -> float | None:
        """Return the share, None of nothing."""
        return self.numerator / self.denominator if self.denominator else None


WATCHED_FIGURES = (
    "enforced-verified",
    "outbound-encrypted",
    "policies-retrieved",
    "enforcement-failures",
)
"""The keys of the four that auditors watch, which every report has: of the deliveries to domains
that enforce TLS, those that were verified; of all deliveries, those that were encrypted; of the
retrievals of a policy, those that brought a valid one; of the attempts to deliver to domains that
enforce TLS, those that TLS held (`aim` 0.0)."""


class CountedRow(Struct, frozen=True):
    """How often something was seen."""

    name: str
    count: int


class DirectionCounts(Struct, frozen=True, kw_only=True):
    """Messages in one direction, over the network."""

    deliveries: int
    """Outgoing: recipients that a message was handed on for (`status=sent`). Incoming: messages."""
    encrypted: int
    plain: int
    unknown: int
    doubts: tuple[CountedRow, ...]
    """Why those are unknown, or their level is."""
    levels: tuple[CountedRow, ...]
    versions: tuple[CountedRow, ...]
    ciphers: tuple[CountedRow, ...]
    key_exchanges: tuple[CountedRow, ...]
    post_quantum: int
    """Encrypted deliveries whose key exchange withstands a quantum computer (ML-KEM)."""
    local: int
    """Not counted above: to or from this host itself."""
    submissions: int = 0
    """Not counted above: from users who have logged in."""
    attempts_failed: int = 0
    """Outgoing: attempts that were deferred or bounced, for whatever reason."""
    by_day: tuple["DayCounts", ...] = ()
    """Each day with something on it. What has no date is in none of them, but in the totals."""


class DayCounts(Struct, frozen=True):
    """One day, in the report's zone."""

    day: str
    encrypted: int
    plain: int
    unknown: int
    verified: int
    held: int
    """Attempts that TLS held."""


class DomainCounts(Struct, frozen=True, kw_only=True):
    """Deliveries to, or from, one domain (incoming: the client's host)."""

    domain: str
    deliveries: int
    encrypted: int
    verified: int
    plain: int
    unknown: int
    enforced: str = ""
    """By whose word TLS is enforced there: `mta-sts`, `dane`, `override`; `postfix` where only its
    log shows that it is; empty if nobody's, or unknown."""
    at_least: bool = False
    """It may have more, among the `(others)`: it was rare while there were too many to count."""


class UnverifiedDelivery(Struct, frozen=True, kw_only=True):
    """A message that went out unverified to a domain where TLS was enforced then."""

    at: str
    domain: str
    mx: str
    address: str
    host: str
    """That logged it."""
    queue_id: str
    level: str
    """Which it went over: `none`, `anonymous`, `untrusted`, `trusted`."""
    enforced: str
    """By whose word, as in DomainCounts."""
    evidence: str
    """What shows both, in words."""


class EnforcementFailure(Struct, frozen=True, kw_only=True):
    """Mail to a domain that TLS held, by host and cause."""

    domain: str
    mx: str
    """The MX host; empty where nobody was connected to."""
    cause: str
    """Of maillog.events.Cause."""
    attempts: int
    messages: int
    """Messages times recipients that it held."""
    delivered: int
    """Of those, how many went out later."""
    bounced: int
    waiting: int
    """Neither, as far as the log goes."""
    gone: int = 0
    """Left the queue, and no line says how: deleted by hand, or the line is missing. Messages are
    those delivered, bounced, waiting and gone."""
    first: str
    last: str
    longest: float
    """Seconds that the longest of them has waited, as far as is known."""
    reason: str
    """Postfix's words, of the last."""
    enforced: str = ""


DOWNGRADES: Mapping[str, str] = MappingProxyType(
    {
        "tls-vanished": "encryption is no longer offered",
        "level-fell": "protection has become weaker",
        "policy-weakened": "the policy has become weaker",
        "policy-vanished": "the policy is gone, while the one that was kept still holds",
        "certificate-failing": "the certificate has changed, and deliveries fail since",
    }
)
"""What each kind of a Downgrade is a sign of."""


class Downgrade(Struct, frozen=True, kw_only=True):
    """A sign that somebody strips protection, or that it was lost: never a proof."""

    kind: str
    """`tls-vanished`, `level-fell`, `policy-weakened`, `policy-vanished`, `certificate-failing`."""
    about: str
    """The domain or host."""
    at: str
    before: str
    """What was, with its counts."""
    after: str
    evidence: tuple[str, ...]
    """What shows it, in words, with times."""


class UnencryptedRow(Struct, frozen=True, kw_only=True):
    """Deliveries in plain text, by domain and direction."""

    inbound: bool
    domain: str
    host: str
    deliveries: int
    first: str
    last: str


class PolicyRetrieval(Struct, frozen=True, kw_only=True):
    """How the daemon's discoveries ended in the period."""

    fetched: int
    """Policies that were fetched and are valid."""
    failed: tuple[CountedRow, ...]
    """By the codes of docs/logs.md."""
    absent: int
    """Domains that publish no policy: neither a success nor a failure."""
    source: str
    """Where that is known from."""
    since: str | None
    """Since when that is counted, if it is later than the period's beginning."""


class OwnDomainRow(Struct, frozen=True, kw_only=True):
    """Something that the daemon, which checks domains of one's own, found otherwise than before."""

    domain: str
    at: str
    what: str
    """`record`, `reports` (the record for them), `policy`, `mx`, `certificate`, `findings`."""
    event: str
    """`found`, `changed`, `gone`; of findings `appeared`, `mended`."""
    host: str
    """Of a certificate."""
    reason: str
    """What was found."""


class TlsReportRow(Struct, frozen=True, kw_only=True):
    """Sessions that senders report of one policy domain of ours, by kind of failure."""

    organization: str
    domain: str
    policy_type: str
    """`sts`, `tlsa`, `no-policy-found`."""
    failure: str
    """The result type of RFC 8460 §4.3; empty for sessions that were well."""
    mx: str
    sessions: int
    first: str
    last: str
    reason: str = ""
    mode: str = ""
    """Of the MTA-STS policy, by the last report: `enforce` holds mail, `testing` does not."""


class TlsReports(Struct, frozen=True, kw_only=True):
    """What others report about us (RFC 8460)."""

    reports: int
    duplicates: int
    """Reports of the same organization and id: counted once."""
    successful: int
    """Sessions, not mails: many may go through one, and one may take several."""
    failed: int
    rows: tuple[TlsReportRow, ...]
    unread: tuple[CountedRow, ...]
    """What could not be read, and how often, in words."""
    oddities: tuple[CountedRow, ...]
    """What breaks RFC 8460 and was read all the same."""
    left_out: int = 0
    """Reports of another period, about other domains, or, if so wanted, that nobody vouches for."""
    signers: tuple[CountedRow, ...] = ()
    """Domains that signed the mails of so many of these reports, by the word of a mail server that
    is trusted. For the others nobody vouches: anybody can have sent them."""


class ControlVerdict(StrEnum):
    """Whether a control is met."""

    MET = "met"
    NOT_MET = "not-met"
    UNKNOWN = "cannot-be-told"


class ControlEvidence(Struct, frozen=True):
    """One thing that speaks for or against."""

    speaks: str
    """`for`, `against`; `gap`, which leaves the verdict open; `note`, which changes nothing."""
    text: str
    source: str
    """Where it is from: a figure's key, a finding's code, a file."""


class ControlResult(Struct, frozen=True, kw_only=True):
    """What the evidence says of one control."""

    id: str
    title: str
    demands: str
    """In plain words."""
    verdict: ControlVerdict
    why: str
    evidence: tuple[ControlEvidence, ...]
    to_add: tuple[str, ...]
    """What software cannot show, and the organisation must add."""


class FigureChange(Struct, frozen=True, kw_only=True):
    """A figure beside that of the period before."""

    key: str
    title: str
    before: float | None
    """Its share then, or its number."""
    now: float | None
    better: bool | None
    """None where it is the same, or neither."""
    number: bool = False
    """How many, not a share."""


class UnknownLine(Struct, frozen=True):
    """A kind of line that is not known, and how often."""

    text: str
    """One of them, bounded."""
    count: int


class EvidenceReport(Struct, frozen=True, kw_only=True):
    """All of it."""

    format: int
    made_at: str
    version: str
    """Of this program."""
    host: str
    """The host that it was made on."""
    period: ReportPeriod
    previous: ReportPeriod | None
    domains: tuple[str, ...]
    """It is of these alone; empty for all."""
    inputs: tuple[ReportInput, ...]
    hosts: tuple[str, ...]
    """That logged."""
    postfix_versions: tuple[str, ...]
    gaps: tuple[LogGap, ...]
    lines: int
    lines_unknown: int
    unknown_lines: tuple[UnknownLine, ...]
    undated: int = 0
    """What has no time, and so may be of the period or not: it is in no count."""
    figures: tuple[Figure, ...]
    outbound: DirectionCounts
    inbound: DirectionCounts
    outbound_domains: tuple[DomainCounts, ...]
    """The most first, bounded; what is beyond is one row with the domain `(others)`."""
    inbound_hosts: tuple[DomainCounts, ...]
    unverified: tuple[UnverifiedDelivery, ...] = ()
    """What must not be: the first of them, bounded; how many there are, `enforced-verified` says.
    The most important table, if there is anything in it."""
    failures: tuple[EnforcementFailure, ...]
    inbound_failures: tuple[CountedRow, ...]
    """TLS that clients could not begin with us, by reason."""
    lookups: tuple[CountedRow, ...]
    """Look-ups in a policy table that failed, by reason."""
    retrieval: PolicyRetrieval | None
    """None where the daemon could not be asked."""
    retrieval_problem: str
    daemon_notes: tuple[str, ...] = ()
    """What must be known of what the daemon told: how far back it knows, what not, and why."""
    downgrades: tuple[Downgrade, ...]
    unencrypted: tuple[UnencryptedRow, ...]
    own_domains: tuple[OwnDomainRow, ...] = ()
    """What the daemon's checks of `own_domains` found in the period, the first one first."""
    tls_reports: TlsReports | None
    changes: tuple[FigureChange, ...]
    controls: tuple[ControlResult, ...]
    redacted: str = ""
    """What was made unrecognisable: empty, `addresses` or `domains`."""
    redaction_mark: str = ""
    """Reports with the same have the same pseudonyms: they were redacted with the same key."""
