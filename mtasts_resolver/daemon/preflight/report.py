"""What a look into a configuration finds."""

from typing import NamedTuple

from mtasts_resolver.config import Fault


class Report(NamedTuple):
    """What was found."""

    errors: list[Fault]
    warnings: list[Fault]

    def error(self, key: str, reason: str) -> None:
        """Add what must be changed, of the key at the path `key`."""
        self.errors.append(Fault(reason, key))

    def warn(self, key: str, reason: str) -> None:
        """Add what may be wrong, of the key at the path `key`."""
        self.warnings.append(Fault(reason, key))
