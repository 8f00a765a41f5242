"""Why not."""

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True):
    """Why a request was not carried out."""

    error: str
    action: str = ""
    """What to do about it."""
