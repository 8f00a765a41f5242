"""Values as errors quote them, and strangers' words as logs show them."""

from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.base.quoting import PRINTED, QUOTED, printable, quote


def test_a_value_is_quoted_in_ascii() -> None:
    assert quote("\u202e\n") == "'\\u202e\\n'"
    assert quote("x" * QUOTED) == repr("x" * QUOTED)


def test_a_long_value_is_quoted_in_part() -> None:
    assert quote("x" * 500) == repr("x" * 57 + "...")


@given(st.text())
def test_strangers_words_fit_into_a_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) <= PRINTED
    if text.isprintable() and len(text) <= PRINTED:
        assert shown == text
