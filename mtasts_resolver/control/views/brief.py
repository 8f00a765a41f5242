"""Changes as whoever joins them with a log wants them: all that there are, each in a few words."""

from collections.abc import AsyncIterator

from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.history import BriefChange
from mtasts_resolver.policy import DocumentError, parse_text
from mtasts_resolver.store.changes import Change, RecordedChange, Subject
from mtasts_resolver.store.changetable import Wanted

MAX_WORDS = 300  # characters of a reason, and of what is or was: a line or two of a report
# Characters of what weakens protection, which is shown: an honest policy has a few hundred.
MAX_DOCUMENT = 2_000

_OWN = "own-"


async def view_brief_changes(sources: Sources) -> AsyncIterator[BriefChange]:
    """Yield all changes that are kept, the latest first. Raise UnavailableError."""
    async for page in sources.history.pages(Wanted()):
        async for recorded in bites(page):
            yield brief(recorded)


def brief(recorded: RecordedChange) -> BriefChange:
    """Return a change without the documents that are in it."""
    number, change, seen = recorded
    return BriefChange(
        number=number,
        time=change.time,
        domain=change.domain,
        subject=change.subject,
        event=change.event[:MAX_WORDS],
        hop=change.hop[:MAX_WORDS],
        map=change.map[:MAX_WORDS],
        now=_words(change, change.now),
        was=_words(change, change.was),
        weakened=change.weakened,
        reason=change.reason[:MAX_WORDS],
        given=change.given,
        seen=seen,
    )


def _words(change: Change, text: str | None) -> str | None:
    """Return the mode of a policy, and of all else the words that it begins with."""
    subject = change.subject
    if text is None or subject.startswith(_OWN):
        return None
    if change.weakened:
        return text[:MAX_DOCUMENT]
    if subject is Subject.POLICY:
        try:
            return parse_text(text).mode.value
        except DocumentError:  # it was cut, or is none of this version's
            return ""
    if subject is Subject.OVERRIDE:
        return text[:MAX_WORDS]
    first, _, _ = text.partition("\n")
    return first.partition(" ")[0][:MAX_WORDS] if subject is Subject.ANSWER else first[:MAX_WORDS]
