"""What was known of a domain's policy before."""

from datetime import datetime

from msgspec import Struct


class SeenBefore(Struct, frozen=True, kw_only=True):
    """The policy as the daemon, or the last check, knew it."""

    id: str = ""
    """Of the policy record; empty where it is not known."""
    document: str = ""
    """As it was served; empty where it is not known."""
    mode: str = ""
    since: datetime | None = None
    """Since when that has been the mode."""
