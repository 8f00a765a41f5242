"""What stands against a release is said before anything is done, with what to do."""

from dataclasses import replace

import pytest

from releasing.readiness import Checkout, obstacles

CHANGELOG = "## [Unreleased]\n\n- A fault is mended.\n\n## [1.1.0] - 2027-01-15\n\n- A daemon.\n"
READY = Checkout("main", [], ["v1.1.0"], "1.1.0", CHANGELOG)


@pytest.mark.parametrize("version", ["1.1.1", "1.2.0", "2.0.0", "1.10.0"])
def test_nothing_stands_against_a_newer_version(version: str) -> None:
    assert obstacles(READY, version) == []


def test_the_first_release_has_the_version_that_the_program_states() -> None:
    first = Checkout("main", [], [], "0.1.0", "## [Unreleased]\n\n- A daemon.\n")
    assert obstacles(first, "0.1.0") == []


@pytest.mark.parametrize(
    ("checkout", "version", "words"),
    [
        (replace(READY, branch="topic"), "1.2.0", "git switch main"),
        (replace(READY, branch=""), "1.2.0", "on no branch"),
        (replace(READY, changed=["a.py", "b.py"]), "1.2.0", "2 files are changed"),
        (READY, "1.2", "no version of three numbers"),
        (READY, "", "make release VERSION="),
        (READY, "1.0.9", "1.0.9 is older than the program"),
        (READY, "1.1.0", "there is a tag v1.1.0"),
        (replace(READY, tags=[]), "1.1.0", "CHANGELOG.md says that 1.1.0 is released"),
        (replace(READY, changelog="## [Unreleased]\n"), "1.2.0", "nothing below"),
        (replace(READY, changelog="# Changelog\n"), "1.2.0", "does not begin with"),
    ],
)
def test_each_obstacle_is_told(checkout: Checkout, version: str, words: str) -> None:
    assert any(words in obstacle for obstacle in obstacles(checkout, version))


def test_all_obstacles_are_told_at_once() -> None:
    bad = Checkout("topic", ["a.py"], [], "1.1.0", "## [Unreleased]\n")
    assert len(obstacles(bad, "1.0")) == 4
