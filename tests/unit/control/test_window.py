"""Pages of a long list: each in its order, none twice, and all of them together."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.control.views.cursor import CursorError, Place, cursor_of, parse_cursor
from mtasts_resolver.control.views.window import Window

places = st.lists(st.tuples(st.sampled_from([1.0, 2.0, float("inf")]), st.text(max_size=2)))


@given(places, st.integers(1, 4), st.booleans())
def test_page_after_page_is_the_whole_list(found: list[Place], size: int, descending: bool) -> None:
    turned: list[Place] = []
    after: Place | None = None
    while True:
        window: Window[Place] = Window(size, after, descending=descending)
        for place in found:
            window.offer(place, place)
        page = window.items()
        assert len(page) <= size
        turned += page
        if window.end is None:
            break
        after = parse_cursor(cursor_of(window.end), float)
    assert turned == sorted(set(found), reverse=descending)


@pytest.mark.parametrize("text", ["", "x", "!!!!", "gqFhoWI", "wA==", "kQ==", "AAAA" * 300, "é"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorError, match="is not the `next` of a page"):
        parse_cursor(text, str)


def test_a_cursor_of_another_order_is_refused() -> None:
    with pytest.raises(CursorError, match="in another order"):
        parse_cursor(cursor_of((1.0, "a.example")), str)
    with pytest.raises(CursorError, match="in another order"):
        parse_cursor(cursor_of(("a", "a.example")), float)


@given(st.text())
def test_any_text_may_be_sent_as_a_cursor(text: str) -> None:
    with suppress(CursorError):
        parse_cursor(text, str)
