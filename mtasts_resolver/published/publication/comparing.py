"""What is out there beside what should be, difference by difference."""

from collections.abc import Iterator

from msgspec import Struct

from mtasts_resolver.policy import Policy, RecordError, select_record
from mtasts_resolver.published.observed import Observed, SeenTexts
from mtasts_resolver.published.publication.policyfile import means_the_same
from mtasts_resolver.published.publication.standing import served_policies
from mtasts_resolver.published.publication.tlsrpt import read_report_uris, report_record
from mtasts_resolver.published.publication.wanted import Publication


class PublicationDifference(Struct, frozen=True, kw_only=True):
    """One thing that is not out there as it should be."""

    about: str
    """The name of a record, or of the policy host with the address."""
    published: str
    """What is there, in lines; empty: nothing."""
    wanted: str
    reason: str = ""
    """Why what is there is no use, where its words do not tell."""


def find_differences(
    observed: Observed, wanted: Publication, *, guessed: bool = False
) -> list[PublicationDifference]:
    """Return what is not out there as it is wanted; what means the same is no difference.

    Where the policy that is wanted was `guessed`, nobody can say how another one differs.
    """
    return [
        *_record(observed.record, wanted),
        *_policies(observed, None if guessed else wanted.policy),
        *_reports(observed, wanted),
    ]


def _record(seen: SeenTexts, wanted: Publication) -> Iterator[PublicationDifference]:
    try:
        found = select_record(text.encode("ascii", "replace") for text in seen.texts)
    except RecordError as error:
        reason = seen.failure.reason if seen.failure else str(error)
    else:
        if found.id == wanted.policy_id:
            return
        reason = ""
    yield _difference(seen, wanted.record_text, reason)


def _policies(observed: Observed, wanted: Policy | None) -> Iterator[PublicationDifference]:
    for served in served_policies(observed):
        if served.policy is None or wanted is None or not means_the_same(served.policy, wanted):
            yield PublicationDifference(
                about=served.place,
                published=served.document,
                wanted=wanted.document if wanted else "",
                reason=served.fault,
            )


def _reports(observed: Observed, wanted: Publication) -> Iterator[PublicationDifference]:
    seen = observed.reports
    if set(read_report_uris(seen.texts)) != set(wanted.reports):
        reason = seen.failure.reason if seen.failure else ""
        yield _difference(seen, report_record(wanted.reports), reason)


def _difference(seen: SeenTexts, wanted: str, reason: str) -> PublicationDifference:
    return PublicationDifference(
        about=f"TXT {seen.name}", published="\n".join(seen.texts), wanted=wanted, reason=reason
    )
