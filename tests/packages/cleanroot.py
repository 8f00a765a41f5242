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


def clean_root(suite: str, package: Path, tell: Tell) -> Path:
    """Return the tarball of a root of `suite` in which `package` can be installed by apt."""
    fetch = "apt-get --yes --download-only --option=APT::Install-Recommends=1"
    hooks = (
        "DEBIAN_FRONTEND=noninteractive apt-get --yes install postfix",
        "apt-get clean",  # of what the root was made of
        f"{fetch} satisfy {shlex.quote(depends_on(package))}",
        f"{fetch} install {OTHER}",
    )
    options = [
        "--skip=cleanup/apt",
        *(f'--customize-hook=chroot "$1" sh -c {shlex.quote(hook)}' for hook in hooks),
        # Its resolver is its own.
        '--customize-hook=echo nameserver 127.0.0.1 >"$1/etc/resolv.conf"',
    ]
    name, made_from = f"clean-{suite}", [PACKAGES, options]
    return kept(name, made_from, lambda root: bootstrap(root, suite, PACKAGES, *options), tell)


def depends_on(package: Path) -> str:
    """Return what a package depends on, as its control file says it."""
    show = ["dpkg-deb", "--field", str(package), "Depends"]
    return subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()
