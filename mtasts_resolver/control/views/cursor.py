"""Where a page of a list ends, so that the next one can begin there."""

import base64

import msgspec

from mtasts_resolver.base.undecodable import UNDECODABLE

SortValue = str | float
# What a list is in order of, and the domain, which tells apart those of the same value.
Place = tuple[SortValue, str]


class CursorError(ValueError):
    """What should be a cursor is none, or is of another list."""


def cursor_of(place: Place) -> str:
    """Return the text that `parse_cursor` reads as `place`."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode()


def parse_cursor(text: str, kind: type[SortValue]) -> Place:
    """Return the place that `text` stands for, in a list in order of a `kind`. Raise CursorError.

    It comes from whoever asks, and may be anything.
    """
    try:
        value, domain = msgspec.msgpack.decode(
            base64.b64decode(text, altchars=b"-_", validate=True), type=tuple[SortValue, str]
        )
    except UNDECODABLE:
        raise CursorError("`after` is not the `next` of a page") from None
    if not isinstance(value, kind):
        raise CursorError("`after` is of a page in another order")
    return value, domain
