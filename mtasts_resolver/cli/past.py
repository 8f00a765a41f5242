"""What was known of a domain at a time, as `history --at` shows it."""

from collections.abc import Iterator

from mtasts_resolver.cli.moments import shown_locally, zone
from mtasts_resolver.cli.tables import Shown, show_rows
from mtasts_resolver.control.values.history import PastAnswer, PastState


def show_past(past: PastState) -> None:
    """Show what Postfix got, and why."""
    show_rows(_rows(past))


def _rows(past: PastState) -> Iterator[Shown]:
    yield Shown("at", f"{shown_locally(past.time)} {zone()}: {past.domain}")
    yield _running(past)
    override = past.override
    if override is not None:
        until = f" until {override.until}" if override.until else ""
        yield Shown("override", f"{override.pattern}: {override.answer}{until}", bad=True)
        yield Shown("", f"{override.reason}, {_since(override.since)}")
    for answer in past.answers:
        yield from _answer(answer)
    policy = past.policy
    if policy is None:
        yield Shown("policy", "none was cached")
    else:
        mode = policy.mode or "of which only a part is kept"
        yield Shown("policy", f"{mode}, id {policy.id or 'unknown'}, {_since(policy.since)}")
        yield from (Shown("", line) for line in policy.text.splitlines())
    if past.record:
        yield Shown("record", past.record, bad=True)
    if past.refresh:
        yield Shown("failing", past.refresh, bad=True)
    for dane in past.dane:
        yield Shown("DANE", f"{dane.hop}: {dane.status}, {_since(dane.since)}")
        yield from (Shown("", host) for host in dane.hosts)
    if past.dnssec:
        yield Shown("DNSSEC", past.dnssec.removeprefix("dnssec-"))
    begins = past.history_begins
    if begins is None:
        yield Shown("history", "no change of the domain is kept: what is now is shown")
    else:
        yield Shown("history", f"kept of this domain since {shown_locally(begins)}")


def _running(past: PastState) -> Shown:
    since = "" if past.running_since is None else shown_locally(past.running_since)
    if past.running:
        return Shown("daemon", f"was running, since {since}")
    if past.running is None:
        if since:
            text = (
                f"started at {since}, and killed at a time that is not known: it may not have run"
            )
        else:
            text = "it is not known whether it was running"
        return Shown("daemon", text, bad=True)
    return Shown("daemon", f"was NOT running, since {since}: nobody was answered", bad=True)


def _answer(answer: PastAnswer) -> Iterator[Shown]:
    where = f"{answer.hop} in {', '.join(answer.maps)}"
    if answer.answer is None:
        yield Shown("answer", f"{where}: it cannot be told, for the policy is not kept as a whole")
        return
    text = answer.text or answer.answer
    if not text.startswith(answer.answer):
        text = f"{answer.answer} {text}"
    yield Shown("answer", f"{where}: {text}")
    since = "" if answer.since is None else shown_locally(answer.since)
    seen = since if answer.seen is None else shown_locally(answer.seen)
    if answer.given:
        until = f" until {seen}" if seen != since else ""
        yield Shown("", f"given: look-ups got it from {since} on{until}, and nothing had changed")
    elif since:
        yield Shown("", f"would have been given: nobody is known to have asked since {seen}")
    else:
        yield Shown("", "would have been given: nobody is known to have asked")
    if answer.why:
        yield Shown("", answer.why)


def _since(since: str | None) -> str:
    return "since before its history begins" if since is None else f"since {shown_locally(since)}"
