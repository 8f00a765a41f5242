"""A release of a clone of this checkout: complete, or not made at all."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from mtasts_resolver import __version__
from releasing.changelog import read_sections
from releasing.tree import ROOT
from releasing.version import PLACE, version_of

if not (ROOT / ".git").exists():
    pytest.skip("releases are made of a checkout of git", allow_module_level=True)

MAJOR, MINOR, _ = __version__.split(".")
NEXT = f"{MAJOR}.{int(MINOR) + 1}.0"
WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A Maintainer"), ("EMAIL", "maintainer@example.com"))
}


@dataclass(frozen=True)
class Clone:
    path: Path

    def git(self, *arguments: str) -> str:
        return subprocess.check_output(
            ["git", "-C", self.path, *arguments], env=os.environ | WHO, text=True
        )

    def state(self) -> tuple[str, ...]:
        """Return all that a release may change: branches, tags, files, worktrees."""
        return (
            self.git("for-each-ref"),
            self.git("status", "--porcelain"),
            self.git("rev-parse", "HEAD"),
            self.git("worktree", "list"),
        )

    def release(self) -> subprocess.CompletedProcess[str]:
        """Make one, without what takes root, and a service that is elsewhere."""
        options = ("--without", "deb", "--without", "audit")
        return subprocess.run(
            [sys.executable, "-m", "releasing.release", *options, NEXT],
            cwd=self.path,
            env=os.environ | WHO,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """Return a clone that is on main, and has something to release."""
    found = Clone(tmp_path / "clone")
    subprocess.run(["git", "clone", "--quiet", "--no-tags", ROOT, found.path], check=True)
    found.git("switch", "--quiet", "--force-create", "main")
    changelog = found.path / "CHANGELOG.md"
    heading = "## [Unreleased]\n"
    text = changelog.read_text("utf-8")
    changelog.write_text(text.replace(heading, f"{heading}\n- Something is new.\n", 1), "utf-8")
    found.git("commit", "--quiet", "--all", "--message", "Something new")
    return found


HOOK = """#!/bin/sh
while read -r _ _ ref; do
    [ "$ref" != refs/heads/main ] || { echo 'main is not to be moved' >&2; exit 1; }
done
"""


def test_a_release_that_fails_at_its_last_step_leaves_everything_as_it_was(clone: Clone) -> None:
    """Somebody else has moved main meanwhile, say: here a hook of git refuses."""
    before = clone.state()
    hook = clone.path / ".git/hooks/reference-transaction"
    hook.write_text(HOOK, "utf-8")
    hook.chmod(0o755)
    done = clone.release()
    assert done.returncode == 1
    assert "No release was made, and nothing changed: git merge fails" in done.stderr
    assert "main is not to be moved" in done.stderr
    assert clone.state() == before
    assert list((clone.path / "dist").iterdir()) == []


def test_a_release_is_a_commit_a_tag_and_what_is_published(clone: Clone) -> None:
    before = clone.git("rev-parse", "HEAD")
    done = clone.release()
    assert done.returncode == 0, done.stderr
    assert clone.git("rev-parse", "HEAD~1") == before
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("rev-parse", f"v{NEXT}^{{commit}}") == clone.git("rev-parse", "HEAD")
    assert "- Something is new." in clone.git("tag", "--list", "--format=%(contents)", f"v{NEXT}")
    assert clone.git("log", "-1", "--format=%an <%ae> %s") == (
        f"A Maintainer <maintainer@example.com> Release {NEXT}\n"
    )
    assert version_of((clone.path / PLACE).read_text("utf-8")) == NEXT
    unreleased, (released, *_) = read_sections((clone.path / "CHANGELOG.md").read_text("utf-8"))
    assert (unreleased.text, released.name) == ("", NEXT)
    assert (
        f"mtasts-resolver {NEXT}" in (clone.path / "share/man/man8/mtasts-resolver.8").read_text()
    )
    assert (clone.path / "tests/storefiles" / NEXT / "then.json").exists()
    made = clone.path / "dist" / NEXT
    published = _checked(made)
    assert published == {
        *("constraints.txt", "constraints-build.txt"),
        f"mtasts_resolver-{NEXT}-py3-none-any.whl",
        f"mtasts_resolver-{NEXT}.tar.gz",
        f"mtasts_resolver-{NEXT}.cdx.json",
    }
    bom = json.loads((made / f"mtasts_resolver-{NEXT}.cdx.json").read_text("utf-8"))
    assert bom["metadata"]["component"]["version"] == NEXT
    assert bom["metadata"]["timestamp"].startswith(str(released.date))
    with tarfile.open(made / f"mtasts_resolver-{NEXT}.tar.gz") as sdist:
        assert f"mtasts_resolver-{NEXT}/tests/storefiles/{NEXT}/then.json" in sdist.getnames()
    for said in (f"main v{NEXT}", f"twine upload dist/{NEXT}/", "Left out: deb, audit"):
        assert said in done.stdout


def _checked(made: Path) -> set[str]:
    """Return the files whose sums are told, all of which must be there, and right."""
    told = [line.split("  ") for line in (made / "SHA256SUMS").read_text("utf-8").splitlines()]
    for value, name in told:
        assert hashlib.sha256((made / name).read_bytes()).hexdigest() == value, name
    assert {path.name for path in made.iterdir()} == {name for _, name in told} | {"SHA256SUMS"}
    return {name for _, name in told}
