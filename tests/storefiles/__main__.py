"""`python -m tests.storefiles`: write what the version of this tree leaves on disks.

Whoever makes a release calls it, without an argument, once the tree has the version of the release
and before CHANGELOG.md has a heading for it. The files go to a directory of that version, in place
of those that were written for it before, and the sums of all versions into SHA256SUMS; then the
exit code is 0. What is released is never written again: where CHANGELOG.md has the heading nothing
is written, and the exit code is 0 if the files are there.
"""

import shutil
import sys

import click

from mtasts_resolver import __version__
from tests.storefiles import KEPT, SUMS, is_released, sum_lines
from tests.storefiles.writing import write_version


def main() -> int:
    """Write the files of this version, unless it is released."""
    directory = KEPT / __version__
    if is_released(__version__):
        there = directory.is_dir()
        what = "stay as they are" if there else "are missing, and cannot be written any more"
        click.echo(f"{__version__} is released: its files {what}", err=True)
        return 0 if there else 1
    shutil.rmtree(directory, ignore_errors=True)
    write_version(directory)
    SUMS.write_text("".join(f"{line}\n" for line in sum_lines()))
    click.echo(f"written: {directory}, {SUMS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
