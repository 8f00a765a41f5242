"""From the address of a list to what is listed, and to the addresses of its links."""

from urllib.parse import parse_qs

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.control.web.listing import MENUS, PAGE_ROWS, Listing


def test_without_a_word_it_is_all_policies_and_the_failing_first() -> None:
    listing = Listing({})
    query = listing.query()
    assert (query.mode, query.sort, query.limit) == ("policies", "failing", PAGE_ROWS)
    assert not listing.is_restricted


@pytest.mark.parametrize(
    ("typed", "pattern"),
    [
        ("bank", "*bank*"),
        (" bank ", "*bank*"),
        ("*.bank.example", "*.bank.example"),
        ("münchen.example", "*xn--mnchen-3ya.example*"),
        ("ü", "*ü*"),
    ],
)
def test_a_search_is_for_a_part_or_by_a_pattern_in_any_script(typed: str, pattern: str) -> None:
    assert Listing({"matching": typed}).query().matching == pattern


def test_each_choice_of_a_menu_can_be_listed() -> None:
    for menu in MENUS:
        for choice in menu.choices:
            Listing({menu.name: choice.value}).query()


def test_a_link_has_what_the_address_has_and_begins_anew() -> None:
    listing = Listing({"matching": "a&b=c", "sort": "expires", "after": "XYZ", "mode": "none"})
    headings = {heading.title: heading for heading in listing.headings(listing.query())}
    assert parse_qs((headings["Used"].link or "")[1:]) == {
        "matching": ["a&b=c"],
        "mode": ["none"],
        "sort": ["used"],
    }
    assert headings["Expires"].order == "ascending"
    assert parse_qs((headings["Expires"].link or "")[1:])["descending"] == ["true"]
    assert headings["DANE"].link is None


def test_how_many_are_listed_is_not_for_strangers_to_say() -> None:
    assert Listing({"limit": "1000"}).query().limit == PAGE_ROWS


@given(st.dictionaries(st.sampled_from(["matching", "mode", "sort", "after", "x"]), st.text()))
def test_whatever_an_address_says_is_listed_or_refused(params: dict[str, str]) -> None:
    listing = Listing(params)
    try:
        query = listing.query()
    except msgspec.ValidationError:
        return
    for heading in listing.headings(query):
        assert heading.link is None or heading.link.isascii()
