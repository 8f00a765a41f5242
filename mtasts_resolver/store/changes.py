"""One change of what is known of a domain, or of the daemon itself, as the history keeps it."""

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

import msgspec

from mtasts_resolver.policy import Dane, weakened_by_dane

# Characters of a text that are kept. An honest policy has a few hundred; a hostile one of 64 KiB
# that is another one every few minutes must not fill the history.
MAX_TEXT = 8_192


class Subject(StrEnum):
    """What has changed."""

    POLICY = "policy"
    """The policy of the domain: its text."""
    RECORD = "record"
    """The policy record, while a policy is cached."""
    REFRESH = "refresh"
    """Whether the cached policy can be fetched again."""
    DANE = "dane"
    """What was found of DANE at a next hop: its status, and each host."""
    ANSWER = "answer"
    """What Postfix is told of a next hop in a map."""
    OVERRIDE = "override"
    """What the administrator has put in the place of an answer."""
    OWN_RECORD = "own-record"
    """What one of `own_domains` publishes: its policy record."""
    OWN_REPORTS = "own-reports"
    """Its TLSRPT record."""
    OWN_POLICY = "own-policy"
    """What its policy host serves."""
    OWN_MX = "own-mx"
    """Its MX records."""
    OWN_CERTIFICATE = "own-certificate"
    """The certificates that its policy host, or an MX host, shows."""
    OWN_FINDINGS = "own-findings"
    """What is wrong with any of that."""
    DAEMON = "daemon"
    """What holds for all domains: that the daemon runs, its configuration, DNSSEC."""


class Change(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One change; texts are bounded, and in lines, so that their difference can be shown."""

    time: float
    """Seconds since 1970."""
    domain: str
    """The policy domain, A-label form; empty for what holds for all."""
    subject: Subject
    event: str
    """What happened, in one word."""
    now: str | None = None
    """What is from now on; None for nothing, as though nobody published anything."""
    was: str | None = None
    """What was until then."""
    now_id: str | None = None
    """The id of a policy."""
    was_id: str | None = None
    hop: str = ""
    """The next hop that an answer or a finding of DANE is about; the host of a certificate."""
    map: str = ""
    """The map that an answer is for."""
    weakened: tuple[str, ...] = ()
    """How it weakens protection, as policy/weakening.py has it."""
    reason: str = ""
    """Why, in words for an administrator."""
    by: str = ""
    """Who did it, where it was a person."""
    given: bool = True
    """Of an answer: a look-up got it. Else it is what one would have got."""


class RecordedChange(NamedTuple):
    """A change in its place in the history."""

    number: int
    """It grows with each change: later ones have higher numbers, whatever the clock says."""
    change: Change
    seen: float | None
    """When the same answer was given again, the last time that this was noted."""


def bounded(text: str) -> str:
    """Return `text`, or its beginning and what tells the rest from another rest."""
    if len(text) <= MAX_TEXT:
        return text
    digest = sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{text[:MAX_TEXT]}\n[cut: {len(text):,} characters, SHA-256 {digest}]\n"


class ChangesRecorded(NamedTuple):
    """Changes were written to the history, in this order."""

    changes: Sequence[RecordedChange]


def settled(change: Change, last: Change | None, *, usual: bool) -> Change | None:
    """Return `change` as it is to be kept after the `last` of its subject; None: it is none.

    Who notes it may not know what was, as after a restart. Then the last one tells.
    """
    if last is None:
        return None if usual else change
    if change.subject is Subject.DAEMON:
        return change
    if (change.now, change.now_id) == (last.now, last.now_id):
        return None
    if change.was is None:
        change = msgspec.structs.replace(change, was=last.now, was_id=last.now_id)
    if change.subject is Subject.DANE:
        # Between two findings there may be one that says nothing, as the look-up failed.
        before = last.was if dane_status(last.now) is Dane.UNKNOWN else last.now
        weakened = weakened_by_dane(dane_status(before), dane_status(change.now))
        change = msgspec.structs.replace(change, weakened=tuple(weakened))
    return change


def dane_status(text: str | None) -> Dane:
    """Return the status that the text of a finding begins with."""
    word, _, _ = (text or "").partition("\n")
    return Dane(word) if word in _STATUSES else Dane.UNKNOWN


_STATUSES = frozenset(status.value for status in Dane)
