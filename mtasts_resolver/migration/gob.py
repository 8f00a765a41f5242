"""Go's gob encoding, as far as a map of structs needs it (https://pkg.go.dev/encoding/gob).

    stream   = *message
    message  = length type-id value          ; length and id are numbers; an id below 0 describes
                                             ; the type of the id above 0: a value of _WIRE_TYPE
    number   = a byte below 128, or the negated count of the bytes that follow, the high one first
    signed   = a number whose lowest bit is the sign: then the others are inverted
    text     = length *byte
    struct   = *(step value) 0               ; by how much the field's place is beyond the last one
    map      = count *(key value)
    list     = count *value

At the top what is no struct has a 0 before it. A field that is 0, or empty, is left out. What a
type encodes by itself, such as time.Time, is a text to whoever knows it not.

Hostile: nothing is longer than what is left, and nothing deeper than MAX_GOB_DEPTH.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

MAX_GOB_DEPTH = 8  # the caches that are known have 4
MAX_GOB_TYPES = 64  # they have 5
MAX_GOB_LIST = 1_000  # they have none but those of a struct's fields, of which there are 9
_COUNTED = 128  # from this first byte of a number on it counts those that follow
_WORD = 8  # bytes of the longest number

GobValue = int | bytes | None | list["GobValue"] | dict[str, "GobValue"]


class GobError(ValueError):
    """It is no such encoding, or none that is known here; the text says why."""


class _Fields(NamedTuple):
    """A struct: the names and types of its fields."""

    fields: tuple[tuple[str, int], ...]


class _MapOf(NamedTuple):
    key: int
    value: int


class _ListOf(NamedTuple):
    element: int


class _Opaque(NamedTuple):
    """Bytes that its type alone knows."""


_Type = _Fields | _MapOf | _ListOf | _Opaque

# Of Go's own ids, which every stream knows: those of values, and of what describes a type.
_BOOL, _INT, _UINT, _FLOAT, _BYTES, _STRING = range(1, 7)
_WIRE_TYPE, _ARRAY, _COMMON, _SLICE, _STRUCT, _FIELD, _FIELDS, _MAP, _ENCODED = range(16, 25)
_KNOWN: dict[int, _Type] = {
    _WIRE_TYPE: _Fields(
        (
            ("array", _ARRAY),
            ("slice", _SLICE),
            ("struct", _STRUCT),
            ("map", _MAP),
            ("encoded", _ENCODED),
            ("binary", _ENCODED),
            ("text", _ENCODED),
        )
    ),
    _ARRAY: _Fields((("common", _COMMON), ("element", _INT), ("length", _INT))),
    _COMMON: _Fields((("name", _STRING), ("id", _INT))),
    _SLICE: _Fields((("common", _COMMON), ("element", _INT))),
    _STRUCT: _Fields((("common", _COMMON), ("fields", _FIELDS))),
    _FIELD: _Fields((("name", _STRING), ("id", _INT))),
    _FIELDS: _ListOf(_FIELD),
    _MAP: _Fields((("common", _COMMON), ("key", _INT), ("value", _INT))),
    _ENCODED: _Fields((("common", _COMMON),)),
}


def read_map(data: bytes) -> Iterator[tuple[bytes, GobValue]]:
    """Yield the entries of the map that a stream holds, whose keys are texts. Raise GobError."""
    decoder = _Decoder(data)
    type_id = decoder.begin()
    kind = decoder.types.get(type_id)
    if not isinstance(kind, _MapOf) or kind.key != _STRING:
        raise GobError("it holds no map of texts")
    if decoder.number() != 0:
        raise GobError("its map does not begin as one")
    for _ in range(decoder.count()):
        yield decoder.text(), decoder.value(kind.value, 1)
    if decoder.at != decoder.end:
        raise GobError("there is more behind its map")


class _Decoder:
    """A place in the bytes, and the types that were described before it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        self.end = len(data)
        self.types = dict(_KNOWN)
        self._plain: dict[int, Callable[[], GobValue]] = {
            _BOOL: self.number,
            _INT: self.signed,
            _UINT: self.number,
            _FLOAT: self.number,  # its bytes, which are of no use here
            _BYTES: self.text,
            _STRING: self.text,
        }

    def begin(self) -> int:
        """Read the descriptions of types; return the type of the value that follows."""
        while True:
            length = self.count()
            end = self.at + length
            type_id = self.signed()
            if type_id > 0:
                if end != self.end:
                    raise GobError("its value does not reach to its end")
                return type_id
            if len(self.types) >= len(_KNOWN) + MAX_GOB_TYPES:
                raise GobError(f"it describes more than {MAX_GOB_TYPES} types")
            self.types[-type_id] = _described(self.value(_WIRE_TYPE, 1))
            if self.at != end or -type_id in _KNOWN:
                raise GobError("a type is not described as one")

    # -- what values are made of -------------------------------------------------------------------

    def number(self) -> int:
        first = self._take(1)[0]
        if first < _COUNTED:
            return first
        length = 256 - first
        if length > _WORD:
            raise GobError("a number is too long")
        return int.from_bytes(self._take(length), "big")

    def signed(self) -> int:
        number = self.number()
        return ~(number >> 1) if number & 1 else number >> 1

    def count(self) -> int:
        """Return how many follow, each of which has a byte at least."""
        number = self.number()
        if number > self.end - self.at:
            raise GobError("it ends before its end")
        return number

    def text(self) -> bytes:
        return self._take(self.count())

    def _take(self, length: int) -> bytes:
        if length > self.end - self.at:
            raise GobError("it ends before its end")
        self.at += length
        return self._data[self.at - length : self.at]

    # -- values ------------------------------------------------------------------------------------

    def value(self, type_id: int, depth: int) -> GobValue:
        if depth > MAX_GOB_DEPTH:
            raise GobError(f"it is more than {MAX_GOB_DEPTH} levels deep")
        if (read := self._plain.get(type_id)) is not None:
            return read()
        kind = self.types.get(type_id)
        if isinstance(kind, _Fields):
            return self._struct(kind.fields, depth)
        if isinstance(kind, _ListOf):
            count = self.count()
            if count > MAX_GOB_LIST:
                raise GobError(f"a list of it has more than {MAX_GOB_LIST:,} elements")
            return [self.value(kind.element, depth + 1) for _ in range(count)]
        if isinstance(kind, _MapOf):  # within a value it is passed over
            for _ in range(self.count()):
                self.value(kind.key, depth + 1)
                self.value(kind.value, depth + 1)
            return None
        if isinstance(kind, _Opaque):
            return self.text()
        raise GobError(f"it has a value of type {type_id}, which is not described")

    def _struct(self, fields: tuple[tuple[str, int], ...], depth: int) -> dict[str, GobValue]:
        found: dict[str, GobValue] = {}
        place = -1
        while step := self.number():
            place += step
            if place >= len(fields):
                raise GobError("a struct has a field that is not described")
            name, type_id = fields[place]
            found[name] = self.value(type_id, depth + 1)
        return found


def _described(wire: GobValue) -> _Type:
    """Return the type that a value of _WIRE_TYPE describes."""
    match wire:
        case {"struct": {"fields": list(fields)}}:
            return _Fields(tuple(map(_field, fields)))
        case {"struct": {}}:
            return _Fields(())
        case {"map": {"key": int(key), "value": int(value)}}:
            return _MapOf(key, value)
        case {"slice": {"element": int(element)}} | {"array": {"element": int(element)}}:
            return _ListOf(element)
        case {"encoded": _} | {"binary": _} | {"text": _}:
            return _Opaque()
    raise GobError("it describes a type that is not known")


def _field(field: GobValue) -> tuple[str, int]:
    match field:
        case {"name": bytes(name), "id": int(type_id)}:
            return name.decode("ascii", "backslashreplace"), type_id
    raise GobError("a field is not described as one")
