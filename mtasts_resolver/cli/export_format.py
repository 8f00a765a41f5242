"""The file that `cache export` writes and `cache import` reads: one JSON document, a line a policy.

So it can be read as a whole by any program, and line by line by this one: what is wrong with one
policy, or with the end of the file, costs no other. What another program has laid out anew, as
`jq .` does, is read as a whole.
"""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from typing import IO, NamedTuple

import msgspec

from mtasts_resolver import __version__
from mtasts_resolver.base.undecodable import UNDECODABLE
from mtasts_resolver.control.values.policies import (
    EXPORT_SCHEMA,
    EXPORT_VERSION,
    CacheExport,
    ExportedPolicy,
)

# Bytes of a line: a policy of 64 KiB, each of whose characters JSON may spell with six.
MAX_LINE = 1 << 19
# Bytes of a file that is not a line a policy, and must be held as a whole: a million policies.
MAX_WHOLE = 1 << 30
_HEAD = b'"policies": ['
_END = b"]}"


class FormatError(ValueError):
    """The file is no export, or one that this version cannot read; the text says why."""


class Numbered(NamedTuple):
    """A policy, or what is wrong where there should be one."""

    place: str
    """Where it stands: `line 7`."""
    policy: ExportedPolicy | None
    fault: str = ""


class _Head(msgspec.Struct):
    """What stands before the policies."""

    version: int


_decoder = msgspec.json.Decoder(ExportedPolicy)


def write_export(policies: Iterable[ExportedPolicy], file: IO[bytes]) -> int:
    """Write the document; return how many policies it holds."""
    head = {
        "$schema": EXPORT_SCHEMA,
        "version": EXPORT_VERSION,
        "program": f"mtasts-resolver {__version__}",
        "exported": datetime.now(UTC).replace(microsecond=0),
    }
    waiting = iter(policies)
    first = [*islice(waiting, 1)]  # where there is nobody to give any, nothing is written
    file.write(msgspec.json.encode(head).removesuffix(b"}") + b"," + _HEAD)
    count = 0
    for count, policy in enumerate(chain(first, waiting), start=1):
        file.write((b",\n" if count > 1 else b"\n") + msgspec.json.encode(policy))
    file.write(b"\n" + _END + b"\n")
    return count


def read_export(file: IO[bytes]) -> Iterator[Numbered]:
    """Yield each policy of a document, or its fault. Raise FormatError."""
    first = file.readline(MAX_LINE)
    while first.strip() == b"" and first:
        first = file.readline(MAX_LINE)
    if first.rstrip().endswith(_HEAD):
        _check_head(first.rstrip() + _END)
        yield from _lines(file, begun=1)
    elif (fragment := _policy(first)) is not None:  # a line that was picked out of a document
        yield Numbered("line 1", fragment)
        yield from _lines(file, begun=1, whole=False)
    else:
        yield from _whole(first + file.read(MAX_WHOLE))


def _lines(file: IO[bytes], *, begun: int, whole: bool = True) -> Iterator[Numbered]:
    number = begun
    while line := file.readline(MAX_LINE):
        number += 1
        text = line.strip().removesuffix(b",")
        if text == _END:
            return
        if len(line) == MAX_LINE:
            raise FormatError(f"line {number} is longer than {MAX_LINE:,} bytes")
        if text:
            yield _numbered(f"line {number}", text)
    if whole:
        fault = "the file ends before its end: what followed is lost"
        yield Numbered(f"line {number + 1}", None, fault)


def _numbered(place: str, text: bytes) -> Numbered:
    try:
        return Numbered(place, _decoder.decode(text))
    except UNDECODABLE as error:
        return Numbered(place, None, str(error))


def _policy(line: bytes) -> ExportedPolicy | None:
    return _numbered("", line.strip().removesuffix(b",")).policy


def _check_head(text: bytes) -> None:
    """Raise FormatError where this version cannot read what follows."""
    try:
        head = msgspec.json.decode(text, type=_Head)
    except UNDECODABLE as error:
        raise FormatError(f"it does not begin as an export does: {error}") from None
    if head.version != EXPORT_VERSION:
        raise FormatError(
            f"it is of version {head.version}, and this program reads {EXPORT_VERSION}: take the"
            " version of mtasts-resolver that wrote it"
        )


class _Document(_Head):
    """All of it, with policies that are looked at one by one."""

    policies: list[msgspec.Raw]


def _whole(text: bytes) -> Iterator[Numbered]:
    if len(text) >= MAX_WHOLE:
        raise FormatError(f"it is longer than {MAX_WHOLE:,} bytes, and no export of this program")
    try:
        document = msgspec.json.decode(text, type=_Document)
    except UNDECODABLE as error:
        raise FormatError(f"it is no export of mtasts-resolver: {error}") from None
    _check_head(text)
    for number, raw in enumerate(document.policies):
        yield _numbered(f"policies[{number}]", bytes(raw))


def export_schema() -> bytes:
    """Return the JSON schema of the document, as docs/ has it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": EXPORT_SCHEMA,
        **msgspec.json.schema(CacheExport),
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(export_schema())
