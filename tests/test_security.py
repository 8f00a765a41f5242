"""SECURITY.md and the tests that it names agree with each other."""

import re
from typing import NamedTuple

import pytest

from .rows import TESTS, collect_proofs

PAGE = TESTS.parent / "SECURITY.md"
_ID = re.compile(r"`([a-z-]+)`")
_NAMED = re.compile(r"`([^`]+)`")


class Threat(NamedTuple):
    """One row of what is tried."""

    id: str
    tried: str
    comes_of_it: str
    proved_by: str


def read_threats(text: str) -> list[Threat]:
    """Return the rows of the tables of what is tried, in a page of Markdown."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if cells and (found := _ID.fullmatch(cells[0])):
            rows.append(Threat(found[1], *cells[1:]))
    return rows


THREATS = read_threats(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def proofs() -> dict[str, frozenset[str]]:
    return collect_proofs("threat")


def test_the_page_is_read() -> None:
    ids = [threat.id for threat in THREATS]
    assert ids
    assert len(ids) == len(set(ids))
    assert all(cell for threat in THREATS for cell in threat)


@pytest.mark.parametrize("threat", THREATS, ids=[threat.id for threat in THREATS])
def test_a_threat_names_the_tests_that_try_it(
    threat: Threat, proofs: dict[str, frozenset[str]]
) -> None:
    named = set(_NAMED.findall(threat.proved_by))
    assert named, f"no test is said to try {threat.tried}"
    assert named == proofs.get(threat.id, frozenset()), "those that are marked with it are others"


def test_tests_name_no_unknown_threat(proofs: dict[str, frozenset[str]]) -> None:
    assert proofs.keys() <= {threat.id for threat in THREATS}
