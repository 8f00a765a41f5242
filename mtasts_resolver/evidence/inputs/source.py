"""One input: looked at before anything is read, and read when its time has come."""

import hashlib
import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from itertools import chain, islice
from typing import NamedTuple, Protocol

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.evidence.inputs.errors import InputError, LogReadError
from mtasts_resolver.evidence.inputs.journal import JournalInput
from mtasts_resolver.evidence.inputs.named import NamedFile
from mtasts_resolver.evidence.inputs.packed import Readable, is_packed, unpacked_pieces
from mtasts_resolver.evidence.inputs.splitting import lines_in
from mtasts_resolver.maillog.events import LogLine

# Lines in which a line of Postfix is sought, to know when a log begins: it may have other
# programs' lines, too. Without one among so many it is opened at once, as the oldest.
LOOKED_AT = 20_000
# Bytes at the end of a file in which its last line of Postfix is sought.
TAIL = 65_536
# Bytes by whose likeness two inputs are suspected to be one.
ALIKE = 512
# Seconds by which lines may stand out of order: hosts' clocks, and queues on the way to a log.
DISORDER = 900.0
# Pieces one after the other that end behind what is wanted, after which no more is read: one may
# end with a line whose clock was wrong.
SURELY_BEYOND = 3
_DAY = 86_400.0
_REST = 1_048_576  # bytes that are read at once where only their sum is wanted


class ReadsLines(Protocol):
    """What makes values of the lines of one input, in their order."""

    @property
    def turned_back(self) -> bool:
        """Tell whether times without a year came back to months that were over."""

    def read(self, line: bytes, /) -> LogLine | None: ...


NewReader = Callable[[float], ReadsLines]
"""Makes one for an input that was last written at a time, from which a missing year follows."""


def _untold(_size: int) -> None:
    """Tell nobody how many bytes were read."""


class Span(NamedTuple):
    """What is wanted of a log: from `since` to before `until`, in seconds since 1970."""

    since: float = -math.inf
    until: float = math.inf

    def has(self, line: LogLine) -> bool:
        """Tell whether a line is in it, or may be."""
        return line.time is None or self.since <= line.time < self.until


class _Counted:
    """A file whose bytes are summed up as they lie there."""

    def __init__(self, file: Readable, tell: Callable[[int], None]) -> None:
        self._file = file
        self._tell = tell
        self._sum = hashlib.sha256()
        self.size = 0

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        self._sum.update(data)
        self.size += len(data)
        self._tell(len(data))
        return data

    def finish(self) -> str:
        """Read what is left, as far as it can be, and return the sum."""
        with suppress(OSError, LogReadError):
            while self.read(_REST):
                pass
        return self._sum.hexdigest()


class LogSource:
    """A log that is named: when it begins, its lines, and what there is to say of it."""

    def __init__(
        self,
        file: NamedFile | JournalInput,
        new_reader: NewReader,
        span: Span,
        tell: Callable[[int], None] = _untold,
    ) -> None:
        self.file = file
        self.start = -math.inf
        """The time of its first line; long ago where that is not known."""
        self.alike = b""
        """What it begins with, unpacked."""
        self.lines = 0
        """So many were read, whoever wrote them."""
        self.first: float | None = None
        self.last: float | None = None
        self._turned_back = False
        self.repeated = 0
        """So many of Postfix's lines another input has, too."""
        self.sha256 = ""
        self.size = 0
        self.problem = ""
        self.left_out = ""
        self._new_reader = new_reader
        self._span = span
        self._tell = tell
        self._kept: Iterable[list[bytes]] | None = None
        self._contents: list[Generator[list[bytes], None, None]] = []

    def look(self) -> None:
        """Find out how it begins. Raise InputError."""
        content = self._content(_untold if self.file.again else self._tell)
        self._contents.append(content)
        try:
            looked = self._until_first_time(content)
        except InputError as error:
            raise InputError(f"{printable(self.file.name)}: {error}") from None
        # A clock that was wrong must not have all of it wait, or be left out.
        if self.first is not None and self.first <= self.file.modified + _DAY:
            self.start = self.first
        self.alike = b"\n".join(islice(chain.from_iterable(looked), ALIKE))[:ALIKE]
        if self.file.again:
            content.close()
            self.problem = ""  # it comes again
        else:
            self._kept = chain(looked, content)

    def _until_first_time(self, content: Iterator[list[bytes]]) -> list[list[bytes]]:
        reader = self._new_reader(self.file.modified)
        looked: list[list[bytes]] = []
        seen = 0
        for lines in content:
            looked.append(lines)
            seen += len(lines)
            self.first = _first_time(reader, lines)
            if self.first is not None or seen > LOOKED_AT:
                break
        return looked

    def outside(self) -> bool:
        """Tell whether all of it is known to lie outside of what is wanted.

        A line whose clock was wrong is not believed: first line, last line and file must agree.
        """
        since, until = self._span
        if self.start >= until + DISORDER:
            return True
        if since == -math.inf or not isinstance(self.file, NamedFile) or not self.file.again:
            return False
        last = self._last_time(self.file)
        return last is not None and self.start <= last < since - DISORDER

    def _last_time(self, named: NamedFile) -> float | None:
        """Return the time of the last line, where that is cheap to know."""
        with named.open() as file:
            if is_packed(file.read(8)):
                return None
            file.seek(max(0, (named.size or 0) - TAIL))
            _, *lines = file.read(TAIL).split(b"\n")
        return _last_time(self._new_reader(named.modified), lines)

    def batches(self) -> Iterator[list[LogLine]]:
        """Yield the lines of Postfix, some at a time, as far as they are wanted.

        Raise InputError where it is no file, and cannot be read as a whole.
        """
        content = self._kept
        if content is None:
            self._contents.append(opened := self._content(self._tell))
            content = opened
        try:
            yield from self._batches(content)
        except InputError as error:
            if not self.file.again:
                raise InputError(f"{printable(self.file.name)}: {error}") from None
            self.problem = str(error)
        self._look_back()

    def _batches(self, content: Iterable[list[bytes]]) -> Iterator[list[LogLine]]:
        reader = None
        probe = self._new_reader(self.file.modified)
        since, until = self._span
        beyond = 0
        for lines in content:
            self.lines += len(lines)
            if beyond >= SURELY_BEYOND:
                continue
            if reader is None:
                # What a reader has read decides of years: it must not see the last line first.
                last = _last_time(probe, lines) if since > -math.inf else None
                if last is not None and last < since - DISORDER:
                    self.last = last
                    continue
                reader = self._new_reader(self.file.modified)
            found = [line for line in map(reader.read, lines) if line is not None]
            self._turned_back = reader.turned_back
            if not found:
                continue
            self._note(found)
            yield [line for line in found if self._span.has(line)]
            over = self.last is not None and self.last >= until + DISORDER
            beyond = beyond + 1 if over else 0

    def _note(self, found: list[LogLine]) -> None:
        if self.first is None:
            self.first = next((line.time for line in found if line.time is not None), None)
        if found[-1].time is not None:
            self.last = found[-1].time

    def _look_back(self) -> None:
        if self.problem:
            return
        if self.file.size is not None and self.size < self.file.size:
            self.problem = "it was cut while it was read: there were more bytes when it was named"
        elif self._turned_back or (self.last is not None and self._is_out_of_years(self.last)):
            self.problem = (
                "its times have no year, and go back: it is of more than one year (cut it at New"
                " Year), or was written later than the time of the file says"
            )

    def _is_out_of_years(self, last: float) -> bool:
        return last > self.file.modified + _DAY or last < (self.first or last) - _DAY

    def close(self) -> None:
        """Leave it, read to its end or not."""
        for content in self._contents:
            content.close()

    def _content(self, tell: Callable[[int], None]) -> Generator[list[bytes], None, None]:
        with closing(self.file.open()) as file:
            counted = _Counted(file, tell)
            try:
                yield from lines_in(unpacked_pieces(counted))
            except LogReadError as error:
                self.problem = str(error)
            # What a journal gives is no file, and another one each time.
            self.sha256 = "" if isinstance(self.file, JournalInput) else counted.finish()
            self.size = counted.size


def _first_time(reader: ReadsLines, lines: list[bytes]) -> float | None:
    for line in lines:
        read = reader.read(line)
        if read is not None and read.time is not None:
            return read.time
    return None


def _last_time(reader: ReadsLines, lines: list[bytes]) -> float | None:
    """Return the time of the last line that has one; the lines before it are not looked at."""
    return _first_time(reader, lines[::-1])
