"""What is built bears a time that depends on the commit alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from releasing import tree
from releasing.tree import TreeError, source_date

RELEASED = "## [Unreleased]\n\n## [0.1.0] - 2026-12-01\n\n- A daemon.\n"
UNRELEASED = "## [Unreleased]\n\n- A daemon.\n"


@pytest.fixture
def of_changelog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Return what gives the time of a tree with that changelog, and without git."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setattr(tree, "ROOT", tmp_path)

    def time(changelog: str) -> int:
        (tmp_path / "CHANGELOG.md").write_text(changelog)
        return source_date()

    return time


def test_a_release_without_git_has_the_day_of_the_changelog(
    of_changelog: Callable[[str], int],
) -> None:
    assert of_changelog(RELEASED) == 1_796_083_200


def test_what_is_no_release_and_has_no_git_is_refused(of_changelog: Callable[[str], int]) -> None:
    with pytest.raises(TreeError, match="set SOURCE_DATE_EPOCH"):
        of_changelog(UNRELEASED)


def test_what_the_environment_says_goes_first(
    of_changelog: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert of_changelog(RELEASED) == 86_400
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(TreeError, match="'yesterday'"):
        of_changelog(RELEASED)
