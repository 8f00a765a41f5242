"""All logs that a report is made of: lines in the order of time, and what was read."""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from functools import partial

from mtasts_resolver.base.quoting import escaped, printable
from mtasts_resolver.evidence.inputs.copies import copies
from mtasts_resolver.evidence.inputs.journal import JournalInput
from mtasts_resolver.evidence.inputs.merging import in_order
from mtasts_resolver.evidence.inputs.named import NamedFile, named_files
from mtasts_resolver.evidence.inputs.silence import LogRhythm
from mtasts_resolver.evidence.inputs.source import LogSource, NewReader, Span
from mtasts_resolver.evidence.inputs.zones import local_offset
from mtasts_resolver.evidence.report import LogGap, ReportInput
from mtasts_resolver.maillog.events import LinesLost, LogLine
from mtasts_resolver.maillog.reading import LineReader

# Seconds before what is wanted that are read as well. The session that a delivery went through was
# begun before it: Postfix reuses one for five minutes, and a message may take long.
LEAD = 3_600.0
# Seconds by which the clocks of hosts may be ahead of this one's.
AHEAD = 86_400.0
# Bytes after which progress is told: some twenty times a second.
TOLD_EACH = 1_048_576

Progress = Callable[[int, int | None], None]
"""Hears how many bytes are done, and of how many, where that is known."""


class LogReading:
    """Logs while they are read. Iterate over it once; then ask it what was read."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        journal: bool,
        new_reader: NewReader,
        now: float,
        span: Span,
        progress: Progress | None = None,
    ) -> None:
        wanted = Span(span.since - LEAD, span.until)
        files: list[NamedFile | JournalInput] = [*named_files(names, now)]
        if journal:
            since = wanted.since if wanted.since > -math.inf else None
            until = wanted.until if wanted.until < math.inf else None
            files.append(JournalInput(since, until, now))
        sizes = [file.size for file in files]
        self._total = None if None in sizes else sum(filter(None, sizes))
        self._done = self._told = 0
        self._progress = progress
        self._now = now
        self._sources = [LogSource(file, new_reader, wanted, self._tell) for file in files]
        self._rhythm = LogRhythm()

    def __iter__(self) -> Iterator[LogLine]:
        note = self._rhythm.note
        try:
            for source in self._sources:
                source.look()
            for line in in_order(self._wanted(), self._now + AHEAD):
                note(line)
                yield line
            if self._progress is not None:
                self._progress(self._done, self._total)
        finally:
            for source in self._sources:
                source.close()

    def _wanted(self) -> list[LogSource]:
        """Return what is to be read, and say of the others why not."""
        originals = copies(self._sources)
        wanted: list[LogSource] = []
        for place, source in enumerate(self._sources):
            if place in originals:
                other = printable(originals[place].file.name)
                source.left_out = f"all that it has is in {other}, too"
            elif source.outside():
                source.left_out = "none of its lines is of the time in question"
            else:
                wanted.append(source)
                continue
            self._tell(source.file.size or 0)
        return wanted

    @property
    def lines(self) -> int:
        """How many lines were read, whoever wrote them."""
        return sum(source.lines for source in self._sources)

    def span(self) -> tuple[float, float]:
        """Return the times of the first and last line; infinite where none has one."""
        read = [source for source in self._sources if not source.left_out]
        return (
            min((source.first for source in read if source.first is not None), default=math.inf),
            max((source.last for source in read if source.last is not None), default=-math.inf),
        )

    def inputs(self, zone: tzinfo) -> tuple[ReportInput, ...]:
        """Return what is to be said of each log, with times of `zone`."""
        return tuple(
            ReportInput(
                name=escaped(source.file.name),
                kind=source.file.kind,
                sha256=source.sha256,
                bytes=source.size,
                lines=source.lines,
                first=_time(source.first, zone),
                last=_time(source.last, zone),
                problem=source.problem,
                left_out=source.left_out,
                repeated=source.repeated,
            )
            for source in self._sources
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """Those that have logged."""
        return self._rhythm.hosts

    def note_loss(self, line: LogLine, lost: LinesLost) -> None:
        """Hear of a line that says that others were dropped, for `gaps`."""
        self._rhythm.note_loss(line, lost)

    def gaps(self, since: float, until: float, zone: tzinfo) -> tuple[LogGap, ...]:
        """Return the holes in the logs between two times."""
        return self._rhythm.gaps(since, min(until, self._now), zone)

    def _tell(self, size: int) -> None:
        self._done += size
        if self._progress is not None and self._done - self._told >= TOLD_EACH:
            self._told = self._done
            self._progress(self._done, self._total)


def _time(moment: float | None, zone: tzinfo) -> str | None:
    return (
        None
        if moment is None
        else datetime.fromtimestamp(moment, zone).isoformat(timespec="seconds")
    )


def read_logs(
    names: Sequence[str],
    *,
    journal: bool = False,
    zone: tzinfo,
    now: float,
    since: float = -math.inf,
    until: float = math.inf,
    progress: Progress | None = None,
) -> LogReading:
    """Return the lines of Postfix in the logs that are named, of a time, in its order.

    `names` are paths, patterns of paths, and `-`; the journal of this host comes with `journal`.
    `zone` is that of times which name none. Raise InputError, also while they are read, where
    something cannot be read.
    """
    return LogReading(
        names,
        journal=journal,
        new_reader=partial(LineReader, local_offset(zone)),
        now=now,
        span=Span(since, until),
        progress=progress,
    )
