"""What the daemon counts: plain integers that cost an addition, read by whoever shows them."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counters:
    """Events since the start."""

    waited: int = 0
    """Look-ups that memory could not answer at once."""
    overloaded: int = 0
    """Look-ups refused because too many discoveries were waiting."""
    lookup_timeouts: int = 0
    """Look-ups answered before their discovery had ended."""
    discoveries: int = 0
    """Of MTA-STS; those of DANE are counted apart."""
    dane_discoveries: int = 0
    discoverer_ends: int = 0
    """The process that discovers has ended, and was started again."""
    dns_failures: int = 0
    fetches: int = 0
    fetch_failures: int = 0

    def as_dict(self) -> dict[str, int]:
        return {item.name: getattr(self, item.name) for item in fields(self)}
