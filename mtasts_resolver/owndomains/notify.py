"""The administrator's own program, which is run with what is new: one at a time, and not often."""

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.findings import Finding, Severity, by_urgency, worst
from mtasts_resolver.owndomains.events import NotifyFailed, OwnDomainChecked
from mtasts_resolver.owndomains.lastcheck import Mark
from mtasts_resolver.owndomains.news import FactChange
from mtasts_resolver.owndomains.program import Ended, run_bounded
from mtasts_resolver.store.changes import bounded
from mtasts_resolver.store.thread import JobThread

# Seconds from one run to the next; what is new meanwhile comes together. Where twenty domains share
# an MX host, its new certificate is twenty changes.
PAUSE_BETWEEN_RUNS = 600.0
MAX_ATTEMPTS = 3  # of the same news; then it is in the log and in the history alone
MAX_CHANGES = 50  # of a domain in a report, and as many findings; `check` has them all
# Bytes of a domain in a report, as JSON; `check` has the rest. Two reports on a hundred domains,
# one that is being told and the next, are kept as one text (store/keptchecks.py), which is written
# in a turn of the event loop.
MAX_DOMAIN_BYTES = 7_000
EXCERPT = 200  # characters that are left of a fact where a domain has more than that
MAX_NAMED = 5  # domains that a line names


class ReportedDomain(Struct, frozen=True, kw_only=True):
    """What is new of one domain."""

    domain: str
    time: str
    """Of its last check."""
    severity: Severity
    """Of the worst that stands."""
    changes: tuple[FactChange, ...]
    appeared: tuple[Finding, ...]
    """What is newly wrong, the worst first."""
    gone: tuple[Mark, ...]
    """What is wrong no more."""


_decoder = msgspec.json.Decoder(list[ReportedDomain])


class NotifyReport(Struct, frozen=True, kw_only=True):
    """What the program reads on standard input, as JSON."""

    host: str
    """This one's name."""
    severity: Severity
    """The worst of the domains'."""
    summary: str
    """All of it in a line."""
    domains: tuple[ReportedDomain, ...]


class Notify:
    """Gathers what is new, and has the program told.

    What it was not told of yet is handed to `keep`, and may be handed to `restore` later on.
    """

    def __init__(self, events: Events, clock: Clock, keep: Callable[[bytes], None]) -> None:
        self.command: Sequence[str] = ()
        """The program and its arguments; without, nobody is told."""
        self.failures = 0
        """Runs of it that failed."""
        self._events = events
        self._clock = clock
        self._keep = keep
        self._waiting: dict[str, ReportedDomain] = {}
        self._being_told: dict[str, ReportedDomain] = {}
        self._wake = asyncio.Event()
        self._thread = JobThread("notify")
        self._stop = threading.Event()
        events.listen(OwnDomainChecked, self._checked)

    def restore(self, kept: bytes) -> None:
        """Take in what another run has kept. Raise one of UNDECODABLE for what is none."""
        for each in _decoder.decode(kept):
            self._waiting[each.domain] = _together(self._waiting.get(each.domain), each)
        self._wake.set()

    async def run(self) -> None:
        """Run the program whenever something is new; ends by cancellation."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.command and self._waiting:
                await self._tell()
                self._being_told = {}
                self._save()
                await self._clock.sleep(PAUSE_BETWEEN_RUNS)

    def close(self) -> None:
        """End the program, should it run."""
        self._stop.set()
        self._thread.close()

    def _checked(self, told: OwnDomainChecked) -> None:
        if told.news and self.command:
            new = reported_domain(told)
            new = _together(self._waiting.get(new.domain), new)
            self._waiting[new.domain] = _lessened(new)
            self._save()
            self._wake.set()

    def _save(self) -> None:
        self._keep(msgspec.json.encode([*self._being_told.values(), *self._waiting.values()]))

    async def _tell(self) -> None:
        self._being_told, self._waiting = self._waiting, {}
        report = report_of(list(self._being_told.values()), socket.gethostname())
        for attempt in range(1, MAX_ATTEMPTS + 1):
            command = tuple(self.command)  # which may have been mended meanwhile
            if not command:
                return
            ended = await self._run(command, report)
            if not ended.reason:
                return
            self.failures += 1
            again = attempt < MAX_ATTEMPTS
            self._events.publish(NotifyFailed(command[0], ended.reason, ended.said, again))
            if again:
                await self._clock.sleep(PAUSE_BETWEEN_RUNS)

    async def _run(self, command: Sequence[str], report: NotifyReport) -> Ended:
        filled = filled_in(command, report)
        given = msgspec.json.encode(report)
        work = partial(run_bounded, filled, given, environ_of(report), self._stop)
        return await self._thread.do(work)


def reported_domain(told: OwnDomainChecked) -> ReportedDomain:
    """Return what is new of a domain."""
    check, news = told.check, told.news
    return ReportedDomain(
        domain=check.domain,
        time=timestamp(check.checked.timestamp()),
        severity=worst(check.findings),
        changes=tuple(map(_bounded_change, news.changes))[:MAX_CHANGES],
        appeared=news.appeared[:MAX_CHANGES],
        gone=news.gone[:MAX_CHANGES],
    )


def _together(before: ReportedDomain | None, after: ReportedDomain) -> ReportedDomain:
    """Return what is new in both; what came and went in between is told of as having been."""
    if before is None:
        return after
    return replace(
        after,
        changes=(*before.changes, *after.changes)[:MAX_CHANGES],
        appeared=tuple(by_urgency((*before.appeared, *after.appeared))[:MAX_CHANGES]),
        gone=(*before.gone, *after.gone)[:MAX_CHANGES],
    )


def _bounded_change(change: FactChange) -> FactChange:
    was = None if change.was is None else bounded(change.was)
    return replace(change, was=was, now=bounded(change.now))


def _lessened(each: ReportedDomain) -> ReportedDomain:
    """Return what is new of a domain, with less in it where it has more than MAX_DOMAIN_BYTES.

    Strangers decide how much it is: of an MX host that all own domains have, it is in each.
    """
    most = MAX_CHANGES
    while len(msgspec.json.encode(each)) > MAX_DOMAIN_BYTES and most:
        if most < MAX_CHANGES:
            each = replace(
                each,
                changes=each.changes[:most],
                appeared=each.appeared[:most],
                gone=each.gone[:most],
            )
        else:
            each = replace(each, changes=tuple(map(_excerpt, each.changes)))
        most = most * 3 // 4
    return each


def _excerpt(change: FactChange) -> FactChange:
    was = None if change.was is None else change.was[:EXCERPT]
    return replace(change, was=was, now=change.now[:EXCERPT])


def report_of(domains: Sequence[ReportedDomain], host: str) -> NotifyReport:
    """Return the report on what is new of some domains."""
    severity = max((each.severity for each in domains), key=lambda each: each.rank)
    return NotifyReport(
        host=host, severity=severity, summary=_summary(domains), domains=tuple(domains)
    )


def _summary(domains: Sequence[ReportedDomain]) -> str:
    """Return the first domain and what is worst with it, and how many there are besides."""
    first = max(domains, key=lambda each: each.severity.rank)
    more = len(domains) - 1
    others = "" if not more else f"; {more} more domain{'s' if more > 1 else ''}"
    return f"{first.domain}: {_in_words(first)}{others}"


def _in_words(domain: ReportedDomain) -> str:
    words = []
    if domain.appeared:
        worst_of_all, more = domain.appeared[0], len(domain.appeared) - 1
        besides = f" and {more} more" if more else ""
        words.append(f"{worst_of_all.severity} {worst_of_all.code}{besides}")
    if domain.changes:
        what = dict.fromkeys(change.what for change in domain.changes)
        words.append(f"{', '.join(what)} changed")
    if domain.gone:
        words.append(f"{len(domain.gone)} mended")
    return "; ".join(words)


_PLACE = re.compile(r"\{(?P<name>[a-z]+)\}")


def filled_in(command: Sequence[str], report: NotifyReport) -> list[str]:
    """Return the program and its arguments, in which a few names stand for what is told.

    None of what is filled in is a stranger's word, or begins with a hyphen.
    """
    essentials = _essentials(report)

    def fill(argument: str) -> str:
        return _PLACE.sub(lambda place: essentials.get(place["name"], place[0]), argument)

    return [command[0], *map(fill, command[1:])]


def environ_of(report: NotifyReport) -> dict[str, str]:
    """Return what the program's environment tells."""
    return {f"MTASTS_{name.upper()}": value for name, value in _essentials(report).items()}


def _essentials(report: NotifyReport) -> dict[str, str]:
    names = [each.domain for each in report.domains]
    more = [f"+{len(names) - MAX_NAMED}"] if len(names) > MAX_NAMED else []
    return {
        "domains": ",".join([*names[:MAX_NAMED], *more]),
        "severity": report.severity.value,
        "summary": report.summary,
    }
