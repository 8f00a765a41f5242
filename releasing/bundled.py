"""`python -m releasing.bundled DIRECTORY PLACE`: the Python packages there, for debian/copyright.

PLACE, below DIRECTORY, is where they are installed. Written are paragraphs of the machine-readable
form: of each package its files, its holders of copyright, and its licence.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

OURS = "mtasts-resolver"

WITHIN = {
    "cffi": "libffi (MIT)",
    "cryptography": "OpenSSL (Apache-2.0), and the crates that its sboms/ lists",
    "pyyaml": "libyaml (MIT)",
    "uvloop": "libuv (MIT)",
}
"""What a wheel has been linked with, of which its metadata says nothing."""

MOST_HOLDERS = 20
"""Lines on copyright that are taken from a package's licences."""

_LICENCE = re.compile(r"(?i)(licen[cs]e|copying|notice)[^/]*$")
_HOLDER = re.compile(r"(?i)\W*copyright:?\s*(?:\(c\)|©)?\s*(?P<who>\d{4}.*|.* \d{4}.*)")


def paragraphs(directory: Path, place: str) -> Iterator[str]:
    """Yield a paragraph for each package but our own, by name."""
    found = distributions(path=[str(directory / place)])
    for package in sorted(found, key=lambda package: package.name.lower()):
        if package.name != OURS:
            yield _paragraph(package, place)


def _paragraph(package: Distribution, place: str) -> str:
    files = [str(file) for file in package.files or ()]
    # What goes elsewhere, as a script does, is not installed.
    tops = sorted({file.partition("/")[0] for file in files if not file.startswith("..")})
    licences = [file for file in files if ".dist-info/" in file and _LICENCE.search(file)]
    names = [f"{place}/{top}" if top in files else f"{place}/{top}/*" for top in tops]
    comment = [f"{package.name} {package.version}"]
    if within := WITHIN.get(package.name.lower()):
        comment.append(f"It is linked with {within}.")
    texts = [f"The text is in /{place}/{file}" for file in licences] or ["No text comes with it."]
    return (
        f"\nFiles:{_folded(names)}Copyright:{_folded(_holders(package, licences))}"
        f"Comment:{_folded(comment)}License: {_licence(package)}{_folded(texts)}"
    )


def _folded(lines: Iterable[str]) -> str:
    return "".join(f"\n {line}" for line in lines) + "\n"


def _holders(package: Distribution, licences: list[str]) -> list[str]:
    """Return whom a package's licences name, else its authors."""
    texts = (package.read_text(file.partition("/")[2]) or "" for file in licences)
    lines = (line for text in texts for line in text.splitlines())
    named = dict.fromkeys(found["who"].strip() for line in lines if (found := _HOLDER.match(line)))
    author = _first(package, "Author") or _first(package, "Author-email")
    return list(named)[:MOST_HOLDERS] or [author or f"the authors of {package.name}"]


def _licence(package: Distribution) -> str:
    if short := _first(package, "License-Expression"):
        return short
    known = package.metadata.get_all("Classifier") or []
    classified = [line.rpartition(" :: ")[2] for line in known if line.startswith("License :: ")]
    names = classified or [(_first(package, "License") or "unknown").splitlines()[0]]
    return " or ".join(name.replace(" ", "-") for name in names)


def _first(package: Distribution, key: str) -> str:
    values: list[str] = package.metadata.get_all(key) or [""]
    return values[0]


def main() -> None:
    directory, place = sys.argv[1:]
    sys.stdout.writelines(paragraphs(Path(directory), place))


if __name__ == "__main__":
    main()
