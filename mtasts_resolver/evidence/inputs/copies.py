"""Logs that are named twice: by two names, packed and unpacked, or copied while they grew."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress

from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.named import NamedFile
from mtasts_resolver.evidence.inputs.packed import unpacked_pieces
from mtasts_resolver.evidence.inputs.source import LogSource


def copies(sources: Sequence[LogSource]) -> dict[int, LogSource]:
    """Return those whose whole content another one has, by their place, each with the other.

    Only those that begin alike are read for that, so that it costs nothing where there are none.
    """
    alike: defaultdict[bytes, list[int]] = defaultdict(list)
    for place, source in enumerate(sources):
        if source.alike and source.file.again:
            alike[source.alike].append(place)
    found: dict[int, LogSource] = {}
    for places in alike.values():
        if len(places) > 1:
            found |= _copies_among(sources, places)
    return found


def _copies_among(sources: Sequence[LogSource], places: list[int]) -> dict[int, LogSource]:
    first: dict[tuple[int, int], int] = {}
    found: dict[int, LogSource] = {}
    whole: list[tuple[int, bytes, int]] = []
    for place in places:
        file = sources[place].file
        identity = (file.device, file.inode) if isinstance(file, NamedFile) else (0, place)
        original = first.setdefault(identity, place)
        if original != place:
            found[place] = sources[original]
        else:
            size, digest = _digests(sources[place], [])[-1]
            whole.append((size, digest, place))
    # From the shortest to the longest; of equals the one that was named first is the original.
    whole.sort(key=lambda one: (one[0], -one[2]))
    while whole:
        _, _, longest = whole.pop()
        beginnings = set(_digests(sources[longest], [size for size, _, _ in whole]))
        found |= {
            place: sources[longest] for size, digest, place in whole if (size, digest) in beginnings
        }
        whole = [one for one in whole if one[2] not in found]
    return found


def _digests(source: LogSource, sizes: list[int]) -> list[tuple[int, bytes]]:
    """Return the sums of the first so many bytes (ascending), unpacked, and of all."""
    digests: list[tuple[int, bytes]] = []
    total, hashed = 0, hashlib.sha256()
    waiting = iter((*sizes, math.inf))
    cut = next(waiting)
    for piece in _pieces(source):
        begin = 0
        while total + len(piece) - begin >= cut:
            hashed.update(piece[begin : begin + int(cut) - total])
            begin += int(cut) - total
            total = int(cut)
            digests.append((total, hashed.digest()))
            cut = next(waiting)
        hashed.update(piece[begin:])
        total += len(piece) - begin
    return [*digests, (total, hashed.digest())]


def _pieces(source: LogSource) -> Iterator[bytes]:
    """Yield what is in it as far as it can be read: what is damaged is told when it is read."""
    with suppress(InputError), closing(source.file.open()) as file:
        yield from unpacked_pieces(file)
