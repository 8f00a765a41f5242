"""How commands show what is known of domains."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from mtasts_resolver.cli.override import override_rows
from mtasts_resolver.cli.tables import Shown, ago, show_rows, show_table, until
from mtasts_resolver.cli.terminal import is_terminal, show_notes
from mtasts_resolver.control.values.domains import (
    DomainDetails,
    DomainPage,
    DomainSummary,
    MapAnswer,
)

NO_RECORD = "no-record"  # as most domains have none, it needs no word
MAX_LINES = 50  # of a document; most have a dozen, a hostile one thousands
HEADS = ("DOMAIN", "MODE", "EXPIRES", "FETCHED", "USED", "ANSWER", "")


def show_list(page: DomainPage) -> None:
    """Show a line for each domain: for people how long it is to each time, in a pipe the times."""
    if page.incomplete is not None:
        show_notes([f"domains that only the store holds are missing: {page.incomplete}"])
    if not is_terminal(sys.stdout):
        show_table((), map(_plain, page.domains))
        return
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if page.domains:
        lines = [_line(summary, now) for summary in page.domains]
        show_table(HEADS, lines, [_note(summary, now) for summary in page.domains])
    shown = f"{len(page.domains):,} of {page.matched:,}" if page.next else f"{page.matched:,}"
    click.echo(f"{shown} domain{'' if page.matched == 1 else 's'}", err=True)


def _plain(summary: DomainSummary) -> tuple[str, ...]:
    code, reason = _trouble(summary)
    cells = (
        summary.domain,
        summary.mode,
        summary.id,
        summary.fetched,
        summary.due,
        summary.expires,
        summary.used,
        summary.dane,
        summary.answer,
        code,
        reason,
        ",".join(summary.weakened),
        summary.would_be,
        summary.override,
    )
    return tuple(cell or "-" for cell in cells)


def _line(summary: DomainSummary, now: str) -> tuple[str, ...]:
    return (
        summary.domain,
        summary.mode or "-",
        _short(until(summary.expires, now)),
        _short(ago(summary.fetched, now)) if summary.fetched else "-",
        _short(ago(summary.used, now)),
        f"({summary.would_be})" if summary.would_be else summary.answer or "?",
        "FAILING" if summary.failing else "WEAKENED" if summary.weakened else "",
    )


def _note(summary: DomainSummary, now: str) -> str:
    """Say what is below a line: what an administrator should know of, and why it is so."""
    notes = [f"weakened: {', '.join(summary.weakened)}"] if summary.weakened else []
    if summary.override is not None:
        notes.append(f"override of {summary.override}")
    failing = summary.failing
    if failing is not None:
        notes.append(f"{ago(failing.since, now)}: {failing.code}: {failing.reason}")
    elif summary.code not in (None, NO_RECORD):
        notes.append(f"{summary.code}: {summary.reason}")
    return "; ".join(notes)


def _short(span: str) -> str:
    """Leave out the smaller of two units: `3d ago`, `in 5h`."""
    words = span.split()
    return " ".join([words[0], words[-1]] if words[-1] == "ago" else words[:2])


def _trouble(summary: DomainSummary) -> tuple[str | None, str | None]:
    if summary.failing is not None:
        return summary.failing.code, summary.failing.reason
    return summary.code, summary.reason


# -- one domain ----------------------------------------------------------------------------------


def show_details(details: DomainDetails) -> None:
    """Show all that is known of one domain."""
    show_rows(_rows(details))


def _rows(details: DomainDetails) -> Iterator[Shown]:
    summary, now = details.summary, details.now
    yield Shown("domain", summary.domain)
    if details.next_hop != summary.domain:
        yield Shown("next hop", details.next_hop)
    if details.preloaded:
        yield Shown("", "in `preload`: always kept current")
    yield from _policy(details)
    if summary.weakened:
        words = f"by {', '.join(summary.weakened)}: 'mtasts-resolver history {summary.domain}'"
        yield Shown("weakened", words, bad=True)
    if summary.failing is not None:
        failing = summary.failing
        yield Shown("failing", f"since {_time(failing.since, ago(failing.since, now))}", bad=True)
        yield Shown("", f"{failing.code}: {failing.reason}", bad=True)
        yield Shown("", f"tried again {_time(failing.retry, until(failing.retry, now))}", bad=True)
    yield Shown("used", _time(summary.used, ago(summary.used, now)))
    yield from _dane(details)
    if details.override is not None:
        yield from override_rows(details.override)
    for answer in details.answers:
        yield from _answer(answer)
    if details.document is not None:
        yield from _document(details.document)


def _policy(details: DomainDetails) -> Iterator[Shown]:
    summary, now = details.summary, details.now
    if summary.mode is None:
        yield Shown("policy", f"none: {summary.code}: {summary.reason}")
        yield Shown("looked for", f"again {_time(summary.expires, until(summary.expires, now))}")
        return
    yield Shown("policy", f"mode {summary.mode}, mx {', '.join(details.mx) or 'none'}")
    if details.left_out:
        yield Shown("", f"left out, as no MX host can have such a name: {_join(details.left_out)}")
    yield Shown("record", f"id {summary.id}{_id_check(details.id_checked, now)}")
    if summary.fetched is not None:
        yield Shown("fetched", _time(summary.fetched, ago(summary.fetched, now)))
    if summary.due is not None:
        yield Shown("due", _time(summary.due, until(summary.due, now)))
    expires = f"{_time(summary.expires, until(summary.expires, now))}, max_age {summary.max_age}"
    yield Shown("expires", expires)
    if not summary.in_memory:
        yield Shown("", "memory has no room for it: the next look-up reads it from the store")


def _id_check(time: str | None, now: str) -> str:
    if time is None:
        return ""
    if time <= now:
        return "; checked again by the next look-up"
    return f"; checked again by a look-up after {time}"


def _dane(details: DomainDetails) -> Iterator[Shown]:
    dane = details.dane
    if dane is None:
        yield Shown("DANE", "nothing is known now: the next look-up asks")
        return
    known = f", known until {dane.until}" if dane.until else ""
    yield Shown("DANE", f"{dane.status}: {dane.reason}{known}")
    for host in dane.hosts or ():
        detail = f" ({host.detail})" if host.detail else ""
        yield Shown("", f"{host.name}: {host.found}{detail}")
    if dane.hosts:
        yield Shown("", "the hosts were asked for just now")


def _answer(answer: MapAnswer) -> Iterator[Shown]:
    yield Shown("answer", f"{answer.reply or 'not known yet'}")
    yield Shown("", f"in {', '.join(answer.maps)}")
    if answer.observed:
        yield Shown("", f"observed only: it would be {answer.would_be or 'not known yet'}")
    yield Shown("", answer.why)


def _document(document: str) -> Iterator[Shown]:
    lines = document.splitlines()
    for number, line in enumerate(lines[:MAX_LINES]):
        yield Shown("" if number else "document", line)
    if len(lines) > MAX_LINES:
        yield Shown("", f"and {len(lines) - MAX_LINES:,} more lines, which --json shows")


def _time(time: str, words: str) -> str:
    return f"{time} ({words})"


def _join(names: tuple[str, ...]) -> str:
    return ", ".join(names)
