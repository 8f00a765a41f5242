"""The version of the program, which stands in `mtasts_resolver/__init__.py` alone.

Everything else asks there, but for pages that show what the program has said: there it is named
behind the program, and follows.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from releasing.tree import ROOT, tracked

PLACE = Path("mtasts_resolver/__init__.py")
_PLACE = re.compile(r'^__version__ = "(?P<version>[^"]*)"$', re.MULTILINE)

_NUMBER = r"(?:0|[1-9]\d*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}")
_NAMED = re.compile(
    r"(?P<before>\bmtasts[-_]resolver(?:, version |[ /:=_-]|==)v?)"
    rf"(?P<version>{_VERSION.pattern})(?!\.?\d)"
)

OF_THEIR_TIME = ("CHANGELOG.md", "tests/", "docs/sample-report.")
"""What names versions that were: `make sample` makes the report anew, in the lab."""

Version = tuple[int, ...]


def read_version(text: str) -> Version:
    """Return a version as numbers; raise ValueError for all but three numbers.

    These are a version to Python (PEP 440), to Debian, and to semver.org alike.
    """
    if not _VERSION.fullmatch(text):
        raise ValueError(f"{text!r} is no version of three numbers, such as 1.2.0")
    return tuple(map(int, text.split(".")))


def version_of(source: str) -> str:
    """Return the version that `mtasts_resolver/__init__.py` states."""
    found = _PLACE.search(source)
    if found is None:
        raise ValueError(f"{PLACE} states no version")
    return found["version"]


def named_versions() -> Iterator[tuple[Path, str]]:
    """Yield each file of the checkout that names a version of the program, and that version."""
    for path, text in _pages():
        yield from ((path, found["version"]) for found in _NAMED.finditer(text))


def _pages() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        content = (ROOT / path).read_bytes()
        if not str(path).startswith(OF_THEIR_TIME) and b"\0" not in content:
            yield path, content.decode()


def set_version(version: str) -> None:
    """State the version, and have what names one follow."""
    place = ROOT / PLACE
    source = place.read_text(encoding="utf-8")
    place.write_text(_PLACE.sub(f'__version__ = "{version}"', source), encoding="utf-8")
    for path, text in _pages():
        new = _NAMED.sub(rf"\g<before>{version}", text)
        if new != text:
            (ROOT / path).write_text(new, encoding="utf-8")
