"""`python -m releasing.deb SUITE [DIRECTORY]`: the package of the checkout for a suite of Debian.

It is built in a clean root of that suite, by dpkg-buildpackage from `packaging/debian`, and looked
over by lintian there. The machine's own packages take no part. Given the same commit it is the same
to the byte.
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from mtasts_resolver import __version__
from releasing.root import IN_PRIVATE, RootError, Tell, missing, run, unpack
from releasing.suites import SUITES, build_root
from releasing.tools import tell
from releasing.tree import ROOT, TreeError, copy_tracked, last_author, source_date

NAME = "mtasts-resolver"


# The build sees no network. It runs as a user without rights, as Debian's own builds do.
BUILD = """
root=$1 epoch=$2 profile=$3
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
chroot "$root" chown -R nobody: /build
in_root() {
    chroot --userspec=nobody: "$root" env -i -C /build/tree HOME=/build LC_ALL=C.UTF-8 \\
        PATH=/usr/sbin:/usr/bin:/sbin:/bin SOURCE_DATE_EPOCH="$epoch" \\
        DEB_BUILD_PROFILES="$profile" "$@"
}
in_root dpkg-buildpackage --build=binary --unsigned-changes --unsigned-buildinfo
in_root sh -c 'lintian --fail-on error,warning --info ../*.changes'
"""


def build(suite: str, directory: Path, tell: Tell, version: str = __version__) -> Path:
    """Build the package, as `version`, put it into `directory`, and return its path.

    Raise RootError or TreeError.
    """
    if os.geteuid() != 0:
        raise RootError("it takes root to build in a root of its own")
    if reason := missing():
        raise RootError(reason)
    recipe = SUITES[suite]
    tarball = build_root(suite, tell)
    tell(f"{NAME} {version} for {suite}: built by dpkg-buildpackage")
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-deb-") as place:
        root = Path(place) / "root"
        unpack(tarball, root)
        tree = root / "build/tree"
        copy_tracked(tree)
        epoch = source_date()
        _prepare(tree, suite, version, epoch)
        argv = [*IN_PRIVATE, "--net", "--", "sh", "-euc", BUILD, "build", str(root)]
        run([*argv, str(epoch), recipe.profile], f"build the package for {suite}")
        (built,) = (root / "build").glob("*.deb")
        directory.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(built, directory))


def _prepare(tree: Path, suite: str, version: str, epoch: int) -> None:
    """Give the tree its debian/ directory, with what stands elsewhere: the version, and who."""
    recipe = SUITES[suite]
    debian = shutil.copytree(tree / "packaging/debian", tree / "debian", symlinks=True)
    who = _maintainer()
    control = debian / "control"
    first, rest = control.read_text(encoding="utf-8").split("\n", 1)
    rest = rest.replace("\nArchitecture: all\n", f"\nArchitecture: {recipe.architecture}\n")
    control.write_text(f"{first}\nMaintainer: {who}\n{rest}", encoding="utf-8")
    when = format_datetime(datetime.fromtimestamp(epoch, UTC))
    (debian / "changelog").write_text(
        f"{NAME} ({version}-{recipe.revision}) {suite}; urgency=medium\n\n"
        f"  * What has changed is in /usr/share/doc/{NAME}/changelog.gz.\n\n"
        f" -- {who}  {when}\n",
        encoding="utf-8",
    )


def _maintainer() -> str:
    """Return who answers for the package: as dch(1) has it, else who has made the last commit."""
    name, email = os.environ.get("DEBFULLNAME"), os.environ.get("DEBEMAIL")
    return f"{name} <{email}>" if name and email else last_author()


def own_suite() -> str:
    """Return the suite of this host, or nothing where it is no Debian."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    return release.get("VERSION_CODENAME", "") if release.get("ID") == "debian" else ""


def main() -> None:
    own = own_suite()
    parser = argparse.ArgumentParser(prog="releasing.deb", description="Build the Debian package.")
    parser.add_argument(
        "suite", nargs="?", default=own, help=f"{' or '.join(SUITES)}; unset: this host's"
    )
    parser.add_argument("directory", nargs="?", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    if arguments.suite not in SUITES:
        named = arguments.suite or "this host is no Debian"
        parser.error(f"{named}: packages are built for {', '.join(SUITES)}: make deb SUITE=...")

    try:
        print(build(arguments.suite, arguments.directory, tell))
    except (RootError, TreeError) as error:
        sys.exit(f"Not built: {error}")


if __name__ == "__main__":
    main()
