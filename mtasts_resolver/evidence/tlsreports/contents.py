"""What bytes are, and what is packed in them: told by how they begin, for names may lie.

gzip, zip, ...   what is packed, as far as is allowed
{ or [           a report, or several
From             a mailbox
Name:            a mail
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from enum import Enum
from typing import Any, BinaryIO, NamedTuple

from mtasts_resolver.evidence.inputs.errors import LogReadError
from mtasts_resolver.evidence.inputs.packed import Readable, is_packed, unpacked_pieces
from mtasts_resolver.evidence.tlsreports.limits import (
    MAX_MEMBERS,
    MAX_PACKINGS,
    MAX_ZIP_BYTES,
)

_LOOK = 4096  # bytes: a mail begins with the name of a header, a report with a bracket
_ZIP = b"PK\x03\x04"
# What may stand before the bracket: marks of encodings, blanks, zeros of UTF-16, a separator.
_JSON = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0\x1e]*[\[{]")
_MAIL = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")
_MAILBOX = re.compile(rb"From [^\r\n]*\d\d:\d\d")
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1  # the bit in a file's flags (APPNOTE.TXT, 4.4.4)


class Content(Enum):
    """What something is."""

    REPORT = "a report"
    MAIL = "a mail"
    MAILBOX = "a mailbox"
    OTHER = "something else"


class Unpacked(NamedTuple):
    """Something that is not packed, or no longer."""

    name: str
    content: Content
    stream: BinaryIO


class ContentError(ValueError):
    """It cannot be read, or not any further; the text says why."""


class _Joined(io.RawIOBase):
    """What was read of something already, and the rest: a pipe cannot be read twice."""

    def __init__(self, start: bytes, rest: Readable) -> None:
        self._start = start
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  whatever holds bytes
        some = self._start or self._rest.read(len(buffer))
        self._start = some[len(buffer) :]
        some = some[: len(buffer)]
        buffer[: len(some)] = some
        return len(some)


class _Pieces:
    """What a program such as gzip packed, as far as it can be unpacked."""

    def __init__(self, packed: Readable) -> None:
        self._pieces = unpacked_pieces(packed)
        self._waiting = b""
        self.problem = ""

    def read(self, size: int, /) -> bytes:
        try:
            while not self._waiting:
                self._waiting = next(self._pieces)
        except StopIteration:
            return b""
        except LogReadError as error:  # what came before is still worth reading
            self.problem = str(error)
            return b""
        some, self._waiting = self._waiting[:size], self._waiting[size:]
        return some


class _Member:
    """A file in a zip file."""

    def __init__(self, file: Readable) -> None:
        self._file = file

    def read(self, size: int, /) -> bytes:
        try:
            return self._file.read(size)
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
            raise ContentError(f"the zip file is damaged: {error}") from None


class _Bounded:
    """What is unpacked, as far as that is allowed."""

    def __init__(self, unpacked: Readable, left: list[int]) -> None:
        self._unpacked = unpacked
        self._left = left  # shared by all that is unpacked of one thing

    def read(self, size: int, /) -> bytes:
        some = self._unpacked.read(size)
        self._left[0] -= len(some)
        if self._left[0] < 0:
            raise ContentError("it unpacks to more than is allowed")
        return some


def unpacked_contents(
    packed: Readable, name: str, allowed: int
) -> Iterator[Unpacked | ContentError]:
    """Yield what something is, or all that is packed in it, `allowed` bytes together.

    Each is to be read before the next is asked for; that may raise ContentError, too.
    """
    return _unpacked(packed, name, [allowed], MAX_PACKINGS)


def content_of(start: bytes) -> Content:
    """Tell what something is that is not packed, by its first bytes."""
    if _JSON.match(start):
        return Content.REPORT
    if _MAILBOX.match(start):
        return Content.MAILBOX
    return Content.MAIL if _MAIL.match(start) else Content.OTHER


def is_packed_content(start: bytes) -> bool:
    """Tell whether something is packed, by its first bytes."""
    return is_packed(start) or start.startswith(_ZIP)


def _unpacked(
    packed: Readable, name: str, left: list[int], packings: int
) -> Iterator[Unpacked | ContentError]:
    try:
        start = _beginning(packed)
    except ContentError as error:
        yield error
        return
    stream = io.BufferedReader(_Joined(start, packed))
    if not start:
        yield ContentError("there is nothing in it")
    elif not is_packed_content(start):
        yield Unpacked(name, content_of(start), stream)
    elif not packings:
        yield ContentError(f"it is packed more than {MAX_PACKINGS} times")
    elif start.startswith(_ZIP):
        yield from _members(stream, left, packings - 1)
    else:
        pieces = _Pieces(stream)
        yield from _unpacked(_Bounded(pieces, left), name, left, packings - 1)
        if pieces.problem:
            yield ContentError(pieces.problem)


def _beginning(packed: Readable) -> bytes:
    """Return the first bytes, as many as tell what it is; a pipe may give fewer at a time."""
    start = b""
    while len(start) < _LOOK and (some := packed.read(_LOOK - len(start))):
        start += some
    return start


def _members(stream: BinaryIO, left: list[int], packings: int) -> Iterator[Unpacked | ContentError]:
    data = stream.read(MAX_ZIP_BYTES + 1)
    if len(data) > MAX_ZIP_BYTES:
        yield ContentError(f"the zip file is larger than {MAX_ZIP_BYTES // 2**20} MiB")
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        yield ContentError(f"the zip file is damaged: {error}")
        return
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(files) > MAX_MEMBERS:
        yield ContentError(f"only the first {MAX_MEMBERS:,} files of the zip file are read")
    for entry in files[:MAX_MEMBERS]:
        if entry.flag_bits & _ENCRYPTED:
            yield ContentError("a file in the zip file is encrypted")
        elif entry.compress_type not in _PACKINGS:
            yield ContentError("a file in the zip file is packed in an unusual way")
        else:
            try:
                member = archive.open(entry)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
                yield ContentError(f"the zip file is damaged: {error}")
            else:
                with member:
                    inner = _Bounded(_Member(member), left)
                    yield from _unpacked(inner, entry.filename, left, packings)
