"""What is to be published: from what is out there, and from what an administrator asks for."""

from datetime import datetime

from msgspec import Struct

from mtasts_resolver.policy import Mode, Policy
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.published.publication.policyfile import (
    PublicationError,
    fitted_by_none,
    means_the_same,
    without_host,
    write_policy,
)
from mtasts_resolver.published.publication.policyid import fresh_id, is_later
from mtasts_resolver.published.publication.standing import (
    FIRST_MAX_AGE,
    LASTING_MAX_AGE,
    TESTING_MAX_AGE,
    Stage,
    Standing,
)
from mtasts_resolver.published.publication.tlsrpt import report_record, usable_uris
from mtasts_resolver.published.publication.zonefile import ZoneRecord, txt_record


class Wishes(Struct, frozen=True, kw_only=True):
    """What an administrator asks for; all else follows from what is out there."""

    mx: tuple[str, ...] = ()
    """The mx patterns; empty: as DNS has the MX hosts."""
    mode: Mode | None = None
    max_age: int | None = None
    reports: tuple[str, ...] = ()
    """URIs; empty: as they are, else a mailbox of the domain."""
    policy_host: str = ""
    """The name that `mta-sts.<domain>` becomes an alias of."""
    policy_id: str = ""
    """The id; empty: that of the document where it has one, else a fresh one."""
    new_id: bool = False
    """Give a fresh id to a document that is out there already."""
    retire: bool = False
    """Go the way back."""


class Publication(Struct, frozen=True, kw_only=True):
    """A policy, and the records that belong to it."""

    domain: str
    policy: Policy
    policy_id: str
    reports: tuple[str, ...]

    @property
    def record_text(self) -> str:
        return f"v=STSv1; id={self.policy_id};"

    @property
    def policy_record(self) -> ZoneRecord:
        """The record that says there is a policy, and which one (RFC 8461 §3.1)."""
        return txt_record(f"_mta-sts.{self.domain}", self.record_text)

    @property
    def report_record(self) -> ZoneRecord:
        """The record that says where reports go (RFC 8460 §3)."""
        return txt_record(f"_smtp._tls.{self.domain}", report_record(self.reports))

    @property
    def records(self) -> tuple[ZoneRecord, ...]:
        return self.policy_record, self.report_record


class Patterns(Struct, frozen=True, kw_only=True):
    """Which mx patterns a domain needs, now and at last."""

    now: tuple[str, ...]
    """Those of every host that gets mail now, or will: a policy with them holds no mail."""
    last: tuple[str, ...]
    """Those that are left when mail has moved."""
    outside: tuple[str, ...] = ()
    """MX hosts that the policy out there does not name: strict senders hold mail for them."""
    hostless: tuple[str, ...] = ()
    """Those of the policy out there that no MX host fits."""
    moving: bool = False
    """Whether mail is to move to other hosts, which are to be in the policy first."""


def find_patterns(standing: Standing, wishes: Wishes) -> Patterns:
    """Return the mx patterns that are needed.

    One that is out there stays as its owner chose it, at last if a host fits it. Where others are
    asked for, those of the present MX hosts stay until mail has moved.
    """
    hosts = standing.hosts
    published = standing.shown.mx if standing.shown is not None else ()
    hostless = without_host(published, hosts)
    if wishes.mx:
        last = wishes.mx
        leaving = fitted_by_none(hosts, last)
        now = (*last, *leaving)
    else:
        leaving = ()
        now = (*published, *fitted_by_none(hosts, published))
        last = tuple(mx for mx in now if mx not in hostless)
    known = hosts if standing.policy is None else published
    return Patterns(
        now=tuple(dict.fromkeys(now)),
        last=tuple(dict.fromkeys(last)),
        outside=fitted_by_none(hosts, known),
        hostless=hostless,
        moving=bool(leaving),
    )


class Writer:
    """Writes the publications of one domain, each with an id that no other has."""

    def __init__(
        self,
        observed: Observed,
        standing: Standing,
        wishes: Wishes,
        now: datetime,
        written: Publication | None = None,
    ) -> None:
        """Take what is out there; `written` is what was written before, and may be nowhere yet."""
        self._domain = observed.domain
        self._standing = standing
        self._now = now
        self._written = written
        self._fresh = wishes.new_id
        self._given: list[tuple[Policy, str]] = []
        before = usable_uris(standing.reports) or (written.reports if written else ())
        mailbox = f"mailto:tls-reports@{observed.domain}"
        self._reports = wishes.reports or before or (mailbox,)

    def write(
        self, mode: Mode, max_age: int, mx: tuple[str, ...], policy_id: str = ""
    ) -> Publication:
        """Return the publication of a policy. Raise PublicationError."""
        policy = write_policy(mode, max_age, () if mode is Mode.NONE else mx)
        published = self._standing.shown
        if published is not None and means_the_same(policy, published):
            own = published.document
            if own.isascii() and all(line.isprintable() for line in published.lines):
                policy = published  # with its owner's own fields and order
        if policy_id:
            self._given.append((policy, policy_id))
        return Publication(
            domain=self._domain,
            policy=policy,
            policy_id=policy_id or self._id(policy),
            reports=self._reports,
        )

    def _id(self, policy: Policy) -> str:
        """Return the id that stands for this document already, or a fresh one."""
        published, written = self._standing, self._written
        if not self._fresh:
            # Somebody may have put the file in place, and not yet the record. An id that is out
            # there with another document is used up: senders may know that one by it.
            if (
                written is not None
                and means_the_same(written.policy, policy)
                and is_later(written.policy_id, published.policy_id)
            ):
                return written.policy_id
            current = published.shown
            if published.policy_id and current and means_the_same(current, policy):
                return published.policy_id
        for given, policy_id in self._given:
            if means_the_same(given, policy):
                return policy_id
        used = [published.policy_id, written.policy_id if written else ""]
        fresh = fresh_id(self._now, [*used, *(policy_id for _, policy_id in self._given)])
        self._given.append((policy, fresh))
        return fresh


def usual_max_age(mode: Mode, stage: Stage) -> int:
    """Return the max_age that a policy is given which is new in this mode."""
    if mode is not Mode.ENFORCE:
        return TESTING_MAX_AGE
    return LASTING_MAX_AGE if stage in (Stage.ENFORCED, Stage.LASTING) else FIRST_MAX_AGE


def as_it_stands(
    standing: Standing, wishes: Wishes, patterns: Patterns, writer: Writer
) -> Publication:
    """Return what should be out there at the stage where the domain is, of the present MX hosts."""
    published = standing.shown
    mode = wishes.mode or (published.mode if published is not None else Mode.TESTING)
    if wishes.retire:
        mode = Mode.NONE
    same_mode = published is not None and published.mode is mode
    max_age = wishes.max_age
    if max_age is None:
        max_age = (
            published.max_age
            if published is not None and same_mode
            else usual_max_age(mode, standing.stage)
        )
    if not patterns.now and mode is not Mode.NONE:
        raise PublicationError("there is no MX host to name; name the hosts to be with --mx")
    return writer.write(mode, max_age, patterns.now, wishes.policy_id)
