"""`make dist`: the sdist and the wheel of the checkout, into dist/.

Both are made from a copy of the tracked files alone, so that nothing comes in which an earlier
build has left, by the setuptools of constraints-build.txt; the wheel from the sdist, so that the
sdist is known to have all that it takes. Given the same commit both are the same to the byte.
"""

import argparse
import gzip
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from releasing.tools import ToolError, run_tool, tell
from releasing.tree import BUILD_CONSTRAINTS, ROOT, TreeError, copy_tracked, source_date

OLDEST = 315_532_800
"""1980-01-01: a wheel is a zip file, which knows no time before."""


def build(directory: Path, tell: Callable[[str], object]) -> list[Path]:
    """Build both, look them over, put them into `directory`, and return their paths.

    Raise ToolError or TreeError.
    """
    date = max(source_date(), OLDEST)
    with tempfile.TemporaryDirectory(prefix="mtasts-resolver-dist-") as place:
        tree, made = Path(place) / "tree", Path(place) / "made"
        copy_tracked(tree)
        tell("sdist: built by setuptools")
        _build("--sdist", tree, made, date)
        (sdist,) = made.iterdir()
        sdist.write_bytes(settled(sdist.read_bytes(), date))
        tell("wheel: built from the sdist")
        _build("--wheel", sdist, made, date)
        tell("both: looked over by twine and check-wheel-contents")
        run_tool("twine", "--no-color", "check", "--strict", *made.iterdir())
        run_tool("check-wheel-contents", *made.glob("*.whl"))
        directory.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copy(path, directory)) for path in sorted(made.iterdir())]


def _build(what: str, source: Path, made: Path, date: int) -> None:
    run_tool(
        *(sys.executable, "-m", "build", what, "--outdir", made, "--installer", "uv"),
        *("--dependency-constraints-txt", BUILD_CONSTRAINTS, source),
        environment={"SOURCE_DATE_EPOCH": str(date)},
        quiet=True,
    )


def settled(sdist: bytes, date: int) -> bytes:
    """Return the sdist without what each build has of its own: times, an owner, an order.

    setuptools writes SOURCE_DATE_EPOCH into wheels only.
    """
    packed = BytesIO()
    with (
        tarfile.open(fileobj=BytesIO(sdist)) as old,
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=date) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old, key=lambda member: member.name):
            one = tarfile.TarInfo(member.name)
            one.type, one.size, one.mtime = member.type, member.size, date
            one.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(one, old.extractfile(member) if member.isfile() else None)
    return packed.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(prog="releasing.dist", description="Build sdist and wheel.")
    parser.add_argument("directory", nargs="?", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()

    try:
        for path in build(arguments.directory, tell):
            print(path)
    except (ToolError, TreeError) as error:
        sys.exit(f"Not built: {error}")


if __name__ == "__main__":
    main()
