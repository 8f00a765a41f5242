"""What happens to domains of one's own, as the log and the history tell it."""

from collections.abc import Iterator

from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.ratelimit import DomainLog
from mtasts_resolver.findings import Severity
from mtasts_resolver.owndomains.events import (
    NotifyFailed,
    OwnDomainChecked,
    OwnDomainNotChecked,
)
from mtasts_resolver.owndomains.facts import CERTIFICATE, MX, POLICY, RECORD, REPORTS
from mtasts_resolver.store.changes import Change, Subject, bounded
from mtasts_resolver.store.history import History

log = logs.get(__name__)

_SUBJECTS = {
    RECORD: Subject.OWN_RECORD,
    REPORTS: Subject.OWN_REPORTS,
    POLICY: Subject.OWN_POLICY,
    MX: Subject.OWN_MX,
    CERTIFICATE: Subject.OWN_CERTIFICATE,
}


class OwnDomainLog:
    """Listens, and writes. `flush` must be called now and then."""

    def __init__(self, events: Events, clock: Clock) -> None:
        self._domains = DomainLog(log, clock.monotonic)
        events.listen(OwnDomainChecked, self._checked)
        events.listen(OwnDomainNotChecked, self._not_checked)
        events.listen(NotifyFailed, _notify_failed)

    def flush(self, *, at_once: bool = False) -> None:
        """Tell what was left out lately, of which there was too much; or all of it `at_once`."""
        self._domains.flush(at_once=at_once)

    def _checked(self, told: OwnDomainChecked) -> None:
        check, news = told.check, told.news
        domain = check.domain
        self._domains.info("own-domain-checked", domain=domain, **check.counts)
        for change in news.changes:
            place = {"host": change.host} if change.host else {}
            self._domains.info(
                "own-domain-changed",
                domain=domain,
                what=change.what,
                **place,
                was=change.was or "nothing",
                now=change.now or "nothing",
            )
        for finding in news.appeared:
            report = self._domains.info
            if finding.severity is Severity.ERROR:
                report = self._domains.error
            elif finding.severity is Severity.WARNING:
                report = self._domains.warning
            report(
                "own-domain-finding",
                domain=domain,
                code=finding.code,
                about=finding.about,
                found=finding.found,
                action=finding.action,
            )
        for mark in news.gone:
            self._domains.info("own-domain-mended", domain=domain, code=mark.code, about=mark.about)

    def _not_checked(self, told: OwnDomainNotChecked) -> None:
        action = "what was found before stands; it is tried again"
        self._domains.warning(
            "own-domain-not-checked", domain=told.domain, reason=told.reason, action=action
        )


class OwnDomainHistory:
    """Listens, and notes what changes; at the first check, what there is.

    The history knows the last of each, and keeps a change alone: so what was changed while nobody
    looked is a change, too.
    """

    def __init__(self, events: Events, history: History) -> None:
        self._history = history
        events.listen(OwnDomainChecked, self._checked)

    def _checked(self, told: OwnDomainChecked) -> None:
        for change in _as_changes(told):
            self._history.note(change)


def _as_changes(told: OwnDomainChecked) -> Iterator[Change]:
    check, news = told.check, told.news
    time = check.checked.timestamp()
    changed = {(change.what, change.host): change for change in news.changes}
    for key, now in check.facts.texts.items():
        what, _, host = key.partition(" ")
        change = changed.get((what, host))
        if change is not None or told.first:
            yield Change(
                time,
                check.domain,
                _SUBJECTS[what],
                _how(None if change is None else change.was, now),
                now=bounded(now),
                was=None if change is None or change.was is None else bounded(change.was),
                hop=host,
            )
    if news.appeared or news.gone:
        now = "\n".join(map(str, sorted(check.told)))
        was = (check.told - news.marks()) | set(news.gone)
        yield Change(
            time,
            check.domain,
            Subject.OWN_FINDINGS,
            "appeared" if news.appeared else "mended",
            now=bounded(now),
            was=bounded("\n".join(map(str, sorted(was)))),
            reason=bounded("; ".join(f"{each.about}: {each.found}" for each in news.appeared)),
        )


def _how(was: str | None, now: str) -> str:
    if not now:
        return "gone"
    return "changed" if was else "found"


def _notify_failed(told: NotifyFailed) -> None:
    action = "it is run again with the next news" if told.again else "see mtasts-resolver history"
    log.error(
        "notify-failed", program=told.program, reason=told.reason, said=told.said, action=action
    )
