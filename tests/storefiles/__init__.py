"""What each version of this program has left on disks, as it left it.

Every version must find all of it again: `tests/unit/store/test_storefiles.py` sees to that.
README.md says what there is, and how it comes about. `python -m tests.storefiles` writes it for the
version of this tree, before that version is released (`tests/storefiles/__main__.py`).
"""

import re
from hashlib import sha256
from pathlib import Path

from mtasts_resolver.control.values.policies import EXPORT_VERSION
from mtasts_resolver.evidence.report import FORMAT
from mtasts_resolver.store.changetable import SCHEMA
from mtasts_resolver.store.history import history_path
from mtasts_resolver.store.keptchecks import CHECKS_SCHEMA, checks_path
from mtasts_resolver.store.schema import VERSION

KEPT = Path(__file__).parent
SUMS = KEPT / "SHA256SUMS"
CHANGELOG = KEPT.parent.parent / "CHANGELOG.md"
POLICIES = "policies.sqlite"
"""As the daemon calls it by default."""

FIRST_RELEASED = {"policies": 1, "history": 2, "own-domains": 1, "cache-export": 1, "report": 1}
"""The oldest version of each format that a release has written."""


def newest_formats() -> dict[str, int]:
    """Return the version of each format that this program writes."""
    return {
        "policies": VERSION,
        "history": SCHEMA.version,
        "own-domains": CHECKS_SCHEMA.version,
        "cache-export": EXPORT_VERSION,
        "report": FORMAT,
    }


def databases(state: Path) -> dict[str, Path]:
    """Return the databases of a daemon that keeps its policies in the directory `state`."""
    policies = state / POLICIES
    return {
        "policies": policies,
        "history": history_path(policies),
        "own-domains": checks_path(policies),
    }


def kept_versions() -> list[str]:
    """Return the versions of this program whose files are kept, in the order of their names."""
    return sorted(path.name for path in KEPT.glob("*.*.*") if path.is_dir())


def is_released(version: str) -> bool:
    """Tell whether the changelog has a heading for that version of the program."""
    heading = rf"^## \[?{re.escape(version)}[\] ]"
    return re.search(heading, CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE) is not None


def sum_lines() -> list[str]:
    """Return the sum of each file that is there, as `sha256sum --check` reads it."""
    files = sorted(file for file in KEPT.glob("*.*.*/**/*") if file.is_file())
    return [f"{sha256(file.read_bytes()).hexdigest()}  {file.relative_to(KEPT)}" for file in files]
