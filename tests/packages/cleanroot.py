"""Roots of Debian as an administrator has them before anything of ours is there.

What the archive holds is in apt's lists, and what our package depends on in apt's cache. So apt in
there resolves as it does on any host, with all that Debian has, and needs no network.
"""

import shlex
import subprocess
from pathlib import Path

from releasing.root import Tell, bootstrap, kept

PACKAGES = (
    "apt",
    "ca-certificates",
    "dbus",
    "iproute2",
    "procps",
    # for Postfix, which looks for its certificate when it is installed
    "ssl-cert",
    "systemd",
    "systemd-sysv",
    "unbound",
)
"""Of a mail server, beside Postfix: no Python, which comes with what needs it."""

OTHER = "postfix-mta-sts-resolver"
"""The other program that there is for it in Debian, which is installed in tests."""


FETCH = "apt-get --yes --download-only --option=APT::Install-Recommends=1"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get --yes"


def clean_root(suite: str, package: Path, tell: Tell) -> Path:
    """Return the tarball of a root of `suite` in which `package` can be installed by apt."""
    return _root(
        f"clean-{suite}",
        suite,
        [
            f"{INSTALL} install postfix",
            "apt-get clean",  # of what the root was made of
            f"{FETCH} satisfy {shlex.quote(depends_on(package))}",
            f"{FETCH} install {OTHER}",
        ],
        tell,
    )


def moving_root(older: Path, later: Path, tell: Tell) -> Path:
    """Return the tarball of a root of Debian 12 that apt can make one of Debian 13.

    What `older` depends on is installed. What `later` depends on can be, once that is done.
    """
    return _root(
        "moving",
        "bookworm",
        [
            f"{INSTALL} install postfix",
            f"{INSTALL} satisfy {shlex.quote(depends_on(older))}",
            "apt-mark auto python3.11",  # as it is where the package brings it
            "apt-get clean",
            "sed -i s/bookworm/trixie/g /etc/apt/sources.list",
            "apt-get update",
            f"{FETCH} full-upgrade",
            f"{FETCH} satisfy {shlex.quote(depends_on(later))}",
        ],
        tell,
    )


def _root(name: str, suite: str, hooks: list[str], tell: Tell) -> Path:
    options = [
        "--skip=cleanup/apt",
        *(f'--customize-hook=chroot "$1" sh -c {shlex.quote(hook)}' for hook in hooks),
        # Its resolver is its own.
        '--customize-hook=echo nameserver 127.0.0.1 >"$1/etc/resolv.conf"',
    ]
    made_from = [PACKAGES, options]
    return kept(name, made_from, lambda root: bootstrap(root, suite, PACKAGES, *options), tell)


def depends_on(package: Path) -> str:
    """Return what a package depends on, as its control file says it."""
    show = ["dpkg-deb", "--field", str(package), "Depends"]
    return subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()
