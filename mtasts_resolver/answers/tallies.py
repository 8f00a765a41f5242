"""How often each answer was given in each map: counted where it is sent, added up when asked."""

from collections.abc import Iterator

from mtasts_resolver.postfix.reply import Tally

# What stands for tcp_table, which has no map names; and for all maps that there are not, of which a
# client can name any number. No map can be called so in the configuration.
TCP_TABLE = "(tcp_table)"
UNKNOWN_MAP = "(unknown)"


class Tallies:
    """One Tally for each map and answer, from its first look-up to the end of the process.

    There are as many as the configurations had maps, times the ten answers or so.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str, str], Tally] = {}

    def __iter__(self) -> Iterator[Tally]:
        return iter(tuple(self._tallies.values()))

    def of(self, map_name: str, answer: str, would_be: str = "") -> Tally:
        """Return the tally of an answer, where whoever gives it counts."""
        key = (map_name, answer, would_be)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(*key)
        return tally

    def total(self, map_name: str | None = None) -> int:
        """Return how many look-ups were answered, in all maps or in one."""
        return sum(tally.count for tally in self if map_name in {None, tally.map_name})
