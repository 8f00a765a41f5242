"""The list of domains: from what an address says to the query, and to the addresses of its links.

What is searched, filtered and sorted stands in the address, so that it can be kept and sent, and so
that all of it works by links and a form alone.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from mtasts_resolver.control.values.domains import DomainQuery, SortKey
from mtasts_resolver.policy import parse_next_hop

PAGE_ROWS = 100  # a dozen screens: more is not read, but searched
USUAL_SORT: SortKey = "failing"  # those that fail longest, and all that do not by their names
_DAY = 86_400
_WILD = frozenset("*?[")  # what makes a search a pattern, as in a shell


class Choice(NamedTuple):
    """An entry of a menu."""

    value: str
    title: str


class Menu(NamedTuple):
    """What a list can be restricted to, in one respect."""

    name: str
    title: str
    choices: tuple[Choice, ...]


MENUS = (
    Menu(
        "mode",
        "Policy",
        (
            Choice("", "any mode"),
            Choice("enforce", "enforce"),
            Choice("testing", "testing"),
            Choice("none", "none"),
            Choice("absent", "no policy"),
            Choice("all", "with and without"),
        ),
    ),
    Menu(
        "expires_within",
        "Expires",
        (
            Choice("", "any time"),
            Choice(str(_DAY), "within a day"),
            Choice(str(3 * _DAY), "within 3 days"),
            Choice(str(7 * _DAY), "within a week"),
        ),
    ),
    Menu(
        "unused_for",
        "Used",
        (
            Choice("", "any time"),
            Choice(str(7 * _DAY), "not for a week"),
            Choice(str(30 * _DAY), "not for a month"),
        ),
    ),
)


class Column(NamedTuple):
    """A column of the list."""

    title: str
    key: SortKey | None = None
    """What a list is sorted by in order of it."""


COLUMNS = (
    Column("Domain", "domain"),
    Column("Mode", "mode"),
    Column("Answer"),
    Column("DANE"),
    Column("Failing", "failing"),
    Column("Expires", "expires"),
    Column("Due", "due"),
    Column("Fetched", "fetched"),
    Column("Used", "used"),
)


class Heading(NamedTuple):
    """The head of a column, and the link by which the list is sorted by it."""

    title: str
    link: str | None = None
    order: str | None = None
    """As `aria-sort` has it; None where the list is not sorted by it."""


class Listing:
    """One address of the list of domains."""

    def __init__(self, params: Mapping[str, str]) -> None:
        """`params` are strangers' words, of which those are passed over that mean nothing here."""
        names = DomainQuery.__struct_fields__  # `limit` is ours
        self._params = {name: params[name] for name in names if params.get(name)}
        self._params.pop("limit", None)

    def query(self) -> DomainQuery:
        """Return what is to be listed. Raise msgspec.ValidationError."""
        given: dict[str, object] = {"sort": USUAL_SORT, **self._params, "limit": PAGE_ROWS}
        if self.search:
            given["matching"] = _pattern(self.search)
        return msgspec.convert(given, DomainQuery, strict=False)

    @property
    def search(self) -> str:
        """What was typed."""
        return self._params.get("matching", "").strip()

    def chosen(self, name: str) -> str:
        """Return what is chosen in a menu, or ticked; empty for nothing."""
        return self._params.get(name, "")

    @property
    def is_continued(self) -> bool:
        """Tell whether pages came before this one."""
        return "after" in self._params

    @property
    def is_restricted(self) -> bool:
        """Tell whether only some domains are meant."""
        return not self._params.keys() <= {"sort", "descending", "after"}

    def headings(self, query: DomainQuery) -> list[Heading]:
        return [self._heading(column, query) for column in COLUMNS]

    def _heading(self, column: Column, query: DomainQuery) -> Heading:
        if column.key is None:
            return Heading(column.title)
        here = column.key == query.sort
        turned = "true" if here and not query.descending else ""
        order = ("descending" if query.descending else "ascending") if here else None
        link = self.link(sort=column.key, descending=turned, after="")
        return Heading(column.title, link, order)

    def link(self, **changes: str) -> str:
        """Return the address, from that of this list, of one that differs so."""
        params = {**self._params, **changes}
        if params.get("sort") == USUAL_SORT:
            del params["sort"]
        return "?" + urlencode({name: params[name] for name in sorted(params) if params[name]})


def _pattern(search: str) -> str:
    """Return the pattern for what was typed: part of a name, a pattern, or a name in any script."""
    if not search.isascii() and (hop := parse_next_hop(search)) is not None:
        search = hop.domain
    return search if _WILD & set(search) else f"*{search}*"
