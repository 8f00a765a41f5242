"""A way in for whoever sees or steers the daemon, as it is to be seen itself."""

from msgspec import Struct


class WayIn(Struct):
    """How it is now."""

    name: str
    """As the log has it."""
    address: str | None = None
    """Where the daemon listens, None while it cannot."""
    trouble: str = ""
    """Why nobody is served."""
