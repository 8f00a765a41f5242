"""The changelog is read and dated, and that of the checkout is of the form."""

import datetime as dt

import pytest
from packaging.version import Version

from mtasts_resolver import __version__
from releasing.changelog import ChangelogError, read_sections, release_date, with_release
from releasing.tree import ROOT

HEAD = "# Changelog\n\nSome words.\n\n"
OLD = "## [0.1.0] - 2026-12-01\n\n### Added\n\n- A daemon.\n"
NEW = HEAD + "## [Unreleased]\n\n### Fixed\n\n- A fault.\n\n" + OLD
RELEASED = HEAD + "## [Unreleased]\n\n" + OLD
DAY = dt.date(2027, 1, 15)


def test_the_changelog_of_the_checkout_is_of_the_form() -> None:
    _, released = read_sections((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    versions = [Version(section.name) for section in released]
    assert versions == sorted(versions, reverse=True)
    assert not versions or versions[0] == Version(__version__)


def test_a_release_takes_what_was_unreleased() -> None:
    changelog = with_release(NEW, "0.2.0", DAY)
    unreleased, (new, old) = read_sections(changelog)
    assert (unreleased.text, unreleased.has_entries) == ("", False)
    assert (new.name, new.date, new.text) == ("0.2.0", DAY, "### Fixed\n\n- A fault.")
    assert (old.name, old.text) == ("0.1.0", "### Added\n\n- A daemon.")
    assert changelog.startswith(HEAD)
    assert changelog.endswith(OLD)


def test_a_release_has_the_date_of_its_heading() -> None:
    assert release_date(RELEASED) == dt.date(2026, 12, 1)
    assert release_date(NEW) is None
    assert release_date(HEAD + "## [Unreleased]\n") is None


@pytest.mark.parametrize("text", [HEAD, HEAD + OLD, RELEASED.replace(" - 2026-12-01", "")])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(ChangelogError, match=r"CHANGELOG\.md"):
        read_sections(text)


def test_nothing_is_no_release() -> None:
    with pytest.raises(ChangelogError, match="nothing below"):
        with_release(RELEASED, "0.2.0", DAY)
