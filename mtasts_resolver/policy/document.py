"""The policy document: what the policy host serves over HTTPS (RFC 8461 §3.2)."""

import re
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from mtasts_resolver.policy.hostname import is_domain, is_mx_pattern

MAX_DOCUMENT_BYTES = 65_536  # RFC 8461 §3.3 suggests 64 KiB
MAX_MAX_AGE = 31_557_600  # seconds, about a year: RFC 8461 §3.2
MAX_AGE_DIGITS = 10  # RFC 8461 §3.2: sts-policy-max-age-value = 1*10(DIGIT)
# Different mx patterns of a policy. gmail.com, among the largest, publishes two; the policies in 21
# TLS reports of Google, Microsoft and others have one to four. 64 KiB would hold 7,000, which in
# memory and in each reply take ten times the room.
MAX_MX_PATTERNS = 100
# Policies have a dozen lines. To read so many takes up to a millisecond, in which the daemon does
# nothing else; the 16,000 that 64 KiB would hold take ten.
MAX_LINES = 1_000

# RFC 8461 §3.2, whose text speaks of CRLF alone; erratum 6253 (reported) corrects it:
#
#   sts-policy-record    = sts-policy-field *WSP *(sts-policy-term sts-policy-field *WSP)
#                          [sts-policy-term]
#   sts-policy-term      = LF / CRLF
#   sts-policy-ext-name  = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
#   sts-policy-ext-value = sts-policy-vchar [*(%x20 / sts-policy-vchar) sts-policy-vchar]
#   sts-policy-vchar     = %x21-7E / UTF8-2 / UTF8-3 / UTF8-4
#
# The named fields (version, mode, mx, max_age) all fit the extension's grammar, ":" and white
# space between name and value, so one expression reads every line, and the values are checked by
# name. vchar is what is no control, no space and no DEL: named by what it leaves out, the
# expression compiles in a tenth of the time. The tests on values are spelled out: int(),
# str.isdigit() and str.splitlines() know more of Unicode than this grammar does.
#
# Three leniencies, each with one meaning only, and all seen in enforced policies: blank lines are
# passed over; one final dot of an mx is dropped, as DNS writes a name in full; and an mx that fits
# the grammar but can match no MX host, as an IPv4 address, is left out as long as others remain.
_FIELD = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*"
    r"(?P<value>[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?)[ \t]*\Z",
)
_DIGITS = re.compile(r"[0-9]+\Z")

_SHOWN = 60  # characters of a faulty line that an error quotes


class Mode(StrEnum):
    """What a policy asks of senders (RFC 8461 §5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"
    """No policy any more, which is how a domain leaves MTA-STS (RFC 8461 §8.3)."""


class Policy(Struct, frozen=True, gc=False):
    """A valid policy."""

    mode: Mode
    max_age: int
    """Seconds, 0 to MAX_MAX_AGE."""
    mx: tuple[str, ...]
    """mx patterns that can match, lower case, in the document's order; empty only in mode none."""
    document: str = ""
    """The document as served."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The document's lines as served, without their terminators."""
        return _split_lines(self.document)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What stands in an `mx` of the document and can match no MX host."""
        patterns = (
            _mx_pattern(value, number)
            for name, value, number in document_fields(self.document)
            if name == "mx"
        )
        return tuple(dict.fromkeys(mx for mx in patterns if not is_mx_pattern(mx)))


class DocumentError(ValueError):
    """The policy document is invalid; the text says why.

    `line` is the 1-based number of the faulty line, if it is one; `lacking` names a field that is
    missing.
    """

    def __init__(self, reason: str, line: int | None = None, *, lacking: str | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.line = line
        self.lacking = lacking


def parse_document(body: bytes) -> Policy:
    """Return the policy that `body`, a policy document as served, holds; or raise DocumentError."""
    if len(body) > MAX_DOCUMENT_BYTES:
        raise DocumentError(f"the document is longer than {MAX_DOCUMENT_BYTES:,} bytes")
    try:
        document = body.decode()
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise DocumentError("it is not UTF-8", line) from None
    return _parse(document, max_age_digits=MAX_AGE_DIGITS)


def parse_text(document: str) -> Policy:
    """Return the policy that `document` holds, which was accepted once; or raise DocumentError.

    Earlier versions read a max_age of any number of digits. Such a policy applies until it expires
    (RFC 8461 §5.1), and an update of this program must not end it. The bounds on lines and patterns
    hold all the same: what goes beyond them is an attack on whoever reads it.
    """
    return _parse(document, max_age_digits=MAX_DOCUMENT_BYTES)


def _parse(document: str, *, max_age_digits: int) -> Policy:
    """Return the policy that `document` holds.

    Of a field that stands twice the first counts; unknown fields are ignored if they are
    well-formed (RFC 8461 §3.2).
    """
    values: dict[str, tuple[str, int]] = {}
    mx: list[str] = []
    for name, value, number in document_fields(document):
        values.setdefault(name, (value, number))
        if name == "mx":
            mx.append(_mx_pattern(value, number))

    if not values:
        raise DocumentError("the document is empty")
    _check_version(*_required(values, "version"))
    mode = _mode(*_required(values, "mode"))
    max_age = _max_age(*_required(values, "max_age"), max_age_digits)
    patterns = dict.fromkeys(mx)
    if len(patterns) > MAX_MX_PATTERNS:
        raise DocumentError(f"it has {len(patterns):,} mx patterns; {MAX_MX_PATTERNS} are allowed")
    usable = tuple(filter(is_mx_pattern, patterns))
    if not usable and mode is not Mode.NONE:
        what = "mx that can match an MX host" if mx else "mx"
        raise DocumentError(f"there is no {what}, which mode {mode} requires", lacking="mx")
    return Policy(mode, max_age, usable, document)


def document_fields(document: str) -> Iterator[tuple[str, str, int]]:
    """Yield name, value and line number of each line that is not blank. Raise DocumentError."""
    lines = _split_lines(document)
    if len(lines) > MAX_LINES:
        raise DocumentError(f"it has {len(lines):,} lines; {MAX_LINES:,} are allowed")
    for number, line in enumerate(lines, start=1):
        found = _FIELD.match(line)
        if found:
            yield found["name"], found["value"], number
        elif line.strip(" \t"):
            raise DocumentError(_why_malformed(line), number)


def _split_lines(document: str) -> tuple[str, ...]:
    """Split at LF and CRLF, and at nothing else; drop blank lines at the end."""
    *terminated, last = document.split("\n")
    lines = [line.removesuffix("\r") for line in terminated] + [last]
    while lines and not lines[-1].strip(" \t"):
        lines.pop()
    return tuple(lines)


def _required(values: dict[str, tuple[str, int]], name: str) -> tuple[str, int]:
    try:
        return values[name]
    except KeyError:
        raise DocumentError(f"there is no {name}", lacking=name) from None


def _check_version(value: str, line: int) -> None:
    if value != "STSv1":
        raise DocumentError(f"the version is {_quote(value)}, not 'STSv1'", line)


def _mode(value: str, line: int) -> Mode:
    try:
        return Mode(value)
    except ValueError:
        raise DocumentError(
            f"the mode {_quote(value)} is none of enforce, testing, none", line
        ) from None


def _max_age(value: str, line: int, max_digits: int) -> int:
    """Return the seconds that `value` says, MAX_MAX_AGE at most.

    The grammar allows ten digits, erratum 7282 (reported) would allow eight. A domain that asks for
    longer protection than there is gets the longest there is, rather than none.
    """
    if not _DIGITS.match(value):
        raise DocumentError(f"max_age {_quote(value)} is not a number of seconds", line)
    if len(value) > max_digits:
        raise DocumentError(f"max_age {_quote(value)} has more than {max_digits} digits", line)
    significant = value.lstrip("0") or "0"
    # Compared by length first: int() refuses to read thousands of digits.
    if len(significant) > len(str(MAX_MAX_AGE)):
        return MAX_MAX_AGE
    return min(int(significant), MAX_MAX_AGE)


def _mx_pattern(value: str, line: int) -> str:
    """Return the mx pattern in lower case; RFC 8461 §3.2: `["*."] Domain`, in A-label form."""
    pattern = value.lower().removesuffix(".") if value.isascii() else value
    if not is_domain(pattern.removeprefix("*.")):
        raise DocumentError(f"the mx {_quote(value)} is not a host name or '*.' and one", line)
    return pattern


def _why_malformed(line: str) -> str:
    if line.startswith("\ufeff"):
        return "it begins with a byte order mark"
    return f"{_quote(line)} is not 'name: value'"


def _quote(text: str) -> str:
    return ascii(text[:_SHOWN])
