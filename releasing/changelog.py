"""CHANGELOG.md as text: what is unreleased, when each version came out, and a release put in.

    ## [Unreleased]

    ## [0.1.0] - 2026-12-01

The form is that of Keep a Changelog.
"""

import datetime as dt
import re
from dataclasses import dataclass

_HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<date>\d{4}-\d\d-\d\d))?$", re.MULTILINE)
_UNRELEASED = "Unreleased"


class ChangelogError(Exception):
    """The changelog is not of its form; the text says what is amiss."""


@dataclass(frozen=True)
class Section:
    name: str
    date: dt.date | None
    begin: int
    text: str
    """What stands below the heading."""

    @property
    def has_entries(self) -> bool:
        return any(line.startswith("- ") for line in self.text.splitlines())


def read_sections(changelog: str) -> tuple[Section, list[Section]]:
    """Return what is unreleased, and the released versions, the newest first."""
    headings = list(_HEADING.finditer(changelog))
    if not headings or headings[0]["name"] != _UNRELEASED:
        raise ChangelogError(f"CHANGELOG.md does not begin with ## [{_UNRELEASED}]")
    ends = [heading.start() for heading in headings[1:]] + [len(changelog)]
    sections = [
        Section(
            heading["name"],
            dt.date.fromisoformat(heading["date"]) if heading["date"] else None,
            heading.start(),
            changelog[heading.end() : end].strip("\n"),
        )
        for heading, end in zip(headings, ends, strict=True)
    ]
    for section in sections[1:]:
        if section.date is None:
            raise ChangelogError(f"CHANGELOG.md has ## [{section.name}] without its date")
    return sections[0], sections[1:]


def release_date(changelog: str) -> dt.date | None:
    """Return the date of the newest version, None where something newer is unreleased."""
    unreleased, released = read_sections(changelog)
    return None if unreleased.has_entries or not released else released[0].date


def with_release(changelog: str, version: str, date: dt.date) -> str:
    """Return the changelog in which all that was unreleased is that version."""
    unreleased, _ = read_sections(changelog)
    if not unreleased.has_entries:
        raise ChangelogError(f"CHANGELOG.md has nothing below ## [{_UNRELEASED}]")
    head, rest = changelog[: unreleased.begin], changelog[unreleased.begin :]
    heading = f"## [{_UNRELEASED}]\n"
    return f"{head}{heading}\n## [{version}] - {date}\n{rest.removeprefix(heading)}"
