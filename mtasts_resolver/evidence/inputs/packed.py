"""What is in a file, packed or not, piece by piece.

That it is packed its first bytes tell, and not its name, which rotation and administrators change.
A file may have several members one after the other (gzip, bzip2, xz, zstd all allow that), and
zeros behind them, with which tapes and some copies end.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Protocol

from mtasts_resolver.base.installation import command_for
from mtasts_resolver.evidence.inputs.errors import InputError, LogReadError

# Bytes that are unpacked at once: as many are lost where a file is damaged.
FED = 32_768
# Bytes of a piece, whose lines wait in memory for each file that is open.
PIECE = 131_072
# Logs are packed to a tenth or twentieth, by xz at its best to a hundredth. A bomb has 1,000 (as
# much as gzip can) and far more. Little things that repeat themselves may: nobody is harmed.
MAX_RATIO = 500
UNSUSPECTED = 64 * 1024 * 1024
# Memory that unpacking may take: xz -9 needs 65 MiB, zstd --long=27 needs 128 MiB. A file may ask
# for gigabytes.
MAX_MEMORY = 160 * 1024 * 1024
MAX_WINDOW = 1 << 27
# zstd has no bound of its own on what comes of what goes in: a block of 4 bytes may become 128 KiB.
FED_ZSTD = 2_048


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...


class _Member(Protocol):
    """One packed stream, as bz2 and lzma of the standard library have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


class _Gzip:
    """A member of gzip: zlib's own object leaves what it has not taken to its caller."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


class _Zstd:
    """A frame of zstd, fed in small bites."""

    def __init__(self) -> None:
        zstandard = _zstandard()
        self._frame = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
        self._error: type[Exception] = zstandard.ZstdError
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def unused_data(self) -> bytes:
        return bytes(self._frame.unused_data) + self._waiting

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        data = self._waiting + data
        pieces: list[bytes] = []
        size = 0
        while data and not self.eof and not 0 < max_length <= size:
            try:
                pieces.append(self._frame.decompress(data[:FED_ZSTD]))
            except self._error as error:
                raise OSError(error) from None
            data = data[FED_ZSTD:]
            size += len(pieces[-1])
        self._waiting = data
        return b"".join(pieces)


def _zstandard() -> ModuleType:
    """Return the package that knows zstd, which comes with the extra `report`."""
    try:
        import zstandard  # noqa: PLC0415  needed by few, and may be missing
    except ImportError:
        raise InputError(
            "it is packed by zstd, and the Python package `zstandard` is missing:"
            f" {command_for('zstandard')}; or unpack it by zstd -d"
        ) from None
    return zstandard


_MEMBERS: dict[bytes, Callable[[], _Member]] = {
    b"\x1f\x8b": _Gzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_MEMORY),
    b"\x28\xb5\x2f\xfd": _Zstd,
}
_LONGEST_MAGIC = max(map(len, _MEMBERS))
_DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error)


def is_packed(start: bytes) -> bool:
    """Tell whether a file that begins so is packed."""
    return start.startswith(tuple(_MEMBERS))


def unpacked_pieces(file: Readable) -> Iterator[bytes]:
    """Yield what is in a file that may be packed by gzip, bzip2, xz or zstd.

    Raise LogReadError behind the last piece that could be had; InputError where none can be.
    """
    try:
        start = _at_least(file, _LONGEST_MAGIC)
        new = next((new for magic, new in _MEMBERS.items() if start.startswith(magic)), None)
        if new is None:
            yield start
            while piece := file.read(PIECE):
                yield piece
        else:
            yield from _members(file, start, new)
    except _DAMAGED as error:
        raise LogReadError(_told(error)) from None


def _at_least(file: Readable, size: int) -> bytes:
    """Return so many bytes, or all that there are: a pipe may have fewer at a time."""
    start = b""
    while len(start) < size and (more := file.read(size - len(start))):
        start += more
    return start


def _members(file: Readable, start: bytes, new: Callable[[], _Member]) -> Iterator[bytes]:
    member, data = new(), start
    fed, unpacked = len(start), 0
    while True:
        piece = member.decompress(data, PIECE)
        data = b""
        if piece:
            unpacked += len(piece)
            if unpacked > UNSUSPECTED and unpacked > MAX_RATIO * fed:
                raise LogReadError(
                    f"it unpacks to more than {MAX_RATIO} times its size, as no log does:"
                    " the rest was left alone"
                )
            yield piece
        if member.eof:
            data = member.unused_data.lstrip(b"\0")
            while not data:
                if not (more := file.read(FED)):
                    return
                fed += len(more)
                data = more.lstrip(b"\0")
            member = new()
        elif member.needs_input and not piece:
            data = file.read(FED)
            fed += len(data)
            if not data:
                raise EOFError("it ends before its packed content does")


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"reading failed: {error.strerror}"
    return f"it is damaged: {error}"
