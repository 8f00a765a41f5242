"""The difference of two texts in lines."""

from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.control.views.difference import MAX_COMPARED, difference


def test_lines_that_stay_go_and_come() -> None:
    assert difference("a\nb\nc\n", "a\nx\nc\nd\n") == (" a", "-b", "+x", " c", "+d")
    assert difference(None, "a\nb") == ("+a", "+b")
    assert difference("a\nb", None) == ("-a", "-b")
    assert difference(None, None) == ()


LINES = st.lists(st.sampled_from("abcde"), max_size=MAX_COMPARED)


@given(LINES, LINES)
def test_both_texts_can_be_told_from_it(old: list[str], new: list[str]) -> None:
    found = difference("\n".join(old), "\n".join(new))
    assert sorted(line[1:] for line in found if line[0] in " -") == sorted(old)
    assert [line[1:] for line in found if line[0] in " +"] == new


def test_thousands_of_lines_are_compared_in_as_many_steps() -> None:
    old = [f"x: {number}" for number in range(8_000)]
    found = difference("\n".join(old), "\n".join(reversed(old)))
    assert len(found) == 8_000
    assert difference("\n".join(old), "\n".join(old[1:]))[0] == "-x: 0"
