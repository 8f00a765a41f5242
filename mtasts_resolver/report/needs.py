"""What a report asks to be done, of whom, and how soon: the first page of each form for people."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import IntEnum

from msgspec import Struct
from msgspec.structs import replace

from mtasts_resolver.base.spans import span
from mtasts_resolver.evidence.report import (
    DOWNGRADES,
    ControlVerdict,
    EnforcementFailure,
    EvidenceReport,
)
from mtasts_resolver.report.words import (
    CAUSES,
    OUR_CAUSES,
    first_sentence,
    moment,
    number,
    so_many,
)

ABOUT = "{about}"
ROOM_FOR_NAMES = 60
"""Characters of those that the same is to be done about; more make no line easier to read."""
OTHERS = "(others)"
OURS = "our mail administrator"
COMPLIANCE = "whoever keeps the evidence"
_MADE_OF = frozenset({"log", "journal", "tls-report"})
"""Inputs that an administrator can have read again."""
LEAST_UNKNOWN = 0.01  # of all deliveries: fewer change no figure that a person reads


class HowSoon(IntEnum):
    """How soon."""

    NOW = 0
    """Mail waits, or has gone out unprotected."""
    SOON = 1
    LATER = 2


class Need(Struct, frozen=True, kw_only=True):
    """Something that needs doing."""

    urgency: HowSoon
    about: str
    """A domain, a host, a control: that which differs between two of a kind."""
    who_for: str
    what_for: str
    """With `ABOUT` where that stands."""
    why: str

    @property
    def who(self) -> str:
        return self.who_for.replace(ABOUT, self.about)

    @property
    def what(self) -> str:
        return self.what_for.replace(ABOUT, self.about)


def needs(report: EvidenceReport) -> list[Need]:
    """Return what needs doing, the most urgent first."""
    found = [
        *_unverified(report),
        *_held(report),
        *_downgraded(report),
        *_controls(report),
        *_reported(report),
        *_blind(report),
        *_plain(report),
    ]
    return sorted(found, key=lambda need: need.urgency)


def in_short(found: Sequence[Need]) -> list[Need]:
    """Return needs with those that are of a kind made one."""
    kinds: dict[tuple[HowSoon, str, str], list[Need]] = {}
    for need in found:
        kinds.setdefault((need.urgency, need.what_for, need.who_for), []).append(need)
    return [_made_one(alike) for alike in kinds.values()]


def _made_one(alike: Sequence[Need]) -> Need:
    first, names = alike[0], list(dict.fromkeys(need.about for need in alike))
    why = first_sentence(first.why)
    if len(names) > 1:
        why = f"{first.about}: {why}"
    elif len(alike) > 1:
        why = f"{why} And {so_many(len(alike) - 1, 'thing')} more."
    who_for = first.who_for.replace(ABOUT, "each") if len(names) > 1 else first.who_for
    return replace(first, about=_named(names), who_for=who_for, why=why)


def _named(names: Sequence[str]) -> str:
    """Return names in a row, the first at least, with how many there are beyond."""
    lengths = itertools.accumulate(map(len, names))
    fitting = max(1, sum(length <= ROOM_FOR_NAMES for length in lengths))
    more = len(names) - fitting
    shown = [*names[:fitting], *([f"{number(more)} more"] if more else [])]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _unverified(report: EvidenceReport) -> Iterator[Need]:
    domains = Counter(row.domain for row in report.unverified)
    for domain, count in domains.most_common():
        yield Need(
            urgency=HowSoon.NOW,
            about=domain,
            who_for=OURS,
            what_for=f"Find out how mail to {ABOUT} went out unverified",
            why=f"{so_many(count, 'delivery', 'deliveries')} or more, while it had to be verified.",
        )


def _held(report: EvidenceReport) -> Iterator[Need]:
    for row in report.failures:
        if not row.messages:  # another host of the domain has taken them at once
            continue
        ours = row.cause in OUR_CAUSES
        yield Need(
            urgency=HowSoon.NOW if row.waiting else HowSoon.SOON,
            about=row.domain,
            who_for=OURS if ours else f"the mail administrator of {ABOUT}; ours tells them",
            what_for=f"Have mail to {ABOUT} move again"
            if row.waiting
            else f"See to it that mail to {ABOUT} is not held again",
            why=f"{(row.mx or 'TLS')} held {so_many(row.messages, 'message')}:"
            f" {CAUSES.get(row.cause, row.cause)}. {outcome(row)}",
        )


def outcome(row: EnforcementFailure) -> str:
    """Return in words what became of the messages that were held."""
    parts = [
        f"{number(count)} {what}"
        for count, what in (
            (row.delivered, "went out later"),
            (row.bounced, "returned to the sender"),
            (row.waiting, "still waiting"),
            (row.gone, "gone from the queue without a word"),
        )
        if count
    ]
    if not parts:
        return "another host has taken the mail."
    # Since then it goes on waiting, and a log that has ended tells no more.
    when = " when it was last heard of" if row.waiting else ""
    return f"{', '.join(parts)}; the longest had waited {span(row.longest)}{when}."


def _downgraded(report: EvidenceReport) -> Iterator[Need]:
    for row in report.downgrades:
        yield Need(
            urgency=HowSoon.NOW,
            about=row.about,
            who_for=OURS,
            what_for=f"Ask those who run {ABOUT} what they have changed",
            why=f"{DOWNGRADES.get(row.kind, row.kind).capitalize()} since {moment(row.at)}:"
            " it may be theirs, a mistake, or an attack.",
        )


def _controls(report: EvidenceReport) -> Iterator[Need]:
    for control in report.controls:
        if control.verdict is ControlVerdict.NOT_MET:
            yield Need(
                urgency=HowSoon.NOW,
                about=control.id,
                who_for=OURS,
                what_for=f"Meet {ABOUT}",
                why=control.why,
            )
        for text in control.to_add:
            yield Need(
                urgency=HowSoon.LATER,
                about=control.id,
                who_for=COMPLIANCE,
                what_for=f"Add to the evidence for {ABOUT}",
                why=text,
            )


def _reported(report: EvidenceReport) -> Iterator[Need]:
    reports = report.tls_reports
    if reports is None or not reports.failed:
        return
    for domain, count in _failed_sessions(report).most_common():
        yield Need(
            urgency=HowSoon.SOON,
            about=domain,
            who_for=OURS,
            what_for=f"Mend what others report of {ABOUT}",
            why=f"{so_many(count, 'session')} with our servers failed, by others' TLS reports.",
        )


def _failed_sessions(report: EvidenceReport) -> Counter[str]:
    found = Counter[str]()
    for row in report.tls_reports.rows if report.tls_reports else ():
        if row.failure:
            found[row.domain] += row.sessions
    return found


def _blind(report: EvidenceReport) -> Iterator[Need]:
    """Yield what keeps this report from telling more."""
    for gap in report.gaps:
        lost = "" if gap.lines is None else f", {so_many(gap.lines, 'line')}"
        yield Need(
            urgency=HowSoon.SOON,
            about=gap.host or "every host",
            who_for=OURS,
            what_for=f"Keep the log of {ABOUT} whole",
            why=f"From {moment(gap.since)} on, {span(gap.seconds)}{lost} are missing: what was sent"
            " then cannot be told.",
        )
    for one in report.inputs:
        if one.problem and one.kind in _MADE_OF:
            yield Need(
                urgency=HowSoon.SOON,
                about=one.name,
                who_for=OURS,
                what_for=f"Have {ABOUT} read again",
                why=f"It could not be read to its end: {one.problem}.",
            )
    if report.retrieval is None:
        yield Need(
            urgency=HowSoon.SOON,
            about="",
            who_for=OURS,
            what_for="Have the daemon tell its part",
            why=f"How policies were fetched is not known: {report.retrieval_problem}.",
        )
    for name, counts, parameter in (
        ("outgoing", report.outbound, "smtp_tls_loglevel"),
        ("incoming", report.inbound, "smtpd_tls_loglevel"),
    ):
        silent = sum(row.count for row in counts.doubts if row.name == "no-tls-logged")
        if silent > LEAST_UNKNOWN * counts.deliveries:
            yield Need(
                urgency=HowSoon.SOON,
                about=parameter,
                who_for=OURS,
                what_for=f"Set {ABOUT} = 1 in Postfix's main.cf",
                why=f"Of {number(silent)} {name} messages the log does not say whether they were"
                " encrypted.",
            )


def _plain(report: EvidenceReport) -> Iterator[Need]:
    domains = Counter[str]()
    for row in report.unencrypted:
        if not row.inbound and row.domain != OTHERS:
            domains[row.domain] += row.deliveries
    for domain, count in domains.most_common(1):
        others = len(domains) - 1
        more = f" and {so_many(others, 'other domain')}" if others else ""
        yield Need(
            urgency=HowSoon.LATER,
            about=f"{domain}{more}",
            who_for="management, with our mail administrator",
            what_for=f"Decide whether mail to {ABOUT} may go out in plain text",
            why=f"{so_many(count, 'delivery', 'deliveries')} to {domain} could be read on the way.",
        )
