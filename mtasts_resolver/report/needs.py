"""What a report asks to be done, of whom, and how soon: the first page of each form for people."""

from collections import Counter
from collections.abc import Iterator
from enum import IntEnum

from msgspec import Struct

from mtasts_resolver.base.spans import span
from mtasts_resolver.evidence.report import (
    ControlVerdict,
    EnforcementFailure,
    EvidenceReport,
)
from mtasts_resolver.report.words import CAUSES, DOWNGRADES, OUR_CAUSES, moment, number, so_many

OTHERS = "(others)"
OURS = "our mail administrator"
COMPLIANCE = "whoever keeps the evidence"
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
    who: str
    what: str
    why: str


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


def _unverified(report: EvidenceReport) -> Iterator[Need]:
    domains = Counter(row.domain for row in report.unverified)
    for domain, count in domains.most_common():
        yield Need(
            urgency=HowSoon.NOW,
            who=OURS,
            what=f"Find out how mail to {domain} went out unverified",
            why=f"{so_many(count, 'delivery', 'deliveries')} or more, while it had to be verified.",
        )


def _held(report: EvidenceReport) -> Iterator[Need]:
    for row in report.failures:
        ours = row.cause in OUR_CAUSES
        what = f"Have mail to {row.domain} move again" if row.waiting else _prevent(row)
        yield Need(
            urgency=HowSoon.NOW if row.waiting else HowSoon.SOON,
            who=OURS if ours else f"the mail administrator of {row.domain}; ours tells them",
            what=what,
            why=f"{(row.mx or 'TLS')} held {so_many(row.messages, 'message')}:"
            f" {CAUSES.get(row.cause, row.cause)}. {_outcome(row)}",
        )


def _prevent(row: EnforcementFailure) -> str:
    return f"See to it that mail to {row.domain} is not held again"


def _outcome(row: EnforcementFailure) -> str:
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
    outcome = ", ".join(parts) or "Nothing is known of them since"
    return f"{outcome}; the longest waited {span(row.longest)}."


def _downgraded(report: EvidenceReport) -> Iterator[Need]:
    for row in report.downgrades:
        yield Need(
            urgency=HowSoon.NOW,
            who=OURS,
            what=f"Ask those who run {row.about} whether they have changed it",
            why=f"{DOWNGRADES.get(row.kind, row.kind).capitalize()} since {moment(row.at)}:"
            " it may be theirs, a mistake, or an attack.",
        )


def _controls(report: EvidenceReport) -> Iterator[Need]:
    for control in report.controls:
        if control.verdict is ControlVerdict.NOT_MET:
            yield Need(urgency=HowSoon.NOW, who=OURS, what=f"Meet {control.id}", why=control.why)
        for text in control.to_add:
            yield Need(
                urgency=HowSoon.LATER,
                who=COMPLIANCE,
                what=f"Add to the evidence for {control.id}",
                why=text,
            )


def _reported(report: EvidenceReport) -> Iterator[Need]:
    reports = report.tls_reports
    if reports is None or not reports.failed:
        return
    for domain, count in _failed_sessions(report).most_common():
        yield Need(
            urgency=HowSoon.SOON,
            who=OURS,
            what=f"Mend what others report of {domain}",
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
            who=OURS,
            what=f"Keep the log of {gap.host or 'every host'} whole",
            why=f"From {moment(gap.since)} on, {span(gap.seconds)}{lost} are missing: what was sent"
            " then cannot be told.",
        )
    for one in report.inputs:
        if one.problem:
            yield Need(
                urgency=HowSoon.SOON,
                who=OURS,
                what=f"Have {one.name} read again",
                why=f"It could not be read to its end: {one.problem}.",
            )
    if report.retrieval is None:
        yield Need(
            urgency=HowSoon.SOON,
            who=OURS,
            what="Have the daemon tell its part",
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
                who=OURS,
                what=f"Set {parameter} = 1 in Postfix's main.cf",
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
        more = f", and {so_many(others, 'other domain')}" if others else ""
        yield Need(
            urgency=HowSoon.LATER,
            who="management, with our mail administrator",
            what=f"Decide whether mail to {domain}{more} may go out in plain text",
            why=f"{so_many(count, 'delivery', 'deliveries')} to {domain} could be read on the way.",
        )
