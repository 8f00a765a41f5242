"""Cutting a stream of bytes as a network may."""

from itertools import pairwise


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return `data` in pieces; each number of `places` is a place to cut, whatever its size."""
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(bounds)]
