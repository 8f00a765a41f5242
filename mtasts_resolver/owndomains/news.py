"""From one check to the next: what has changed, and what is newly wrong. Values alone."""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mtasts_resolver.findings import Finding
from mtasts_resolver.owndomains.facts import Facts, facts_of
from mtasts_resolver.owndomains.lastcheck import LastCheck, Mark, certificates_of, count_by_severity
from mtasts_resolver.policy import DocumentError, RecordError, parse_text, select_record
from mtasts_resolver.published.judge import SeenBefore
from mtasts_resolver.published.observed import Observed


class FactChange(Struct, frozen=True, kw_only=True):
    """Something that a domain publishes is another than it was."""

    what: str
    """`record`, `reports`, `policy`, `mx` or `certificate`."""
    host: str = ""
    """Of a certificate."""
    was: str | None
    """None where nothing was known of it."""
    now: str


class News(Struct, frozen=True, kw_only=True):
    """What a check has found that is new."""

    changes: tuple[FactChange, ...] = ()
    appeared: tuple[Finding, ...] = ()
    """What is newly wrong, the worst first."""
    gone: tuple[Mark, ...] = ()
    """What is wrong no more."""

    def marks(self) -> frozenset[Mark]:
        """Return what is newly wrong, without its words."""
        return frozenset(map(Mark.of, self.appeared))

    def __bool__(self) -> bool:
        return bool(self.changes or self.appeared or self.gone)


def next_check(
    observed: Observed, findings: Sequence[Finding], last: LastCheck | None
) -> tuple[LastCheck, News]:
    """Return how a domain stands after a check, and what of that is new.

    Without a `last` one no fact is news, for nothing is known of what was.
    """
    known = Facts() if last is None else last.facts
    check = LastCheck(
        domain=observed.domain,
        checked=observed.at,
        seen=msgspec.Raw(msgspec.json.encode(observed)),
        certificates=certificates_of(observed),
        findings=tuple(findings),
        counts=count_by_severity(findings),
        facts=facts_of(observed, known),
        before=_policy_before(observed, SeenBefore() if last is None else last.before),
    )
    marks = check.marks()
    told: frozenset[Mark] = frozenset() if last is None else last.told
    confirmed: frozenset[Mark] = frozenset() if last is None else last.marks()
    appeared = (marks & confirmed) - told
    gone = told - (marks | confirmed)
    news = News(
        changes=() if last is None else tuple(_changes(known, check.facts)),
        appeared=tuple(finding for finding in findings if Mark.of(finding) in appeared),
        gone=tuple(sorted(gone)),
    )
    return replace(check, told=(told | appeared) - gone), news


def _changes(known: Facts, facts: Facts) -> Iterator[FactChange]:
    for key, now in facts.texts.items():
        was = known.texts.get(key)
        if was != now:
            what, _, host = key.partition(" ")
            yield FactChange(what=what, host=host, was=was, now=now)


def _policy_before(observed: Observed, before: SeenBefore) -> SeenBefore:
    """Return the policy as it was when its id became what it is now, and since when its mode is.

    So a document that is another one under the same id is told of until the id is another, too.
    """
    documents = (address.document for address in observed.policy_host.addresses)
    document = next(filter(None, documents), "")
    try:
        policy_id = select_record(text.encode() for text in observed.record.texts).id
    except RecordError:
        return before
    if document and (policy_id != before.id or not before.document):
        before = replace(before, id=policy_id, document=document)
    try:
        mode = parse_text(document).mode.value
    except DocumentError:
        return before
    return before if mode == before.mode else replace(before, mode=mode, since=observed.at)
