"""The policy document: what the policy host serves over HTTPS (RFC 8461 §3.2)."""

import re
from enum import StrEnum

from msgspec import Struct

from mtasts_resolver.policy.hostname import is_mx_pattern

MAX_DOCUMENT_BYTES = 65_536  # RFC 8461 §3.3 suggests 64 KiB
MAX_MAX_AGE = 31_557_600  # seconds, about a year: RFC 8461 §3.2
# Different mx patterns of a policy. Well-known policies have one to ten (Microsoft one, Google five
# or six), large hosters fewer than 20. 64 KiB would hold 7,000, which in memory
# and in each reply take ten times the room.
MAX_MX_PATTERNS = 100

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
    """mx patterns, lower case, in the order of the document; empty only in mode none."""
    document: str = ""
    """The document as served."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The document's lines as served, without their terminators."""
        return _split_lines(self.document)


class DocumentError(ValueError):
    """The policy document is invalid; the text says why.

    `line` is the 1-based number of the faulty line, or None where a field is missing.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.line = line


def parse_document(body: bytes) -> Policy:
    """Return the policy that `body`, a policy document as served, holds; or raise DocumentError."""
    if len(body) > MAX_DOCUMENT_BYTES:
        raise DocumentError(f"the document is longer than {MAX_DOCUMENT_BYTES:,} bytes")
    try:
        document = body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise DocumentError("it is not UTF-8", line) from None
    return parse_text(document)


def parse_text(document: str) -> Policy:
    """Return the policy that `document` holds, which was served once; or raise DocumentError.

    Of a field that stands twice the first counts; unknown fields are ignored if they are
    well-formed (RFC 8461 §3.2).
    """
    values: dict[str, tuple[int, str]] = {}
    mx: list[str] = []
    for number, line in enumerate(_split_lines(document), start=1):
        found = _FIELD.match(line)
        if not found:
            raise DocumentError(_why_malformed(line), number)
        name, value = found["name"], found["value"]
        if name == "mx":
            mx.append(_mx_pattern(value, number))
        else:
            values.setdefault(name, (number, value))

    if not (values or mx):
        raise DocumentError("the document is empty")
    _check_version(*_required(values, "version"))
    mode = _mode(*_required(values, "mode"))
    max_age = _max_age(*_required(values, "max_age"))
    if not mx and mode is not Mode.NONE:
        raise DocumentError(f"there is no mx, which mode {mode} requires")
    patterns = tuple(dict.fromkeys(mx))
    if len(patterns) > MAX_MX_PATTERNS:
        raise DocumentError(f"it has {len(patterns):,} mx patterns; {MAX_MX_PATTERNS} are allowed")
    return Policy(mode, max_age, patterns, document)


def _split_lines(document: str) -> tuple[str, ...]:
    """Split at LF and CRLF, and at nothing else; drop blank lines at the end."""
    *terminated, last = document.split("\n")
    lines = [line.removesuffix("\r") for line in terminated] + [last]
    while lines and not lines[-1].strip(" \t"):
        lines.pop()
    return tuple(lines)


def _required(values: dict[str, tuple[int, str]], name: str) -> tuple[int, str]:
    try:
        return values[name]
    except KeyError:
        raise DocumentError(f"there is no {name}") from None


def _check_version(line: int, value: str) -> None:
    if value != "STSv1":
        raise DocumentError(f"the version is {_quote(value)}, not 'STSv1'", line)


def _mode(line: int, value: str) -> Mode:
    try:
        return Mode(value)
    except ValueError:
        raise DocumentError(
            f"the mode {_quote(value)} is none of enforce, testing, none", line
        ) from None


def _max_age(line: int, value: str) -> int:
    """Return the seconds that `value` says, MAX_MAX_AGE at most.

    The grammar allows ten digits, erratum 7282 (reported) would allow eight. We read any number of
    them: a domain that asks for longer protection gets the longest there is, rather than none.
    """
    if not _DIGITS.match(value):
        raise DocumentError(f"max_age {_quote(value)} is not a number of seconds", line)
    significant = value.lstrip("0") or "0"
    # Compared by length first: int() refuses to read thousands of digits.
    if len(significant) > len(str(MAX_MAX_AGE)):
        return MAX_MAX_AGE
    return min(int(significant), MAX_MAX_AGE)


def _mx_pattern(value: str, line: int) -> str:
    """Return the mx pattern in lower case; RFC 8461 §3.2: `["*."] Domain`, in A-label form."""
    pattern = value.lower() if value.isascii() else value
    if not is_mx_pattern(pattern):
        raise DocumentError(f"the mx {_quote(value)} is not a host name or '*.' and one", line)
    return pattern


def _why_malformed(line: str) -> str:
    if line.startswith("\ufeff"):
        return "it begins with a byte order mark"
    if not line.strip(" \t"):
        return "it is blank"
    return f"{_quote(line)} is not 'name: value'"


def _quote(text: str) -> str:
    return ascii(text[:_SHOWN])
