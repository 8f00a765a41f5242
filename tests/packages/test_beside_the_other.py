"""What it takes to a set-up that works, and what that costs a host, beside Debian's other program.

Both are installed on a clean system on the lab's internet, asked for the same policy, and measured
in the same run. The table is printed; docs/install.md has it. No figure is asserted that depends on
the machine.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.procfs import resident_bytes
from releasing.root import Tell
from tests.lab.booted import BootedSystem
from tests.lab.freshhost import CONFIGURATION, SERVICES, on_labs_internet
from tests.lab.lab import Lab

from .cleanroot import OTHER
from .packagehost import CONFIG, SERVICE, PackageHost
from .twolines import printed_commands

ASKED = "enforced.example"
# As its README has them; the authorities are named by Debian's main.cf.
OTHERS_LINES = """\
postconf -e 'smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix'
postfix reload
"""


class Cost(NamedTuple):
    """Of one program."""

    commands: int
    """That somebody types, with the installation."""
    seconds: float
    """Of the installation, from apt's cache."""
    packages: int
    """That were installed with it, itself among them."""
    kilobytes: int
    """That these say they take on the disk."""
    memory: int
    """Bytes, after a first look-up."""


def test_both_take_as_many_commands(
    lab: Lab, clean_tarball: Path, deb: Path, tmp_path: Path, tell: Tell
) -> None:
    with _clean(lab, clean_tarball, tmp_path / "ours") as host:
        ours = _cost(host, host.bring(deb), SERVICE, None)
    with _clean(lab, clean_tarball, tmp_path / "theirs") as host:
        theirs = _cost(host, OTHER, f"{OTHER}.service", OTHERS_LINES)
    tell(_table(ours, theirs))
    assert ours.commands == theirs.commands


@contextmanager
def _clean(lab: Lab, tarball: Path, directory: Path) -> Iterator[PackageHost]:
    directory.mkdir()
    with BootedSystem(directory, tarball) as system, on_labs_internet(lab, system):
        system.run("systemctl", "start", *SERVICES)
        yield PackageHost(system)


def _cost(host: PackageHost, package: str, service: str, lines: str | None) -> Cost:
    """Install a package, type the lines, or those that it prints, and ask it for a policy."""
    before = _packages(host)
    begun = time.monotonic()
    said = host.run(f"apt-get install --yes {package}")
    seconds = time.monotonic() - begun
    after = _packages(host)
    lines = printed_commands(said) if lines is None else lines
    host.run(lines)
    if service == SERVICE:  # the lab's networks are those that documents use
        host.path(CONFIG).write_text(CONFIGURATION)
        host.run(f"systemctl restart {SERVICE}")
    table = host.run("postconf -h smtp_tls_policy_maps").strip()
    assert host.run(f"postmap -q {ASKED} {table}").startswith("secure match=")
    new = after.keys() - before.keys()
    return Cost(
        commands=1 + len(lines.replace("\\\n", "").splitlines()),
        seconds=seconds,
        packages=len(new),
        kilobytes=sum(after[name] for name in new),
        memory=resident_bytes(int(host.system.shows(service, "MainPID")), host.path("/proc")),
    )


def _packages(host: PackageHost) -> dict[str, int]:
    """Return the packages that are installed, with the kilobytes that each takes."""
    show = "dpkg-query --show --showformat '${Package} ${Installed-Size}\\n'"
    listed = (line.split() for line in host.run(show).splitlines())
    return {name: int(size) for name, size in listed}


def _table(ours: Cost, theirs: Cost) -> str:
    rows = (
        ("commands to a set-up that works", *(f"{one.commands}" for one in (ours, theirs))),
        ("installation, s", *(f"{one.seconds:.1f}" for one in (ours, theirs))),
        ("packages installed", *(f"{one.packages}" for one in (ours, theirs))),
        ("of these on the disk, MB", *(f"{one.kilobytes / 1000:.1f}" for one in (ours, theirs))),
        ("memory after a look-up, MB", *(f"{one.memory / 1e6:.1f}" for one in (ours, theirs))),
    )
    ratios = (
        *(ours.commands / theirs.commands, ours.seconds / theirs.seconds),
        *(ours.packages / theirs.packages, ours.kilobytes / theirs.kilobytes),
        ours.memory / theirs.memory,
    )
    lines = [
        f"| {what} | {our} | {their} | {ratio:.2f} |"
        for (what, our, their), ratio in zip(rows, ratios, strict=True)
    ]
    return "\n".join([f"| | mtasts-resolver | {OTHER} | ratio |", "|---|---|---|---|", *lines])
