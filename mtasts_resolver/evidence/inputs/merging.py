"""Lines of several logs, as one, in the order of time.

A log is opened when the others have come to where it begins, and closed at its end: of a year of
rotated files one or two are open. Within one log its own order stands, for lines of one process
must not change places, whatever the clocks of hosts say: a line that is older than one before it
comes out where it stands.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush, heapreplace

from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.repeats import WINDOW, Repeats
from mtasts_resolver.evidence.inputs.source import LogSource
from mtasts_resolver.maillog.events import LogLine

# Logs that are read side by side. Each has up to a megabyte of lines in memory; unpacking xz takes
# 65 MB at worst. Descriptors are 1,024 by default.
MAX_OPEN = 128

_Keyed = Iterator[tuple[float, LogLine]]


def in_order(sources: Iterable[LogSource], latest: float) -> Iterator[LogLine]:
    """Yield the lines of all, each once. `latest` bounds what a clock that was wrong can do.

    Raise InputError where too many are of the same time.
    """
    waiting = deque(sorted(sources, key=lambda source: source.start))
    reading: list[tuple[float, int, LogLine, _Keyed]] = []
    opened: list[LogSource] = []
    repeats = Repeats()
    together = -math.inf
    while waiting or reading:
        if waiting and (not reading or waiting[0].start <= reading[0][0]):
            opened.append(waiting.popleft())
            _advance(reading, len(opened) - 1, _keyed(opened[-1], latest))
            if len(reading) > MAX_OPEN:
                raise InputError(
                    f"more than {MAX_OPEN} of the logs are of the same time: report on some of"
                    " the hosts at a time, or put their lines into one file first"
                )
            continue
        if len(reading) > 1:
            together = reading[0][0]
        elif reading[0][0] > together + WINDOW:
            # What most lines go through: nothing to compare them with.
            horizon = waiting[0].start if waiting else math.inf
            yield from _alone(reading, horizon, repeats)
            continue
        key, number, line, keyed = reading[0]
        if repeats.is_new(line, number, key):
            yield line
        else:
            opened[number].repeated += 1
        following = next(keyed, None)
        if following is None:
            heappop(reading)
        else:
            heapreplace(reading, (following[0], number, following[1], keyed))


def _advance(reading: list[tuple[float, int, LogLine, _Keyed]], number: int, keyed: _Keyed) -> None:
    following = next(keyed, None)
    if following is not None:
        heappush(reading, (following[0], number, following[1], keyed))


def _alone(
    reading: list[tuple[float, int, LogLine, _Keyed]], horizon: float, repeats: Repeats
) -> Iterator[LogLine]:
    """Yield the lines of the one log that is read, until another one begins."""
    key, number, line, keyed = reading.pop()
    while key < horizon:
        if key >= horizon - WINDOW:
            repeats.is_new(line, number, key)
        yield line
        following = next(keyed, None)
        if following is None:
            return
        key, line = following
    reading.append((key, number, line, keyed))


def _keyed(source: LogSource, latest: float) -> _Keyed:
    """Yield the lines of a log with the time that each is put in order by: it never falls."""
    key = source.start
    for lines in source.batches():
        for line in lines:
            time = line.time
            if time is not None and key < time <= latest:
                key = time
            yield key, line
