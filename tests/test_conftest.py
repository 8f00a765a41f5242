"""MTASTS_REQUIRE_LAB=1 turns every kind of skip into a failure, and changes nothing else."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

SKIPS = {
    "mark": "@pytest.mark.skip(reason='why mark')\ndef test_it(): pass",
    "condition": "@pytest.mark.skipif(True, reason='why condition')\ndef test_it(): pass",
    "body": "def test_it(): pytest.skip('why body')",
    "fixture": "@pytest.fixture\ndef lab(): pytest.skip('why fixture')\ndef test_it(lab): pass",
    "import": "pytest.skip('why import', allow_module_level=True)",
}
OTHERS = "@pytest.mark.xfail(reason='known')\ndef test_a(): assert False\ndef test_b(): pass"


def run_pytest(directory: Path, sources: dict[str, str], *, require_lab: str) -> tuple[int, str]:
    for name, source in sources.items():
        (directory / f"test_{name}.py").write_text(f"import pytest\n{source}\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.conftest", "-rs", "-c", os.devnull),
            *("-p", "no:cacheprovider", "--continue-on-collection-errors"),
            *("--rootdir", directory, directory),
        ],
        cwd=ROOT,
        env={**os.environ, "MTASTS_REQUIRE_LAB": require_lab},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_skips_fail_where_the_lab_is_required(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, SKIPS, require_lab="1")
    assert code == 1
    for kind in SKIPS:
        assert f"MTASTS_REQUIRE_LAB=1 forbids to skip: Skipped: why {kind}" in output
    assert "1 failed, 4 errors" in output


def test_skips_are_skips_elsewhere(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, SKIPS, require_lab="")
    assert code == 0
    assert "5 skipped" in output


def test_other_outcomes_stay(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, {"others": OTHERS}, require_lab="1")
    assert code == 0
    assert "1 passed, 1 xfailed" in output
