"""podman, in a root of Debian that has nothing else: no engine of this machine takes part.

The root is in memory, with all images and containers, and in namespaces of its own. There are no
cgroups for the containers, for many a machine that tests has none to give: what the examples say of
memory and of the number of processes is not tried.
"""

import os
import resource
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from releasing.root import SLIM, Tell, bootstrap, kept
from tests.lab.namespace import Namespace, environment
from tests.lab.stream import LabError, end, text_stream

SUITE = "trixie"
PACKAGES = (
    *("podman", "podman-compose", "catatonit", "crun", "netavark", "aardvark-dns", "nftables"),
    *("iproute2", "mount", "tar"),
)
BASE = ("--variant=minbase",)
"""Of mmdebstrap, for what docker.io/library/debian:trixie-slim has."""

NETWORK_VARIABLES = ("http_proxy", "https_proxy", "no_proxy")

# PID 1 is `cat` on a pipe that the test run holds: when that ends, every container does.
HOLD = """
root=$1 tarball=$2; shift 2
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
tar -C "$root" --numeric-owner -xpf "$tarball"
cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
printf %s "$CONFIGURATION" >"$root/etc/containers/containers.conf"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mkdir -p "$root/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
for shared in "$@"; do
    mkdir -p "$root$shared"
    mount --bind "$shared" "$root$shared"
done
cd "$root"
pivot_root . mnt
umount -l /mnt
echo up
exec cat
"""

# Limits no higher than our own: to raise them takes a right that root may lack.
CONFIGURATION = """\
[containers]
cgroups = "disabled"
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
"""


def tools_tarball(tell: Tell) -> Path:
    """Return the tarball of the root that podman is in; raise RootError."""
    return kept("podman", PACKAGES, lambda root: bootstrap(root, SUITE, PACKAGES, *SLIM), tell)


def base_tarball(tell: Tell) -> Path:
    """Return the tarball of the base image; raise RootError."""
    return kept("base-image", BASE, lambda root: bootstrap(root, SUITE, (), *SLIM, *BASE), tell)


class Engine:
    """A podman with a storage of its own, which is gone with it."""

    def __init__(self, directory: Path, tarball: Path, *shared: Path) -> None:
        """`directory` is empty; what is in the directories `shared` is seen by the same names."""
        processes, files = resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE
        configuration = CONFIGURATION.format(
            files=resource.getrlimit(files)[1], processes=resource.getrlimit(processes)[1]
        )
        namespaces = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
        die_with_us = ["setpriv", "--pdeathsig", "KILL", "--"]
        hold = ["sh", "-euc", HOLD, "hold", *map(str, (directory, tarball, *shared))]
        self._holder = subprocess.Popen(
            [*die_with_us, "unshare", *namespaces, "--", *hold],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment({"CONFIGURATION": configuration}),
        )
        self._said = text_stream("podman's root", self._holder.stdout)
        self._said.wait(0, lambda line: line == "up" or None, "it")
        holder = self._holder.pid
        self._init = Path(f"/proc/{holder}/task/{holder}/children").read_text().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End every container."""
        if self._holder.stdin is not None:
            self._holder.stdin.close()
        end(self._holder)
        self._said.join()

    def outcome(
        self,
        *argv: str | Path,
        network: Namespace | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Run a command in the root to its end; return its status and what it wrote.

        `network` is where it runs: unset, on that of this machine.
        """
        command = ["nsenter", f"--target={self._init}", "--mount", "--pid", "--ipc", "--uts", "--"]
        command += map(str, argv)
        done = subprocess.run(
            command if network is None else network.on_its_network(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env=environment({"HOME": "/root", **(variables or {})}),
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def run(self, *argv: str | Path, network: Namespace | None = None) -> str:
        """Run a command in the root to its end, and return what it wrote; LabError if it fails."""
        code, wrote = self.outcome(*argv, network=network)
        if code:
            raise LabError(f"{' '.join(map(str, argv))} ended with {code}: {wrote.strip()}")
        return wrote

    def build(self, context: Path, name: str, base: str, *options: str | Path) -> None:
        """Build an image, with this machine's network."""
        proxies = {word: os.environ[word] for word in NETWORK_VARIABLES if word in os.environ}
        argv = ["podman", "build", "--isolation=chroot", "--network=host", "--format=docker"]
        argv += ["--pull=never", f"--build-arg=BASE={base}", "--quiet", f"--tag={name}"]
        code, wrote = self.outcome(*argv, *options, context, variables=proxies)
        if code:
            raise LabError(f"the image {name} is not built: {wrote.strip()}")
