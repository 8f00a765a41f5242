"""Every kind of finding is on its page, and is provoked by a test with real things."""

import runpy
from pathlib import Path

import pytest

from mtasts_resolver.cli.findings_reference import findings_reference
from mtasts_resolver.doctor import catalogue as doctor
from mtasts_resolver.findings import FindingKind
from mtasts_resolver.published import catalogue as published

from .rows import collect_proofs

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "findings.md"

KINDS: tuple[FindingKind, ...] = published.CATALOGUE + doctor.CATALOGUE
CODES = {kind.code for kind in KINDS}


@pytest.fixture(scope="module")
def provoked() -> dict[str, frozenset[str]]:
    return collect_proofs("finding")


def test_each_finding_is_provoked_by_a_test_with_real_things(
    provoked: dict[str, frozenset[str]],
) -> None:
    assert CODES - provoked.keys() == set()
    for code, files in provoked.items():
        assert all(path.startswith(("lab/", "system/")) for path in files), code


def test_tests_name_no_unknown_finding(provoked: dict[str, frozenset[str]]) -> None:
    assert provoked.keys() <= CODES


def test_no_code_stands_for_two_findings() -> None:
    assert len(CODES) == len(KINDS)


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == findings_reference(), "run: make docs"


def test_the_module_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    path = ROOT / "mtasts_resolver/cli/findings_reference.py"
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out == findings_reference()
