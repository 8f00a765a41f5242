"""Signs of a downgrade, in words: what was, what is, and what shows it. Never more than a sign."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.evidence.accounts.localdays import LocalDays
from mtasts_resolver.evidence.accounts.streaks import NOW_BAD, WAS_BAD, Loss, Run
from mtasts_resolver.evidence.accounts.watching import (
    PLAIN,
    LossWatch,
    Lost,
    Watching,
    staying_plain,
)
from mtasts_resolver.evidence.report import Downgrade
from mtasts_resolver.evidence.told import ToldMemory
from mtasts_resolver.evidence.weakenings import PastWeakening
from mtasts_resolver.maillog.events import Cause

# Signs in a report: who has more needs no list.
MAX_SIGNS = 500
# Names in one piece of evidence.
_NAMED = 5
# Seconds. A record that is back so soon was lost on the way, or while it was edited, and all that
# time the cached policy was applied.
RECORD_BACK = 86_400.0

THIS_SYSTEM = "this mail system"
"""What a loss is about that has come over all hosts, or all domains, at once."""

_WEAKENINGS = {
    "mode": "Its policy is not enforced any more. Its owner publishes that over HTTPS.",
    "mx": "Its policy allows hosts that it did not, as when a domain moves to another provider.",
    "record-gone": "It has no policy record any more. The cached policy applies until it expires.",
    "expired": "Its policy has expired, and no other could be had.",
    "dane-lost": "Not every host can be verified with TLSA records any more.",
}


class SignsInWords:
    """What was lost since a time, for people who read a report."""

    def __init__(self, calendar: LocalDays, told: ToldMemory, since: float, until: float) -> None:
        self._stamp, self._said = calendar.stamp, calendar.in_words
        self._told = told
        self._since = since
        self._until = until

    def all(self, watching: Watching, weakenings: Iterable[PastWeakening]) -> tuple[Downgrade, ...]:
        """Return all signs, in the order of time; bounded."""
        hosts = watching.hosts.losses(self._since)
        domains = list(staying_plain(watching.domains.losses(self._since), hosts))
        clients = watching.clients.losses(self._since)
        trusted = watching.trusted.losses(self._since)
        verified = watching.verified.losses(self._since)
        found = [
            *self._signs("tls-vanished", watching.hosts, hosts),
            *self._signs("tls-vanished", watching.domains, domains),
            *self._signs("tls-vanished", watching.clients, clients),
            *self._signs("level-fell", watching.trusted, trusted),
            *self._signs("level-fell", watching.verified, verified),
            *self._failing(watching.certificates),
            *self._weakened(weakenings),
        ]
        return tuple(sorted(found, key=lambda sign: sign.at)[:MAX_SIGNS])

    def _signs(self, kind: str, watch: LossWatch[str], lost: list[Lost]) -> Iterator[Downgrade]:
        if watch.is_everywhere(lost):
            yield self._at_once(kind, lost, "messages", _how(lost[-1].loss.after))
            return
        for host, domain, loss in lost:
            yield Downgrade(
                kind=kind,
                about=printable(host or domain),
                at=self._stamp(loss.after.first),
                before=self._before(loss),
                after=self._after(loss),
                evidence=tuple(self._evidence(domain, loss)),
            )

    def _before(self, loss: Loss) -> str:
        run = loss.before
        besides = f"; not so {loss.bad_before:,} times in between" if loss.bad_before else ""
        return f"{_mails(run)}, from {self._said(run.first)} to {self._said(run.last)}{besides}"

    def _after(self, loss: Loss) -> str:
        return f"{_mails(loss.after)}, {self._from_to(loss)}"

    def _from_to(self, loss: Loss) -> str:
        run = loss.after
        text = f"from {self._said(run.first)} to {self._said(run.last)}"
        return f"{text}; then as before, from {self._said(loss.over)}" if loss.over else text

    def _evidence(self, domain: str, loss: Loss) -> Iterator[str]:
        before, after = loss.before, loss.after
        yield (
            "If nothing had changed, so many in a row would be seen less than once in"
            f" {_rarity(loss):,} times."
        )
        yield from _elsewhere(before, after)
        if domain and before.how == "verified":
            yield self._demanded(domain, after)

    def _demanded(self, domain: str, after: Run) -> str:
        told = self._told.told(domain, after.first)
        if told.enforced:
            return f"Postfix was told to verify it all the same, by {told.because or 'somebody'}."
        if told.action:
            return f"Postfix was told `{told.action}` then: nobody demanded that it be verified."
        return "What Postfix was told of it then is not known."

    def _at_once(self, kind: str, lost: list[Lost], what: str, how: str) -> Downgrade:
        """Return one sign of many: that nothing is as before anywhere."""
        first = lost[0].loss
        total = sum(each.loss.after.deliveries for each in lost)
        names = [each.host or each.domain for each in lost]
        good = max(each.loss.before.last for each in lost)
        return Downgrade(
            kind=kind,
            about=THIS_SYSTEM,
            at=self._stamp(first.after.first),
            before=f"{_how(first.before)}, until {self._said(good)}",
            after=f"{total:,} {what} {how}, to or from {len(lost):,} others",
            evidence=(
                f"It is so of {_listed(names)}, and nobody's mail was as before since.",
                "It is likelier that the set-up of this mail system has changed than theirs.",
            ),
        )

    def _failing(self, watch: LossWatch[tuple[str, str]]) -> Iterator[Downgrade]:
        """Yield hosts whose certificate fails; that of a host is one, for however many domains."""
        lost = watch.losses(self._since)
        if watch.is_everywhere(lost):
            how = f"held ({lost[-1].loss.after.how})"
            yield self._at_once("certificate-failing", lost, "attempts", how)
            return
        by_host: defaultdict[str, list[Lost]] = defaultdict(list)
        for each in lost:
            by_host[each.host].append(each)
        for host, losses in by_host.items():
            loss = losses[0].loss
            cause, attempts = loss.after.how, sum(each.loss.after.deliveries for each in losses)
            evidence = [
                f"Mail to {_listed([each.domain for each in losses])} must verify it.",
                *_elsewhere(loss.before, loss.after),
            ]
            if cause == Cause.EXPIRED:
                evidence.append("A certificate that has expired is mostly forgotten, not forged.")
            yield Downgrade(
                kind="certificate-failing",
                about=printable(host),
                at=self._stamp(loss.after.first),
                before=self._before(loss),
                after=f"{attempts:,} attempts held ({cause}), {self._from_to(loss)}",
                evidence=tuple(evidence),
            )

    def _weakened(self, weakenings: Iterable[PastWeakening]) -> Iterator[Downgrade]:
        for one in weakenings:
            if self._since <= one.since < self._until and not _was_soon_back(one):
                gone = "record-gone" in one.weakened
                after = _in_a_line(one.now)
                if one.until is not None:
                    after += f"; as before from {self._said(one.until)}"
                words = [_WEAKENINGS.get(by, by) for by in one.weakened]
                yield Downgrade(
                    kind="policy-vanished" if gone else "policy-weakened",
                    about=printable(one.domain),
                    at=self._stamp(one.since),
                    before=_in_a_line(one.was),
                    after=after,
                    evidence=(*words, *([printable(one.reason)] if one.reason else [])),
                )


def _rarity(loss: Loss) -> int:
    return round(1 / (NOW_BAD if loss.over is None else WAS_BAD))


def _was_soon_back(one: PastWeakening) -> bool:
    only_record = one.weakened == ("record-gone",)
    return only_record and one.until is not None and one.until - one.since < RECORD_BACK


def _in_a_line(text: str) -> str:
    return printable("; ".join(text.split("\n")).strip("; ")) or "nothing"


def _how(run: Run) -> str:
    if run.how == PLAIN:
        return "in plain text"
    return f"over TLS ({run.how})" if run.how else "over TLS"


def _mails(run: Run) -> str:
    return f"{run.deliveries:,} {'message' if run.deliveries == 1 else 'messages'} {_how(run)}"


def _elsewhere(before: Run, after: Run) -> Iterator[str]:
    if before.where and after.where and before.where != after.where:
        yield f"Before, it was at {printable(before.where)}; now at {printable(after.where)}."


def _listed(names: list[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED:,} more" if len(names) > _NAMED else shown
