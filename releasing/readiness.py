"""Whether a release can be made of the checkout as it is: looked at before anything is done."""

from collections.abc import Collection
from dataclasses import dataclass

from releasing.changelog import ChangelogError, read_sections
from releasing.version import read_version

MAIN = "main"
"""The branch of which releases are made."""


@dataclass(frozen=True)
class Checkout:
    """What git and the files say."""

    branch: str
    changed: Collection[str]
    """Files that differ from the last commit, and those that git does not know."""
    tags: Collection[str]
    version: str
    """What the program states now."""
    changelog: str


def tag_of(version: str) -> str:
    return f"v{version}"


def obstacles(checkout: Checkout, version: str) -> list[str]:
    """Return what stands against a release as `version`, each with what to do; nothing: go on."""
    found = []
    if checkout.branch != MAIN:
        here = checkout.branch or "no branch"
        found.append(f"the checkout is on {here}: git switch {MAIN}")
    if checkout.changed:
        some = ", ".join(sorted(checkout.changed)[:3])
        found.append(
            f"{len(checkout.changed)} files are changed or unknown to git, such as {some}: "
            "commit them, remove them, or name them in .gitignore"
        )
    return found + _of_version(checkout, version) + _of_changelog(checkout, version)


def _of_version(checkout: Checkout, version: str) -> list[str]:
    try:
        wanted = read_version(version)
    except ValueError as error:
        return [f"{error}: make release VERSION=..."]
    found = []
    if wanted < read_version(checkout.version):
        found.append(f"{version} is older than the program, which is {checkout.version}")
    if tag_of(version) in checkout.tags:
        found.append(f"there is a tag {tag_of(version)}: take the next version")
    return found


def _of_changelog(checkout: Checkout, version: str) -> list[str]:
    try:
        unreleased, released = read_sections(checkout.changelog)
    except ChangelogError as error:
        return [str(error)]
    found = []
    if not unreleased.has_entries:
        found.append("CHANGELOG.md has nothing below ## [Unreleased]: say what has changed")
    if version in {section.name for section in released}:
        found.append(f"CHANGELOG.md says that {version} is released: take the next version")
    return found
