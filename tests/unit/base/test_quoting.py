"""Values as errors quote them."""

from mtasts_resolver.base.quoting import SHOWN, quote


def test_a_value_is_quoted_in_ascii() -> None:
    assert quote("\u202e\n") == "'\\u202e\\n'"
    assert quote("x" * SHOWN) == repr("x" * SHOWN)


def test_a_long_value_is_quoted_in_part() -> None:
    assert quote("x" * 500) == repr("x" * 57 + "...")
