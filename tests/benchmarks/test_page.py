"""What was measured comes to stand between its markers, and nothing else is touched."""

from pathlib import Path

import pytest

from benchmarks.page import PageError, machine, processor, table, updated
from benchmarks.run import PAGE, SECTIONS

PAGE_TEXT = """\
before
<!-- hot: written by make bench -->
old
<!-- end of hot -->
between
<!-- cold: written by make bench -->
<!-- end of cold -->
after
"""


def test_a_section_takes_the_place_of_the_old_one() -> None:
    new = updated(PAGE_TEXT, {"hot": "new \\1 figures\n"})
    assert new == PAGE_TEXT.replace("old\n", "\nnew \\1 figures\n\n")


def test_writing_twice_changes_nothing() -> None:
    once = updated(PAGE_TEXT, {"hot": "a", "cold": "b"})
    assert updated(once, {"cold": "b", "hot": "a"}) == once


@pytest.mark.parametrize(
    "page",
    [
        "",
        PAGE_TEXT.replace("<!-- end of hot -->", ""),
        PAGE_TEXT.replace("<!-- hot: written by make bench -->", ""),
        PAGE_TEXT + PAGE_TEXT,
    ],
)
def test_a_page_without_a_place_is_left_alone(page: str) -> None:
    with pytest.raises(PageError, match="hot"):
        updated(page, {"hot": "new"})


def test_the_page_has_a_place_for_every_section() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert updated(page, dict.fromkeys(SECTIONS, "new")) != page


def test_a_table() -> None:
    assert table(["name", "n"], [["a", "1"], ["b", "2"]]) == (
        "| name | n |\n| --- | --: |\n| a | 1 |\n| b | 2 |"
    )


def test_the_processor() -> None:
    cpuinfo = "processor\t: 0\nmodel name\t: A: B\n\nprocessor\t: 1\nmodel name\t: C\n"
    assert processor(cpuinfo) == (2, "A: B")


def test_a_processor_that_has_no_name() -> None:
    cores, name = processor("processor\t: 0\nBogoMIPS\t: 50.00\n")
    assert cores == 1
    assert name


def test_the_machine_names_what_the_figures_depend_on(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Abacus\n")
    sentence = machine("cc 1.0", tmp_path)
    for part in ("Linux ", "1 cores of Abacus", "CPython 3.", "uvloop ", "cc 1.0"):
        assert part in sentence
