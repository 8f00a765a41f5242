"""JSON as it comes: with a byte order mark, in UTF-16, one text behind the other, with commas left.

A text is looked through before it is decoded, so that neither its nesting nor the number of its
values decides what that costs.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from mtasts_resolver.tlsrpt.limits import MAX_DOCUMENTS, MAX_NESTING, MAX_VALUES

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# A string to its end, or to that of the text if it has none; and what is of use between strings.
# Nothing is tried twice, whatever the text.
_STRING = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
_TOKEN = re.compile(rf"{_STRING}|[\[\]{{}},]", re.DOTALL)
_LINE = re.compile(r"[^\r\n]+")
_BLANKS = " \t\r\n\0\x1e"  # RFC 7464 has a record separator before each text
# A number of more digits than a computer takes, or with such an exponent; and strings, which stay.
_BOUNDLESS = re.compile(rf"({_STRING})|-?\d+(?:\.\d+)?[eE]\+?\d{{3,}}|-?\d{{1000,}}", re.DOTALL)
_HUGE = "1e300"  # what whoever counts takes for absurd
_OPENING = "[{"
_CLOSING = "]}"
_SHOWN = 40  # characters of what is no JSON: enough to recognise it


class JsonProblem(NamedTuple):
    """Some of it could not be read."""

    words: str


class JsonValue(NamedTuple):
    """A value, and how its text breaks RFC 8259."""

    value: object
    oddities: tuple[str, ...] = ()


class _Piece(NamedTuple):
    """A stretch of the text that is one value, by its brackets."""

    text: str
    leftover_commas: tuple[int, ...]
    complete: bool


def decoded_text(data: bytes) -> tuple[str, str]:
    """Return the text that `data` is, and what is odd about that; RFC 8259 §8.1 wants UTF-8."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(encoding, "replace")
            name = encoding.removesuffix("-le").removesuffix("-be").upper()
            return text, f"the text begins with a byte order mark of {name}"
    if data[:2] in (b"{\0", b"[\0"):
        return data.decode("utf-16-le", "replace"), "the text is UTF-16"
    if data[:2] in (b"\0{", b"\0["):
        return data.decode("utf-16-be", "replace"), "the text is UTF-16"
    try:
        return data.decode(), ""
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), "the text is no UTF-8"


def json_values(text: str) -> Iterator[JsonValue | JsonProblem]:
    """Yield each value that stands in the text by itself, and each stretch that is none."""
    first, second = [*islice(_lines(text), 2), "", ""][:2]
    if not (first.startswith("{") and first.endswith("}") and second.startswith("{")):
        yield from _values(text)
        return
    # One a line. By its brackets alone, one that is cut would take those behind it along.
    for number, line in enumerate(_lines(text)):
        if number >= MAX_DOCUMENTS:
            yield JsonProblem(f"only its first {MAX_DOCUMENTS:,} lines are read")
            return
        yield from _values(line)


def _lines(text: str) -> Iterator[str]:
    """Yield the lines that are not empty."""
    return (line for found in _LINE.finditer(text) if (line := found[0].strip(_BLANKS)))


def _values(text: str) -> Iterator[JsonValue | JsonProblem]:
    for number, found in enumerate(_pieces(text)):
        if isinstance(found, JsonProblem):
            yield found
        elif number >= MAX_DOCUMENTS:
            yield JsonProblem(f"only its first {MAX_DOCUMENTS:,} texts are read")
            return
        else:
            yield _decoded(found)


def _pieces(text: str) -> Iterator[_Piece | JsonProblem]:
    """Yield each stretch from a bracket to the one that closes it, and what is between them."""
    depth = start = end = values = 0
    comma: int | None = None
    commas: list[int] = []
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in _OPENING:
            if not depth:
                yield from _between(text[end : token.start()])
                start, commas = token.start(), []
            depth += 1
            if depth > MAX_NESTING:
                yield JsonProblem(f"it is nested more than {MAX_NESTING} deep")
                return
        elif mark in _CLOSING and depth:
            if comma is not None and not text[comma + 1 : token.start()].strip():
                commas.append(comma - start)
            depth -= 1
            if not depth:
                end = token.end()
                yield _Piece(text[start:end], tuple(commas), complete=True)
        values += mark in _OPENING or mark == ","
        if values > MAX_VALUES:
            yield JsonProblem(f"it has more than {MAX_VALUES:,} values")
            return
        comma = token.start() if mark == "," and depth else None
    if depth:
        yield _Piece(text[start:], (), complete=False)
    else:
        yield from _between(text[end:])


def _between(text: str) -> Iterator[JsonProblem]:
    text = text.strip(_BLANKS + ",")
    if text:
        yield JsonProblem(f"it is no JSON object: {text[:_SHOWN]!a}")


def _decoded(piece: _Piece) -> JsonValue | JsonProblem:
    """Return the value that a piece is, if need be without commas and boundless numbers."""
    if not piece.complete:
        return JsonProblem("it is cut off: the JSON does not end")
    text, oddities = piece.text, tuple[str, ...]()
    if piece.leftover_commas:
        ends = [*piece.leftover_commas, len(text)]
        starts = [0, *(place + 1 for place in piece.leftover_commas)]
        text = "".join(text[start:end] for start, end in zip(starts, ends, strict=True))
        oddities = ("a comma stands before a closing bracket",)
    try:
        return JsonValue(msgspec.json.decode(text), oddities)
    except msgspec.ValidationError:  # a number that no computer has
        text = _BOUNDLESS.sub(lambda found: found[1] or _HUGE, text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return JsonProblem(f"it is no JSON: {error}")
    try:
        return JsonValue(msgspec.json.decode(text), (*oddities, "a number is boundless"))
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return JsonProblem(f"it is no JSON: {error}")
