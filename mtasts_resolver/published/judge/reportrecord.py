"""Findings on the TLSRPT record: the TXT record at `_smtp._tls.<domain>` (RFC 8460 §3)."""

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.policy import Mode, RecordError, select_report_record
from mtasts_resolver.published.judge.meant import Meant
from mtasts_resolver.published.judge.words import listed, quoted
from mtasts_resolver.published.observed import Observed, SeenTexts

SCHEMES = ("mailto", "https")  # RFC 8460 §3

_NOTHING_HEARD = "No sender reports what fails: you hear of it when mail does not arrive."
_ONE = "Publish one TXT record: `v=TLSRPTv1; rua=mailto:…`."

NO_REPORT_RECORD = FindingKind(
    code="no-report-record",
    severity=Severity.NOTE,
    title="there is no TLSRPT record",
    matters=_NOTHING_HEARD,
    action=_ONE,
)
TESTING_UNHEARD = FindingKind(
    code="testing-without-reports",
    severity=Severity.WARNING,
    title="the policy is tested, and nobody may report",
    matters="Mode testing has senders report what does not fit. Without a TLSRPT record that can "
    "be used they tell nobody, and it changes nothing.",
    action=_ONE,
)
LOOKUP_FAILED = FindingKind(
    code="report-record-lookup-failed",
    severity=Severity.WARNING,
    title="the TLSRPT record cannot be looked up",
    matters=_NOTHING_HEARD,
    action="Look whether the domain's name servers answer, and whether its DNSSEC signatures are "
    "valid.",
)
SEVERAL_RECORDS = FindingKind(
    code="report-records-several",
    severity=Severity.WARNING,
    title="there are several TLSRPT records",
    matters=f"Not exactly one means none (RFC 8460 §3). {_NOTHING_HEARD}",
    action="Leave one. Its `rua` may name several places, with commas between them.",
)
RECORD_INVALID = FindingKind(
    code="report-record-invalid",
    severity=Severity.WARNING,
    title="the TLSRPT record breaks the grammar",
    matters=f"A record that is not valid counts for nothing. {_NOTHING_HEARD}",
    action=f"{_ONE} In a URI `,`, `!` and `;` are percent-encoded.",
)
SCHEME_UNKNOWN = FindingKind(
    code="report-uri-unusable",
    severity=Severity.WARNING,
    title="the TLSRPT record names a place that no report goes to",
    matters="Reports are sent by `mailto:` and `https:` alone (RFC 8460 §3).",
    action="Name a mailbox with `mailto:`, or a collector with `https:`.",
)
ADDRESS_AFFECTED = FindingKind(
    code="report-address-affected",
    severity=Severity.NOTE,
    title="reports go to the domain whose mail is held",
    matters="Senders are to deliver reports in spite of what they report (RFC 8460 §3), and not "
    "all do.",
    action="Name a mailbox elsewhere as well.",
)

KINDS = (
    NO_REPORT_RECORD,
    TESTING_UNHEARD,
    LOOKUP_FAILED,
    SEVERAL_RECORDS,
    RECORD_INVALID,
    SCHEME_UNKNOWN,
    ADDRESS_AFFECTED,
)


def judge_report_record(observed: Observed, meant: Meant, *, held: bool) -> Iterator[Finding]:
    """Yield what is to be said of the TLSRPT record; `held`: mail to the domain may be held."""
    seen = observed.reports
    if meant.no_mail:
        return
    if seen.failure is not None:
        if observed.record.failure is None:  # else it is the same trouble, and told
            yield LOOKUP_FAILED.found(seen.name, seen.failure.reason)
        return
    texts = [text.encode() for text in seen.texts]
    usable = False
    try:
        uris = select_report_record(texts).uris
        yield from (found := list(_judge_uris(seen.name, uris)))
        usable = len(found) < len(uris)
        if held and (own := _own_mailboxes(uris, observed.domain)):
            yield ADDRESS_AFFECTED.found(seen.name, listed(own))
    except RecordError as error:
        yield from _judge_unusable(seen, texts, error, meant)
    if meant.mode is Mode.TESTING and not usable:
        yield TESTING_UNHEARD.found(seen.name, "there is no TLSRPT record that can be used")


def _judge_unusable(
    seen: SeenTexts, texts: list[bytes], error: RecordError, meant: Meant
) -> Iterator[Finding]:
    """Yield why no record counts; absence only matters where something is to be reported."""
    attempts = [text for text in texts if b"tlsrpt" in text.lower() or b"rua=" in text.lower()]
    if len(attempts) > 1:
        yield SEVERAL_RECORDS.found(seen.name, listed([*map(quoted, attempts)]))
    elif attempts:
        where = "" if error.position is None else f", from character {error.position} on"
        yield RECORD_INVALID.found(seen.name, f"{quoted(attempts[0])}: {error}{where}")
    elif (meant.attempted or meant.dane) and meant.mode not in (Mode.TESTING, Mode.NONE):
        yield NO_REPORT_RECORD.found(seen.name, "no such record")


def _judge_uris(name: str, uris: tuple[str, ...]) -> Iterator[Finding]:
    for uri in uris:
        scheme, _, rest = uri.partition(":")
        if scheme.lower() not in SCHEMES:
            yield SCHEME_UNKNOWN.found(name, f"{printable(uri)}: the scheme is {scheme}")
        elif scheme.lower() == "mailto" and "@" not in unquote(rest).strip("@"):
            yield SCHEME_UNKNOWN.found(name, f"{printable(uri)}: no mail address")
        elif scheme.lower() == "https" and not _has_host(uri):
            yield SCHEME_UNKNOWN.found(name, f"{printable(uri)}: no host")


def _has_host(uri: str) -> bool:
    try:
        return bool(urlsplit(uri).hostname)
    except ValueError:
        return False


def _own_mailboxes(uris: tuple[str, ...], domain: str) -> list[str]:
    """Return the mailboxes in the domain itself; nothing where reports go elsewhere, too."""
    own = []
    for uri in uris:
        scheme, _, rest = uri.partition(":")
        mailbox = unquote(rest.partition("?")[0])
        if scheme.lower() != "mailto" or mailbox.rpartition("@")[2].lower() != domain:
            return []
        own.append(printable(mailbox))
    return own
