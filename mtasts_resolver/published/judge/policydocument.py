"""Findings on the policy document, line by line (RFC 8461 §3.2)."""

from collections.abc import Iterator

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.base.spans import span
from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.policy import (
    MAX_MAX_AGE,
    DocumentError,
    Mode,
    Policy,
    document_fields,
    parse_document,
)
from mtasts_resolver.published.judge.words import listed
from mtasts_resolver.published.observed import Observed

MAX_FAULTS = 10  # told of one document; who has more does not write a policy

# RFC 8461 §3.2 expects weeks, so that who can keep senders from the policy for a while gains
# nothing. Below a day a weekend's outage of the policy host ends the protection.
WEEK, DAY = 604_800, 86_400

# The fields there are, and a line with each that makes nothing else invalid.
_FILLERS = {
    "version": "version: STSv1",
    "mode": "mode: none",
    "mx": "mx: mx.example",
    "max_age": "max_age: 0",
}

INVALID = FindingKind(
    code="policy-invalid",
    severity=Severity.ERROR,
    title="the policy is not valid",
    matters="Senders reject the whole of it, and deliver as without MTA-STS: whoever is on the way "
    "can read the mail. Those that have an earlier policy go on by it until its max_age is over.",
    action="Correct the line. `mtasts-resolver publish DOMAIN` writes a policy that is valid.",
)
FIELD_REPEATED = FindingKind(
    code="policy-field-repeated",
    severity=Severity.WARNING,
    title="a field that counts once stands several times in the policy",
    matters="The first counts (RFC 8461 §3.2); a sender that takes the last does something else.",
    action="Leave one.",
)
FIELDS_UNKNOWN = FindingKind(
    code="policy-fields-unknown",
    severity=Severity.NOTE,
    title="the policy has fields that are not known",
    matters="Senders ignore them.",
    action="Correct the name if `version`, `mode`, `mx` or `max_age` was meant.",
)
MX_UNUSABLE = FindingKind(
    code="policy-mx-unusable",
    severity=Severity.WARNING,
    title="an `mx` of the policy can match no MX host",
    matters="Names match, addresses do not. Some senders reject the whole policy for it.",
    action="Write the name of the MX host.",
)
MX_FINAL_DOT = FindingKind(
    code="policy-mx-final-dot",
    severity=Severity.WARNING,
    title="an `mx` of the policy ends in a dot",
    matters="The grammar has none (RFC 8461 §3.2): to strict senders such a line is not valid, or "
    "matches no host.",
    action="Leave the dot out.",
)
BLANK_LINES = FindingKind(
    code="policy-blank-lines",
    severity=Severity.NOTE,
    title="the policy has blank lines",
    matters="The grammar has none (RFC 8461 §3.2). Most senders pass over them.",
    action="Leave them out.",
)
MAX_AGE_SHORT = FindingKind(
    code="policy-max-age-short",
    severity=Severity.WARNING,
    title="the policy lasts for less than a day",
    matters="Whoever keeps senders from the policy host for that long ends the protection, and so "
    "does an outage. And not every sender takes a max_age of 0.",
    action="Set max_age to two weeks (1209600) or more.",
)
MAX_AGE_BELOW_WEEKS = FindingKind(
    code="policy-max-age-below-weeks",
    severity=Severity.NOTE,
    title="the policy lasts for less than a week",
    matters="RFC 8461 §3.2 expects weeks: an attack, or an outage of the policy host, that lasts "
    "longer ends the protection.",
    action="Set max_age to two weeks (1209600) or more.",
)
MAX_AGE_TOO_LONG = FindingKind(
    code="policy-max-age-too-long",
    severity=Severity.WARNING,
    title="the policy lasts for more than the most there is",
    matters="RFC 8461 §3.2 has 31557600 seconds at most: strict senders reject the whole policy, "
    "others take that for it.",
    action="Set max_age to 31557600 or less.",
)
TESTING = FindingKind(
    code="policy-testing",
    severity=Severity.NOTE,
    title="the policy is in mode testing",
    matters="Senders report what does not fit, and deliver all the same: nobody is kept from "
    "reading the mail.",
    action="When the reports have shown nothing for two weeks, change the mode to enforce, and the "
    "id.",
)
NONE = FindingKind(
    code="policy-none",
    severity=Severity.NOTE,
    title="the policy has mode none",
    matters="Senders deliver as without MTA-STS, and forget what they knew. So a domain leaves "
    "MTA-STS (RFC 8461 §8.3).",
    action="When the longest max_age that was ever published is over, remove the record, and then "
    "the policy.",
)

KINDS = (
    INVALID,
    FIELD_REPEATED,
    FIELDS_UNKNOWN,
    MX_UNUSABLE,
    MX_FINAL_DOT,
    BLANK_LINES,
    MAX_AGE_SHORT,
    MAX_AGE_BELOW_WEEKS,
    MAX_AGE_TOO_LONG,
    TESTING,
    NONE,
)


def judge_policy_document(observed: Observed) -> Iterator[Finding]:
    """Yield what is to be said of the document, or of each where addresses serve different ones."""
    about = f"policy of {observed.domain}"
    told: set[Finding] = set()
    for document in dict.fromkeys(
        seen.document for seen in observed.policy_host.addresses if seen.document is not None
    ):
        for finding in _judge_document(about, document):
            if finding not in told:
                told.add(finding)
                yield finding


def _judge_document(about: str, document: str) -> Iterator[Finding]:
    try:
        policy = parse_document(document.encode())
    except DocumentError:
        for fault in _faults(document):
            yield INVALID.found(about, fault)
        return
    yield from _judge_fields(about, document)
    yield from _judge_lines(about, policy)
    yield from _judge_mode(about, policy)


def _faults(document: str) -> list[str]:
    """Return all that makes a document invalid, up to MAX_FAULTS.

    A faulty line is emptied, which has no meaning, and a field that is lacking is added below. So
    the document is read again and again, until it is valid. Of what is no policy at all, such as a
    page for browsers, the first is enough.
    """
    faults: list[tuple[int, str]] = []
    emptied: list[str] = []
    lines = document.split("\n")
    is_policy = any(line.lstrip("\ufeff \t").lower().startswith("version") for line in lines)
    for _ in range(MAX_FAULTS if is_policy else 1):
        try:
            parse_document("\n".join(lines).encode())
        except DocumentError as error:
            if error.line is not None:
                emptied.append(lines[error.line - 1].lstrip("\ufeff \t").lower())
                lines[error.line - 1] = ""
                faults.append((error.line, str(error)))
                continue
            if error.lacking is None or not any(line.startswith(error.lacking) for line in emptied):
                faults.append((len(lines), f"{error}{_misspelt(error.lacking, lines)}"))
            if error.lacking is None:  # such as too many lines: what is in them is no matter
                break
            lines.append(_FILLERS[error.lacking])
    return [fault for _, fault in sorted(faults)]


def _misspelt(name: str | None, lines: list[str]) -> str:
    """Return where `name` stands in another spelling: names are in lower case, with underscores."""
    for number, line in enumerate(lines, start=1):
        field = line.partition(":")[0].strip()
        if field != name and field.lower().replace("-", "_") == name:
            return f", but {quote(field)} in line {number}"
    return ""


def _judge_fields(about: str, document: str) -> Iterator[Finding]:
    """Yield what is to be said of the names and values of a valid document."""
    lines: dict[str, list[tuple[str, int]]] = {}
    for name, value, number in document_fields(document):
        lines.setdefault(name, []).append((value, number))
    for name in _FILLERS:
        if name != "mx" and len(found := lines.get(name, [])) > 1:
            at = listed([f"{number}: {quote(value)}" for value, number in found])
            yield FIELD_REPEATED.found(about, f"{name} in the lines {at}")
    if unknown := [
        f"line {found[0][1]}: {name}" for name, found in lines.items() if name not in _FILLERS
    ]:
        yield FIELDS_UNKNOWN.found(about, listed(unknown))
    if dotted := [
        f"line {number}: {quote(value)}"
        for value, number in lines.get("mx", [])
        if value.endswith(".")
    ]:
        yield MX_FINAL_DOT.found(about, listed(dotted))
    seconds = lines["max_age"][0][0]
    if int(seconds) > MAX_MAX_AGE:  # ten digits at most, or the document were not valid
        yield MAX_AGE_TOO_LONG.found(about, f"max_age {seconds}")


def _judge_lines(about: str, policy: Policy) -> Iterator[Finding]:
    if policy.left_out:
        yield MX_UNUSABLE.found(about, listed([quote(mx) for mx in policy.left_out]))
    # Without those at the end, which a file easily gets.
    if blank := [
        str(number) for number, line in enumerate(policy.lines, start=1) if not line.strip(" \t")
    ]:
        yield BLANK_LINES.found(about, f"line{'s' if len(blank) > 1 else ''} {listed(blank)}")


def _judge_mode(about: str, policy: Policy) -> Iterator[Finding]:
    """Yield what is to be said of mode and max_age, which go together."""
    if policy.mode is Mode.TESTING:
        yield TESTING.found(about, "mode testing")
    elif policy.mode is Mode.NONE:
        yield NONE.found(about, "mode none")
    # While it is tested a short one is right: what is wrong with it is soon over.
    elif policy.max_age < DAY:
        yield MAX_AGE_SHORT.found(about, f"max_age {policy.max_age} ({span(policy.max_age)})")
    elif policy.max_age < WEEK:
        yield MAX_AGE_BELOW_WEEKS.found(about, f"max_age {policy.max_age} ({span(policy.max_age)})")
