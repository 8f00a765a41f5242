"""Findings on the policy record: the TXT record at `_mta-sts.<domain>` (RFC 8461 §3.1)."""

from collections.abc import Iterator

from mtasts_resolver.base.spans import span
from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.policy import RecordError, parse_record, split_fields
from mtasts_resolver.published.judge.meant import Meant, is_attempt
from mtasts_resolver.published.judge.words import at_most, listed, quoted
from mtasts_resolver.published.observed import Observed, SeenTexts

# A sender that has the record in its cache does not see another id before that is over. Discovery
# knows no longer one than this (MAX_TTL in discovery/dns/answer.py).
TTL_LONG = 86_400.0

_UNPROTECTED = (
    "Senders find no policy and deliver as without MTA-STS: whoever is on the way can read the "
    "mail. Only those that have an earlier policy in their cache go on by it."
)
_ONE = "Publish one TXT record: `v=STSv1; id=…;`, with an id of up to 32 letters and digits."

NO_POLICY_RECORD = FindingKind(
    code="no-policy-record",
    severity=Severity.WARNING,
    title="there is no policy record",
    matters="The domain does not use MTA-STS: mail to it is encrypted where nobody prevents that, "
    "and no sender verifies whom it reaches.",
    action="`mtasts-resolver publish DOMAIN` writes what to publish, beginning with mode testing.",
)
POLICY_WITHOUT_RECORD = FindingKind(
    code="policy-without-record",
    severity=Severity.ERROR,
    title="a policy is served, and no record tells of it",
    matters=_UNPROTECTED,
    action=_ONE,
)
RECORD_LOOKUP_FAILED = FindingKind(
    code="policy-record-lookup-failed",
    severity=Severity.ERROR,
    title="the policy record cannot be looked up",
    matters=_UNPROTECTED,
    action="Look whether the domain's name servers answer, and whether its DNSSEC signatures are "
    "valid; where other domains fail too, look at your own resolver.",
)
SEVERAL_RECORDS = FindingKind(
    code="policy-records-several",
    severity=Severity.ERROR,
    title="there are several policy records",
    matters=f"Not exactly one means none (RFC 8461 §3.1). {_UNPROTECTED}",
    action="Remove all but the one with the current id.",
)
VERSION_WRONG = FindingKind(
    code="policy-record-version-wrong",
    severity=Severity.ERROR,
    title="what should be the policy record does not begin with `v=STSv1;`",
    matters=f"Such a record is discarded (RFC 8461 §3.1). {_UNPROTECTED}",
    action=_ONE,
)
RECORD_INVALID = FindingKind(
    code="policy-record-invalid",
    severity=Severity.ERROR,
    title="the policy record breaks the grammar",
    matters=f"A record that is not valid counts for nothing (RFC 8461 §3.1). {_UNPROTECTED}",
    action=_ONE,
)
SPACE_IN_RECORD = FindingKind(
    code="policy-record-space",
    severity=Severity.WARNING,
    title="white space stands between `v=STSv1` and the semicolon",
    matters="The grammar of RFC 8461 §3.1 allows that, its text does not: strict senders discard "
    "the record, and deliver as without MTA-STS.",
    action="Write `v=STSv1;`.",
)
FIELDS_IGNORED = FindingKind(
    code="policy-record-fields-ignored",
    severity=Severity.NOTE,
    title="the policy record has fields that mean nothing",
    matters="Senders ignore them: mode, mx and max_age count in the policy alone, and of several "
    "ids the first.",
    action="Leave `v` and one `id`.",
)
RECORD_ALIAS = FindingKind(
    code="policy-record-alias",
    severity=Severity.NOTE,
    title="the policy record is an alias",
    matters="Whoever holds that name says when senders look for another policy. RFC 8461 §3.1 "
    "allows it.",
    action="See that the name is still held by whom you trust with it.",
)
RECORD_TTL_LONG = FindingKind(
    code="policy-record-ttl-long",
    severity=Severity.NOTE,
    title="the policy record has a long TTL",
    matters="So long a sender may go on by the policy that it has after another was published.",
    action="A TTL of an hour is usual.",
)

KINDS = (
    NO_POLICY_RECORD,
    POLICY_WITHOUT_RECORD,
    RECORD_LOOKUP_FAILED,
    SEVERAL_RECORDS,
    VERSION_WRONG,
    RECORD_INVALID,
    SPACE_IN_RECORD,
    FIELDS_IGNORED,
    RECORD_ALIAS,
    RECORD_TTL_LONG,
)


def judge_policy_record(observed: Observed, meant: Meant) -> Iterator[Finding]:
    """Yield what is to be said of the policy record."""
    seen = observed.record
    texts = [text.encode() for text in seen.texts]
    candidates = [text for text in texts if _is_candidate(text)]
    if seen.failure is not None:
        yield RECORD_LOOKUP_FAILED.found(seen.name, seen.failure.reason)
    elif len(candidates) > 1:
        yield SEVERAL_RECORDS.found(
            seen.name, f"{len(candidates)} records: {listed([*map(quoted, candidates)])}"
        )
    elif candidates:
        yield from _judge_text(seen.name, candidates[0])
        yield from _judge_name(seen)
    elif attempts := [text for text in texts if is_attempt(text)]:
        yield VERSION_WRONG.found(seen.name, listed([*map(quoted, attempts)]))
    elif meant.attempted:
        yield POLICY_WITHOUT_RECORD.found(
            seen.name, f"{_absent(seen)}, and {observed.policy_host.name} serves a policy"
        )
    elif not meant.no_mail:
        yield _none(observed, meant)


def _none(observed: Observed, meant: Meant) -> Finding:
    """Return that the domain has no MTA-STS; less of a lack where DANE protects its mail."""
    found = _absent(observed.record)
    if observed.domain.count(".") > 1:
        # RFC 8461 §3.4: a policy is for one domain.
        found += "; a policy of the domain above does not apply to this one (RFC 8461 §3.4)"
    if meant.dane:
        found += "; senders that know DANE verify the MX hosts all the same"
    finding = NO_POLICY_RECORD.found(observed.record.name, found)
    return at_most(finding, Severity.NOTE) if meant.dane else finding


def _absent(seen: SeenTexts) -> str:
    """Say that there is no record; an alias of what a provider has removed looks so, too."""
    alias = "" if seen.alias_of is None else f" at {seen.alias_of}, of which it is an alias"
    return f"no such record{alias}"


def _judge_text(name: str, text: bytes) -> Iterator[Finding]:
    """Yield what is to be said of the one record that has the right version."""
    try:
        record = parse_record(text)
    except RecordError as error:
        where = "" if error.position is None else f", from character {error.position} on"
        yield RECORD_INVALID.found(name, f"{quoted(text)}: {error}{where}")
        return
    if not text.startswith(b"v=STSv1;"):
        yield SPACE_IN_RECORD.found(name, quoted(text))
    fields = [field for field, _ in split_fields(text)]
    counts = f"id={record.id}".encode()
    if ignored := [*fields[: fields.index(counts)], *fields[fields.index(counts) + 1 :]]:
        yield FIELDS_IGNORED.found(name, listed([*map(quoted, ignored)]))


def _judge_name(seen: SeenTexts) -> Iterator[Finding]:
    """Yield what is to be said of how the record is published."""
    if seen.alias_of is not None:
        yield RECORD_ALIAS.found(seen.name, f"an alias of {seen.alias_of}")
    if seen.ttl >= TTL_LONG:
        yield RECORD_TTL_LONG.found(seen.name, f"{span(TTL_LONG)} or longer")


def _is_candidate(text: bytes) -> bool:
    """Tell whether the record has the right version, whatever else is wrong with it."""
    version, semicolon, _ = text.partition(b";")
    return bool(semicolon) and version.rstrip(b" \t") == b"v=STSv1"
