"""From many reports to figures: each report once, and its sessions by kind.

The same report comes twice: to two addresses of `rua`, in a mailbox and its copy, or from whoever
wants that the true one is not counted, for ids can be guessed. Of two with one id that differ, the
one that a trusted server vouches for is counted, else the first.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, tzinfo
from typing import NamedTuple

from mtasts_resolver.base.quoting import escaped, printable
from mtasts_resolver.evidence.report import CountedRow, TlsReportRow, TlsReports
from mtasts_resolver.evidence.tlsreports.limits import (
    MAX_OUTCOMES,
    MAX_REPORTS,
    MAX_ROWS,
    MAX_WORDINGS,
)
from mtasts_resolver.tlsrpt import ReportedPolicy, TlsReport

OTHERS = "(others)"
UNSPECIFIED = "unspecified"
"""The failure of sessions of which a report says that they failed, and not how."""
_REASON = 300  # characters of one: an error of a library, with the URL that it is about


class _Kind(NamedTuple):
    """What sessions are counted by."""

    organization: str
    domain: str
    policy_type: str
    failure: str
    mx: str


class _Outcome(NamedTuple):
    kind: _Kind
    sessions: int
    reason: str
    mode: str


class _Kept(NamedTuple):
    start: float | None
    end: float | None
    signer: str
    successful: int
    failed: int
    outcomes: tuple[_Outcome, ...]


class Wordings:
    """Things that are said, each with how often; so many different ones."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._others = 0

    def add(self, words: str, count: int = 1) -> None:
        if words in self._counts or len(self._counts) < MAX_WORDINGS:
            self._counts[words] += count
        else:
            self._others += count

    def rows(self) -> tuple[CountedRow, ...]:
        """Return them, the most frequent first."""
        rows = [CountedRow(words, count) for words, count in self._counts.most_common()]
        return (*rows, CountedRow(OTHERS, self._others)) if self._others else tuple(rows)


class ReportFolding:
    """The reports of a period, about some domains or about all; all, or those vouched for.

    A report belongs to the period that the middle of its own lies in: so each report of a day
    belongs to one period alone, wherever its day begins.
    """

    def __init__(
        self,
        zone: tzinfo,
        *,
        since: float | None = None,
        until: float | None = None,
        domains: Collection[str] = (),
        only_vouched: bool = False,
    ) -> None:
        self._only_vouched = only_vouched
        self._zone = zone
        self._since = since
        self._until = until
        self._domains = tuple(domains)
        self._kept: dict[tuple[object, ...], _Kept] = {}
        self._kinds: dict[_Kind, _Kind] = {}
        self._outcomes = 0
        self._duplicates = 0
        self._left_out = 0
        self._oddities = Wordings()
        self._unread = Wordings()

    def add(self, report: TlsReport, *, signer: str = "", oddities: Iterable[str] = ()) -> None:
        """Count a report; `signer` is the domain that a trusted server says has signed its mail."""
        policies = [policy for policy in report.policies if self._is_wanted(report, policy)]
        unwanted = (report.policies and not policies) or (self._only_vouched and not signer)
        if unwanted or not self._is_of_the_period(report):
            self._left_out += 1
            return
        if report.start is None and (self._since is not None or self._until is not None):
            self._unread.add("a report without a time: it may be of another period")
            return
        kept = self._condensed(report, policies, signer)
        key: tuple[object, ...] = (report.organization.casefold(), report.id, report.domain)
        if not report.id:
            key = (*key, kept)
        before = self._kept.get(key)
        if before is not None:
            self._duplicates += 1
            if before._replace(signer=signer) != kept:
                self._oddities.add("two reports have the same id and differ: one is counted")
            if before.signer or not signer:
                return
        room = self._outcomes + len(kept.outcomes) <= MAX_OUTCOMES
        if before is None and not (room and len(self._kept) < MAX_REPORTS):
            self._unread.add(f"a report beyond the first {len(self._kept):,}: not counted")
            return
        self._kept[key] = kept
        self._outcomes += len(kept.outcomes)
        for words in (*report.oddities, *oddities):
            self._oddities.add(escaped(words))

    def leave_unread(self, words: str, count: int = 1) -> None:
        """Count something that could not be read."""
        self._unread.add(escaped(words), count)

    def result(self) -> TlsReports:
        """Return the figures of what was added."""
        signers = Counter(kept.signer for kept in self._kept.values() if kept.signer)
        return TlsReports(
            reports=len(self._kept),
            duplicates=self._duplicates,
            successful=sum(kept.successful for kept in self._kept.values()),
            failed=sum(kept.failed for kept in self._kept.values()),
            rows=tuple(self._bounded(self._rows())),
            unread=self._unread.rows(),
            oddities=self._oddities.rows(),
            left_out=self._left_out,
            signers=tuple(CountedRow(name, count) for name, count in signers.most_common()),
        )

    def _is_wanted(self, report: TlsReport, policy: ReportedPolicy) -> bool:
        return not self._domains or self._is_ours(report.domain) or self._is_ours(policy.domain)

    def _is_ours(self, domain: str) -> bool:
        """Tell whether a domain is one of those that are wanted, or below one."""
        return any(f".{domain}".endswith(f".{wanted}") for wanted in self._domains)

    def _is_of_the_period(self, report: TlsReport) -> bool:
        if report.start is None or report.end is None:
            return True
        middle = (report.start + report.end) / 2
        since, until = self._since, self._until
        return (since is None or since <= middle) and (until is None or middle < until)

    def _condensed(self, report: TlsReport, policies: list[ReportedPolicy], signer: str) -> _Kept:
        sessions: Counter[_Kind] = Counter()
        said: dict[_Kind, tuple[str, str]] = {}
        for policy in policies:
            of_policy: Counter[_Kind] = Counter()
            for outcome, count, reason in _outcomes(report, policy):
                kind = self._kinds.setdefault(outcome, outcome)
                of_policy[kind] += count
                said[kind] = (reason or said.get(kind, ("", ""))[0], policy.mode)
            for kind, count in of_policy.items():
                # Details may overlap; but no kind of failure had more sessions than failed at all.
                sessions[kind] += min(count, policy.failed) if kind.failure else count
        outcomes = (_Outcome(kind, count, *said[kind]) for kind, count in sessions.items())
        return _Kept(
            start=report.start,
            end=report.end,
            signer=signer,
            successful=sum(policy.successful for policy in policies),
            failed=sum(policy.failed for policy in policies),
            outcomes=tuple(outcomes),
        )

    def _rows(self) -> list[TlsReportRow]:
        """Return a row for each kind: what failed before what did not, the most first."""
        sessions: Counter[_Kind] = Counter()
        first: dict[_Kind, float] = {}
        last: dict[_Kind, float] = {}
        said: defaultdict[_Kind, tuple[float, str, str]] = defaultdict(lambda: (0.0, "", ""))
        for kept in self._kept.values():
            for kind, count, reason, mode in kept.outcomes:
                sessions[kind] += count
                at = kept.end or 0.0
                said[kind] = max(said[kind], (at, reason, mode), key=lambda one: one[0])
                if kept.start is not None and kept.end is not None:
                    first[kind] = min(first.get(kind, kept.start), kept.start)
                    last[kind] = max(last.get(kind, kept.end), kept.end)
        return [
            TlsReportRow(
                **kind._asdict(),
                sessions=count,
                first=self.shown(first.get(kind)),
                last=self.shown(last.get(kind)),
                reason=said[kind][1],
                mode=said[kind][2],
            )
            for kind, count in sorted(
                sessions.items(), key=lambda pair: (not pair[0].failure, -pair[1], pair[0])
            )
        ]

    def shown(self, seconds: float | None) -> str:
        """Return a time in the zone of these figures; empty for none."""
        if seconds is None:
            return ""
        return datetime.fromtimestamp(seconds, self._zone).isoformat(timespec="seconds")

    def _bounded(self, rows: list[TlsReportRow]) -> Iterator[TlsReportRow]:
        yield from rows[:MAX_ROWS]
        beyond = rows[MAX_ROWS:]
        for failure in (OTHERS, ""):
            these = [row for row in beyond if bool(row.failure) == bool(failure)]
            if these:
                yield TlsReportRow(
                    organization=OTHERS,
                    domain=OTHERS,
                    policy_type=OTHERS,
                    failure=failure,
                    mx="",
                    sessions=sum(row.sessions for row in these),
                    first=min(row.first for row in these),
                    last=max(row.last for row in these),
                )


def _outcomes(report: TlsReport, policy: ReportedPolicy) -> Iterator[tuple[_Kind, int, str]]:
    """Yield how sessions ended: those that were well, each failure, and those of no known one."""
    domain, host = policy.domain, ""
    if policy.type == "tlsa" and report.domain and report.domain != policy.domain:
        domain, host = report.domain, policy.domain  # RFC 8460 §4.4: the TLSA base domain

    def kind(failure: str, mx: str) -> _Kind:
        words = (report.organization, domain, policy.type, failure, mx)
        return _Kind(*map(printable, words))

    if policy.successful:
        yield kind("", host), policy.successful, ""
    detailed = 0
    for failure in policy.failures:
        detailed += failure.sessions
        name = failure.result_type or UNSPECIFIED
        yield kind(name, failure.mx or host), failure.sessions, escaped(failure.reason)[:_REASON]
    if detailed < policy.failed:
        yield kind(UNSPECIFIED, host), policy.failed - detailed, ""
