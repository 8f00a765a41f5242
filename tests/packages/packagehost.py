"""A clean system on which the package is installed, upgraded and removed."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.lab.booted import PATIENCE, BootedSystem
from tests.lab.stream import LabError

NAME = "mtasts-resolver"
SERVICE, SOCKET = f"{NAME}.service", f"{NAME}.socket"
CONFIG = Path(f"/etc/{NAME}/config.yaml")
STATE = Path(f"/var/lib/private/{NAME}")

TABLE = "socketmap:inet:127.0.0.1:8461:default"
"""How Postfix names what answers."""

KEEP = "--option=Dpkg::Options::=--force-confold"
"""What unattended-upgrades does with a configuration that was changed here and there."""

SHELL = (
    *("env", "-i", "--chdir=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"),
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)


class PackageHost:
    """The system, as somebody at its root's shell has it."""

    def __init__(self, system: BootedSystem) -> None:
        self.system = system

    def outcome(self, line: str, patience: float = PATIENCE) -> tuple[int, str]:
        """Return the status of a line for the shell, and what it wrote."""
        return self.system.outcome(*SHELL, "sh", "-c", line, patience=patience)

    def run(self, line: str, patience: float = PATIENCE) -> str:
        """Run a line to its end and return what it wrote; LabError if it fails."""
        code, wrote = self.outcome(line, patience)
        if code:
            raise LabError(f"{line} ended with {code}: {wrote.strip()}")
        return wrote

    def path(self, path: str | Path) -> Path:
        """Return where a path of it is seen outside."""
        return self.system.root / Path(path).relative_to("/")

    def bring(self, package: Path) -> str:
        """Copy a package there, and return what it is called there."""
        shutil.copy(package, self.path("/root"))
        return f"/root/{package.name}"

    def install(self, package: Path, *options: str) -> str:
        """Install, upgrade to, or go back to a package, as its page says."""
        return self.run(self.installing(package, *options))

    def installing(self, package: Path, *options: str) -> str:
        """Return the line that does so."""
        return f"apt-get install --yes {' '.join(options)} {self.bring(package)}"

    def is_running(self) -> bool:
        """Tell whether both units are, without a fault."""
        return all(
            (self.system.shows(unit, "ActiveState"), self.system.shows(unit, "Result"))
            == ("active", "success")
            for unit in (SOCKET, SERVICE)
        )

    def version(self) -> str:
        """Return which version is installed, and its state to dpkg; nothing if there is none."""
        show = "dpkg-query --show --showformat '${Version} ${db:Status-Status}'"
        code, said = self.outcome(f"{show} {NAME} 2>/dev/null")
        return said if code == 0 else ""

    def has(self, package: Path) -> bool:
        """Tell whether just that package is installed, unharmed, and runs."""
        show = ["dpkg-deb", "--show", "--showformat=${Version}", str(package)]
        version = subprocess.run(show, capture_output=True, text=True, check=True).stdout
        return self.version() == f"{version} installed" and self.is_running()

    def journal(self, *options: str) -> list[str]:
        """Return what the daemon has logged."""
        self.run("journalctl --sync")
        given = " ".join(options)
        return self.run(f"journalctl --no-pager --output=cat --unit={SERVICE} {given}").splitlines()

    def show_journal(self) -> None:
        """Print the end of it, which pytest shows where a test has failed."""
        print(*self.journal("--lines=200"), sep="\n")  # noqa: T201  that is what it is for

    def clear(self) -> None:
        """Leave nothing of it, whatever a test has left."""
        self.run(f"dpkg --purge --force-all {NAME} >/dev/null")
        self.run(f"rm -rf {CONFIG.parent} {STATE} /var/lib/{NAME} /etc/systemd/system/{NAME}*")
        self.run("systemctl daemon-reload; systemctl reset-failed")
        self.run("journalctl --rotate --vacuum-size=1 2>/dev/null")

    def files(self, directory: str) -> dict[str, bytes]:
        """Return all that stands below a directory: what is in each file, where each link leads."""
        top = self.path(directory)
        return {
            str(path.relative_to(top)): (
                str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
            )
            for path in sorted(top.rglob("*"))
            if path.is_symlink() or path.is_file()
        }

    def troubles(self) -> set[str]:
        """Return of which events the daemon has warned."""
        told = " ".join(self.journal("--priority=warning"))
        return {word.removeprefix("event=") for word in told.split() if word.startswith("event=")}


class FirstInstallation(NamedTuple):
    """What it did on a clean system to install the package."""

    status: int
    said: str
    runs: bool
    answer: tuple[int, str]
    """What Postfix's own client was told at once, of a domain that publishes nothing."""
    postfix_before: dict[str, bytes]
    postfix: dict[str, bytes]
    """What stood below /etc/postfix before, and what stands there now."""


def install_first(host: PackageHost, package: Path) -> FirstInstallation:
    """Install the package where nothing of it was ever there, and return what that did."""
    before = host.files("/etc/postfix")
    status, said = host.outcome(host.installing(package))
    answer = host.outcome(f"postmap -q nobody.invalid {TABLE}")
    return FirstInstallation(
        status, said, host.is_running(), answer, before, host.files("/etc/postfix")
    )
