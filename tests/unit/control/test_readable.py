"""Times and numbers as people read them, and strangers' words as nobody need fear them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.control.web.readable import (
    LINE,
    LINES,
    absolute,
    excerpt,
    grouped,
    line,
    mebibytes,
    relative,
)

NOW = "2026-11-26T12:00:00Z"


@pytest.mark.parametrize(
    ("timestamp", "words"),
    [
        ("2026-11-26T12:00:00Z", "0s ago"),
        ("2026-11-26T11:57:00Z", "3min ago"),
        ("2026-12-01T14:00:00Z", "in 5d 2h"),
    ],
)
def test_a_time_is_said_as_how_far_away_it_is(timestamp: str, words: str) -> None:
    assert relative(timestamp, NOW) == words


def test_the_time_itself_is_there_too() -> None:
    assert absolute(NOW) == "2026-11-26 12:00:00 UTC"


def test_numbers_are_grouped() -> None:
    assert grouped(1_234_567) == "1,234,567"
    assert mebibytes(400 << 20) == "400.0 MiB"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mx: \u202egro.elpmaxe\u202c", r"mx: \u202egro.elpmaxe\u202c"),
        ("a\x00b\x1b[31m\nc", r"a\x00b\x1b[31m\nc"),
        ("\ud800", r"\ud800"),
        ("grün", "grün"),
    ],
)
def test_what_is_not_to_be_seen_is_spelled_out(text: str, shown: str) -> None:
    assert line(text) == shown


@given(st.text())
def test_a_line_is_bounded_and_printable(text: str) -> None:
    assert line(text).isprintable()
    assert len(line(text)) <= LINE
    line(text).encode()


def test_of_many_lines_the_first_are_shown_and_the_others_counted() -> None:
    shown = excerpt(["x" * 100_000] * 1_000)
    assert len(shown.lines) == LINES
    assert shown.left_out == 1_000 - LINES
    assert max(map(len, shown.lines)) == LINE
    assert excerpt(["one"]).left_out == 0
