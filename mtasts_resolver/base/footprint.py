"""How much memory a value takes, with all that it holds."""

from enum import Enum
from sys import getsizeof

from msgspec import Struct

ALIGNMENT = 16  # bytes: CPython's allocator hands out multiples of it
_OUTSIDE_HEAP = (Enum, bool, type(None))  # there is one of each, whoever holds it


def footprint(value: object, seen: set[int] | None = None) -> int:
    """Return the bytes that `value` takes: structs and tuples, and plain values in them.

    What it holds twice counts once, and objects whose ids are in `seen` do not count: they belong
    to others, too.
    """
    seen = set() if seen is None else seen
    if isinstance(value, _OUTSIDE_HEAP) or id(value) in seen:
        return 0
    seen.add(id(value))
    size = -(-getsizeof(value) // ALIGNMENT) * ALIGNMENT
    if isinstance(value, tuple):
        return size + sum(footprint(item, seen) for item in value)
    if isinstance(value, Struct):
        return size + sum(footprint(getattr(value, name), seen) for name in value.__struct_fields__)
    return size
