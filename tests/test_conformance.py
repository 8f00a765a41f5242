"""docs/conformance.md, the citations in the code and the tests agree with each other."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from .rows import collect_proofs

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "mtasts_resolver"
PAGE = ROOT / "docs" / "conformance.md"

LATER = "not in this version yet"

# `RFC 8461 §3.3`, or several sections of one RFC: `RFC 8461 §3.1, §5.1`.
CITATION = re.compile(r"RFC (?P<number>\d+) (?P<sections>§\d+(?:\.\d+)*(?:, §\d+(?:\.\d+)*)*)")
# Whatever looks like a mention of an RFC or of a section, in any spelling; a URL or a name is none.
MENTION = re.compile(
    r"(?<![/\w])rfc[\s_-]*\d+(?!\w)(?:[\s,]*(?:§|section|sect?\.)\s*[\d.]+)?", re.IGNORECASE
)
STRAY_SECTION = re.compile(r"\bsection [\d.]+ of rfc|§\s+\d|§\d+\.(?!\d)\S", re.IGNORECASE)
WELL_SPELLED = re.compile(r"RFC \d+(?: §\d+(?:\.\d+)*\.?)?")


class Row(NamedTuple):
    """One row of the table."""

    id: str
    rule: str
    source: str
    program: str
    proved_by: str

    @property
    def later(self) -> bool:
        return self.proved_by == LATER


def read_rows(text: str) -> list[Row]:
    """Return the rows of every table in `text`, a page of Markdown."""
    rows = []
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[0] != "id" and set(cells[0]) != {"-"}:
                rows.append(Row(*cells))
    return rows


def citations(text: str) -> set[str]:
    """Return the citations in `text`, one section each: `RFC 8461 §3.3`."""
    return {
        f"RFC {found['number']} {section}"
        for found in CITATION.finditer(text)
        for section in found["sections"].split(", ")
    }


ROWS = read_rows(PAGE.read_text(encoding="utf-8"))
NOW = [row for row in ROWS if not row.later]
CITED_IN_CODE = {
    citation
    for path in PACKAGE.rglob("*.py")
    for citation in citations(path.read_text(encoding="utf-8"))
}
by_id = pytest.mark.parametrize("row", NOW, ids=[row.id for row in NOW])


def test_table_is_read() -> None:
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids))
    assert {id_.rstrip("0123456789") for id_ in ids} == {"R", "P", "C", "K", "D", "A", "T"}
    assert not [row.id for row in ROWS if row.later]
    assert all(cell for row in NOW for cell in row)


@pytest.fixture(scope="module")
def proofs() -> dict[str, frozenset[str]]:
    return collect_proofs("row")


@by_id
def test_row_names_the_files_that_prove_it(row: Row, proofs: dict[str, frozenset[str]]) -> None:
    named = set(re.findall(r"`([^`]+)`", row.proved_by))
    assert named, f"no test is said to prove row {row.id}: {row.rule}"
    assert named <= proofs.get(row.id, frozenset()), f"which of them are marked with row {row.id}?"


@by_id
def test_source_of_the_row_is_cited_in_the_code(row: Row) -> None:
    assert citations(row.source) <= CITED_IN_CODE


def test_tests_name_no_unknown_row(proofs: dict[str, frozenset[str]]) -> None:
    assert proofs.keys() <= {row.id for row in ROWS}


@pytest.mark.parametrize(
    "path",
    [
        path
        for pattern in ("mtasts_resolver/**/*.py", "tests/**/*.py", "docs/*.md", "*.md")
        for path in ROOT.glob(pattern)
        if path != Path(__file__)
    ],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_citations_have_one_spelling(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    wrong = [found[0] for found in MENTION.finditer(text) if not WELL_SPELLED.fullmatch(found[0])]
    assert not wrong + [found[0] for found in STRAY_SECTION.finditer(text)]


@pytest.mark.parametrize(
    "text",
    [
        "RFC8461",
        "rfc 8461",
        "RFC-8461",
        "RFC 8461 section 3",
        "RFC 8461, Section 3.3",
        "RFC 8461 § 3.3",
        "RFC 8461§3.3",
        "RFC 8461 sec. 3",
        "section 3.3 of RFC 8461",
        "RFC\n8461",
    ],
)
def test_other_spellings_are_found(text: str) -> None:
    wrong = [found for found in MENTION.finditer(text) if not WELL_SPELLED.fullmatch(found[0])]
    assert wrong or STRAY_SECTION.search(text)


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("(RFC 8461 §3.3)", {"RFC 8461 §3.3"}),
        ("RFC 8461 §3.1, §5.1: x", {"RFC 8461 §3.1", "RFC 8461 §5.1"}),
        ("RFC 8461 §3.1, RFC 8461 §5.1", {"RFC 8461 §3.1", "RFC 8461 §5.1"}),
        ("as RFC 8461 §5 asks, and RFC 7672 too", {"RFC 8461 §5"}),
        ("ends here: RFC 8461 §3.2.", {"RFC 8461 §3.2"}),
        ("https://www.rfc-editor.org/rfc/rfc8461", set()),
    ],
)
def test_citations_are_read(text: str, sections: set[str]) -> None:
    assert citations(text) == sections
    assert all(WELL_SPELLED.fullmatch(found[0]) for found in MENTION.finditer(text))
    assert not STRAY_SECTION.search(text)
