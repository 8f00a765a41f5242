"""How bad a finding is."""

from enum import StrEnum


class Severity(StrEnum):
    """From what is as it should be to what holds mail, or leaves it unprotected."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong; somebody may want to know, or to do better."""
    WARNING = "warning"
    """Mail moves, and is less protected than it seems, or will not move for long."""
    ERROR = "error"
    """Mail is held, or unprotected where protection is meant."""

    @property
    def rank(self) -> int:
        """The worse, the higher."""
        return list(Severity).index(self)
