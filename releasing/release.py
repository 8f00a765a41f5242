"""`make release VERSION=...`: make a release, all but publish it.

It is made in a worktree of its own, beside the checkout: the version, the date in the changelog,
the pages that follow, what this version leaves on disks; all of that in one commit, and of this
commit everything that is published. Only when all of it is there does the checkout go forward to
the commit, and get its tag. Whatever fails before leaves the checkout as it was.
"""

import argparse
import datetime as dt
import hashlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from releasing.changelog import read_sections, with_release
from releasing.readiness import MAIN, Checkout, obstacles, tag_of
from releasing.root import missing
from releasing.suites import SUITES
from releasing.tools import ToolError, run_tool, tell
from releasing.tree import ROOT, TreeError, git
from releasing.version import PLACE, version_of

OPTIONAL = ("audit", "deb")
"""What a host may be unable to do: look up vulnerabilities, and build packages of Debian."""

LEAVE_OUT = "To make one all the same: make release VERSION=... ARGS='--without {}'"

ALSO_PUBLISHED = ("constraints.txt", "constraints-build.txt")
"""An installation of the wheel by hashes needs them."""

STORE_TEST = "tests/unit/store/test_storefiles.py"
TESTS = ("tests/releasing", "tests/test_docs.py", "tests/test_manual.py", STORE_TEST)
"""What can break by a release alone. All others were CI's before."""


class ReleaseError(Exception):
    """No release was made; the text says why, and what to do."""


def checkout() -> Checkout:
    """Look at the checkout; raise TreeError."""
    return Checkout(
        branch=git("branch", "--show-current").strip(),
        changed=[line[3:] for line in git("status", "--porcelain").splitlines()],
        tags=git("tag", "--list").split(),
        version=version_of((ROOT / PLACE).read_text(encoding="utf-8")),
        changelog=(ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    )


def check(version: str, without: Collection[str]) -> None:
    """Raise ReleaseError where no release can be made here."""
    found = obstacles(checkout(), version)
    if "deb" not in without:
        unable = missing() or ("building packages takes root" if os.geteuid() else "")
        found += [f"{unable}. {LEAVE_OUT.format('deb')}"] if unable else []
    try:
        git("var", "GIT_COMMITTER_IDENT")
    except TreeError:
        found.append("git does not know who commits: git config user.name NAME, and user.email")
    if found:
        raise ReleaseError("\n  ".join(["this stands against it:", *found]))


@contextmanager
def worktree() -> Iterator[Path]:
    """Give a worktree of the last commit, on no branch."""
    with tempfile.TemporaryDirectory(prefix="mtasts-resolver-release-") as place:
        tree = Path(place) / "tree"
        git("worktree", "add", "--quiet", "--detach", str(tree))
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


class Release:
    """A release that is made in `tree`; what is to be published goes into `made`."""

    def __init__(self, tree: Path, made: Path, version: str) -> None:
        self._tree = tree
        self._made = made
        self._version = version
        made.mkdir()

    def prepare(self) -> str:
        """Have all that is tracked speak of this version, and return the commit."""
        tell(f"{self._version}: version, what it leaves on disks, changelog, pages")
        self._run(
            "-c", f"from releasing.version import set_version; set_version({self._version!r})"
        )
        # Before the changelog has the version: from then on these are never written again.
        self._run("-m", "tests.storefiles", quiet=True)
        changelog = self._tree / "CHANGELOG.md"
        today = dt.datetime.now(tz=dt.UTC).date()
        dated = with_release(changelog.read_text(encoding="utf-8"), self._version, today)
        changelog.write_text(dated, encoding="utf-8")
        self._write_docs()
        tell("tests of what has changed by that")
        self._run("-m", "pytest", "--quiet", *TESTS)
        git("add", "--all", of=self._tree)
        git("commit", "--quiet", "--message", f"Release {self._version}", of=self._tree)
        return git("rev-parse", "HEAD", of=self._tree).strip()

    def _write_docs(self) -> None:
        """Write the generated pages by the Makefile, which need not install anything for that."""
        venv = Path(sys.prefix)
        run_tool(
            *("make", "--silent", "docs", f"VENV={venv}"),
            *("--assume-old", venv / ".installed-test"),
            cwd=self._tree,
            quiet=True,
        )

    def make(self, without: Collection[str], audit: Sequence[str]) -> None:
        """Make everything that is published, of the commit; `audit` is for pip-audit."""
        if "audit" not in without:
            tell("pins: looked up by pip-audit")
            try:
                self._run("-m", "releasing.audit", *audit)
            except ToolError as error:
                unaudited = "what is pinned is not in order, or not known to be; see above"
                raise ReleaseError(f"{unaudited}. {LEAVE_OUT.format('audit')}") from error
        self._run("-m", "releasing.dist", self._made)
        tell("SBOM")
        self._run("-m", "releasing.sbom", self._made)
        if "deb" not in without:
            for suite in SUITES:
                self._run("-m", "releasing.deb", suite, self._made)
        for name in ALSO_PUBLISHED:
            shutil.copy(self._tree / name, self._made)
        sums = "".join(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
            for path in sorted(self._made.iterdir())
        )
        (self._made / "SHA256SUMS").write_text(sums, encoding="utf-8")

    def notes(self) -> str:
        """Return what the changelog says of this version."""
        _, released = read_sections((self._tree / "CHANGELOG.md").read_text(encoding="utf-8"))
        return f"mtasts-resolver {self._version}\n\n{released[0].text}\n"

    def _run(self, *arguments: str | Path, quiet: bool = False) -> None:
        """Run Python on the modules of the worktree."""
        run_tool(
            sys.executable,
            *arguments,
            cwd=self._tree,
            environment={"PYTHONPATH": ""},
            quiet=quiet,
        )


def keep(commit: str, notes: str, version: str) -> None:
    """Let the checkout go forward to the commit, and give that its tag: both, or neither."""
    tag = tag_of(version)
    git("tag", "--annotate", "--cleanup=verbatim", "--message", notes, tag, commit)
    try:
        git("merge", "--quiet", "--ff-only", commit)
    except BaseException:
        # The files may be there already though the branch is not: they go back, and nothing else.
        git("read-tree", "-m", "-u", commit, "HEAD")
        git("tag", "--delete", tag)
        raise


def release(version: str, *, without: Collection[str], audit: Sequence[str], dry_run: bool) -> Path:
    """Make the release, and return the directory of what is to be published.

    Raise ReleaseError, ToolError or TreeError; then the checkout is as it was.
    """
    check(version, without)
    kept = ROOT / "dist" / version
    with worktree() as tree:
        made = tree.parent / "made"
        doing = Release(tree, made, version)
        commit = doing.prepare()
        doing.make(without, audit)
        ready = kept.with_name(f"{version}.new")
        shutil.rmtree(ready, ignore_errors=True)
        shutil.copytree(made, ready)
        if not dry_run:
            try:
                keep(commit, doing.notes(), version)
            except TreeError:
                shutil.rmtree(ready)
                raise
    shutil.rmtree(kept, ignore_errors=True)
    return ready.rename(kept)


def what_to_publish(version: str, kept: Path, without: Collection[str]) -> str:
    """Return what is yet to be done, by whom may."""
    place = kept.relative_to(ROOT)
    tag = tag_of(version)
    left_out = f"Left out: {', '.join(without)}.\n" if without else ""
    remote = (git("remote").split() or ["REMOTE"])[0]
    return f"""\
{version} is made, on this host alone: its commit on {MAIN}, the tag {tag}, and {place}/.
{left_out}
To publish it, once CI has passed the commit:
  git push --atomic {remote} {MAIN} {tag}
  twine upload {place}/*.whl {place}/*.tar.gz
and to the page of the release at the hosting site: all files of {place}/, and the
text of the tag: git tag --list --format='%(contents)' {tag}

Not to publish it, and to be where you were:
  git tag --delete {tag} && git reset --keep HEAD~1 && rm -r {place}
"""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="releasing.release", description="Make a release.")
    parser.add_argument("version")
    parser.add_argument("--dry-run", action="store_true", help="commit and tag nothing")
    parser.add_argument("--without", action="append", default=[], choices=OPTIONAL)
    parser.add_argument("--audit", default="", metavar="OPTIONS", help="for pip-audit")
    given = parser.parse_args(arguments)
    audit = shlex.split(given.audit)
    try:
        kept = release(given.version, without=given.without, audit=audit, dry_run=given.dry_run)
    except (ReleaseError, ToolError, TreeError) as error:
        sys.exit(f"No release was made, and nothing changed: {error}")
    except KeyboardInterrupt:
        sys.exit("No release was made, and nothing changed: it was interrupted")
    if given.dry_run:
        told = f"{given.version} can be made. Nothing was committed; what it made is in {kept}/.\n"
    else:
        told = what_to_publish(given.version, kept, given.without)
    sys.stdout.write(told)


if __name__ == "__main__":
    main(sys.argv[1:])
