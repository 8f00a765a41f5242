"""A booted system: systemd as PID 1 of a root of Debian.

It runs in namespaces of its own, without a network but lo, and in a cgroup of its own: what it does
is not seen outside. Neither systemd-nspawn nor the machine's own init takes part.
"""

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE
from typing import Self

from .namespace import ROOT, environment
from .stream import LabError

PROGRAM = Path("/opt/mtasts-resolver/venv")
"""Inside a root that the checkout was installed in: where the units look for the program."""

PATIENCE = 120.0  # seconds until something that should have happened is a failure
PAUSE = 0.1  # seconds between two looks

# In the group that PID 1 of the new system gets, and sees as the root of all groups.
GROUP = """
mount --make-rprivate /
mount -t cgroup2 cgroup2 "$1"
mkdir "$1/$2"
echo 0 >"$1/$2/cgroup.procs"
umount "$1"
exec unshare --cgroup -- sh -euc "$3" boot "$1" "$4"
"""

# What systemd expects of a container's manager (https://systemd.io/CONTAINER_INTERFACE). A /sys
# that is read-only tells it that the hardware is somebody else's. The root is in memory, for a disk
# takes its time to forget 10,000 files.
BOOT = """
root=$1
ip link set lo up
mount -t tmpfs -o mode=755 tmpfs "$root"
tar -C "$root" --numeric-owner -xpf "$2"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,mode=620,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for node in null zero full random urandom tty; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i container=mtasts-lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /usr/lib/systemd/systemd --system --log-target=journal --show-status=no --unit=basic.target
"""

# A cgroup can only be removed when its processes are gone, from the bottom to the top.
REMOVE_GROUP = """
mount -t cgroup2 cgroup2 "$1"
find "$1/$2" -depth -type d -exec rmdir {} +
"""


_numbers = itertools.count(1)


class BootedSystem:
    """The Debian of a tarball, booted; only what systemd itself wants is running."""

    def __init__(self, directory: Path, tarball: Path) -> None:
        self._directory = directory
        self._group = f"mtasts-lab-{os.getpid()}-{next(_numbers)}"
        self._complaints = (directory / "complaints").open("w+b")
        namespaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
        self._holder = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "--"),
                *("unshare", *namespaces, "--", "sh", "-euc", GROUP),
                *("group", str(directory), self._group, BOOT, str(tarball)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._complaints,
            stderr=subprocess.STDOUT,
            env=environment(),
        )

    def __enter__(self) -> Self:
        try:
            self.until(lambda: self.init != "" and self._is_up(), "the system to be up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End every process of it."""
        self._holder.kill()
        self._holder.wait()
        with tempfile.TemporaryDirectory(dir=self._directory) as place:
            remove = ["sh", "-euc", REMOVE_GROUP, "remove", place, self._group]
            argv = ["unshare", "--mount", "--", *remove]

            def removed() -> bool:
                done = subprocess.run(argv, check=False, stderr=PIPE, env=environment())
                return done.returncode == 0

            self.until(removed, "its processes to be gone")
        self._complaints.close()

    @property
    def root(self) -> Path:
        """Its root, as it is seen outside."""
        return Path(f"/proc/{self.init}/root")

    def command(self, *argv: str | Path) -> list[str]:
        """Return the command that runs `argv` inside."""
        spaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup"]
        return ["nsenter", f"--target={self.init}", *spaces, "--wd=/", "--", *map(str, argv)]

    def run(self, *argv: str | Path, check: bool = True) -> str:
        """Run a command inside to its end and return what it wrote; LabError if it fails."""
        code, wrote = self.outcome(*argv)
        if check and code:
            raise LabError(f"{' '.join(map(str, argv))} ended with {code}: {wrote.strip()}")
        return wrote

    def outcome(self, *argv: str | Path, patience: float = PATIENCE) -> tuple[int, str]:
        """Run a command inside to its end; return its status and what it wrote."""
        done = subprocess.run(
            self.command(*argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env=environment(),
            timeout=patience,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def start(self, *argv: str | Path) -> subprocess.Popen[bytes]:
        """Start a command inside; what it writes can be read from the process returned.

        That is nsenter, and the command ends with it.
        """
        return subprocess.Popen(
            self.command("setpriv", "--pdeathsig=KILL", "--", *argv),
            stdin=subprocess.DEVNULL,
            stdout=PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
        )

    def shows(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Return when `true()` is."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > deadline:
                raise LabError(f"waited in vain for {what}")
            time.sleep(PAUSE)

    @property
    def init(self) -> str:
        """The process id of PID 1 as it is known outside, or nothing."""
        children = f"/proc/{self._holder.pid}/task/{self._holder.pid}/children"
        try:
            return Path(children).read_text().strip()
        except FileNotFoundError:
            self._complaints.seek(0)
            said = self._complaints.read().decode("utf-8", "replace").strip()
            raise LabError(f"the system has ended: {said}") from None

    def _is_up(self) -> bool:
        return self.outcome("systemctl", "is-active", "basic.target")[0] == 0


def install_checkout(system: BootedSystem) -> None:
    """Install program and units of the checkout by hand; nothing of it is started.

    The root is Debian 13's (`debian13`), which has the libraries.
    """
    root = system.root
    place = root / PROGRAM.relative_to("/")
    packages = next((root / "opt/venv/lib").glob("python3*/site-packages"))
    site = place / packages.relative_to(root / "opt/venv")
    (place / "bin").mkdir(parents=True)
    site.mkdir(parents=True)
    (place / "bin/python").symlink_to("/usr/bin/python3")
    (place / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = true\n")
    # The libraries are those that the root was made with; the program is this checkout's.
    (site / "libraries.pth").write_text(f"/{packages.relative_to(root)}\n")
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "mtasts_resolver", site / "mtasts_resolver", ignore=skipped)
    script = place / "bin/mtasts-resolver"
    script.write_text(
        f"#!{PROGRAM}/bin/python\nfrom mtasts_resolver.cli import main\nmain()\n", encoding="utf-8"
    )
    script.chmod(0o755)
    (root / "usr/local/bin/mtasts-resolver").symlink_to(PROGRAM / "bin/mtasts-resolver")
    (root / "etc/mtasts-resolver").mkdir()
    for unit in (ROOT / "systemd").glob("mtasts-resolver*.*"):
        if unit.is_file():
            shutil.copy(unit, root / "etc/systemd/system")
    system.run("systemctl", "daemon-reload")
