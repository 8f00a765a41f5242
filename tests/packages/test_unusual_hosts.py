"""The package where not all is as it is elsewhere."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from releasing.root import IN_PRIVATE
from tests.lab.namespace import environment

from .cleanroot import OTHER
from .packagehost import NAME, SERVICE, SOCKET, TABLE, PackageHost

FORBIDS = "#!/bin/sh\nexit 101\n"
"""As policy-rc.d: nothing is to be started."""

# No systemd runs in there, and what is installed is not to be started, as where an image is made.
IN_CHROOT = """
mount -t tmpfs -o mode=755 tmpfs "$1"
tar -C "$1" --numeric-owner -xpf "$2"
cp "$3" "$1/root"
mount -t proc proc "$1/proc"
mount --bind /dev "$1/dev"
cd "$1"
chroot . sh -euc "
export DEBIAN_FRONTEND=noninteractive
apt-get install --yes --no-install-recommends /root/${3##*/}
mtasts-resolver --version
systemctl is-enabled mtasts-resolver.socket mtasts-resolver.service
apt-get purge --yes mtasts-resolver
"
test ! -e etc/mtasts-resolver
"""


def test_no_service_is_started_where_an_image_is_made(
    clean_tarball: Path, deb: Path, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    places = map(str, (tmp_path / "root", clean_tarball, deb))
    inside = ["sh", "-euc", IN_CHROOT, "chroot", *places]
    done = subprocess.run(
        [*IN_PRIVATE, "--net", "--", *inside],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout
    assert "\nenabled\nenabled\n" in done.stdout
    assert "does not run" not in done.stdout


def test_policy_that_forbids_services_is_obeyed(host: PackageHost, deb: Path) -> None:
    policy = host.path("/usr/sbin/policy-rc.d")
    policy.write_text(FORBIDS)
    policy.chmod(0o755)
    try:
        host.install(deb)
        assert host.system.shows(SOCKET, "UnitFileState") == "enabled"
        for unit in (SOCKET, SERVICE):
            assert host.system.shows(unit, "ActiveState") == "inactive"
    finally:
        policy.unlink()
    host.run(f"systemctl start {SOCKET} {SERVICE}")
    assert host.is_running()


@pytest.fixture
def beside_the_other(host: PackageHost) -> Iterator[PackageHost]:
    """Return the system with Debian's other program for it, which listens at the same port."""
    host.run(f"apt-get install --yes {OTHER}")
    try:
        yield host
    finally:
        host.run(f"apt-get purge --yes --autoremove {OTHER}")


def test_port_that_is_taken_is_named_and_what_to_do(
    beside_the_other: PackageHost, deb: Path
) -> None:
    host = beside_the_other
    holder = host.run("ss -Hltnp 'sport = :8461'")
    assert "mta-sts-daemon" in holder
    said = host.install(deb)
    assert "\nlistens at 127.0.0.1:8461. " in said
    assert f"{NAME} migrate" in said
    # It neither takes the port as soon as it is free, without systemd's socket, nor fills the log.
    assert host.system.shows(SERVICE, "ActiveState") in {"inactive", "failed"}
    assert "another program listens" in host.outcome(f"{NAME} doctor --offline")[1]
    # At an upgrade it is not started either, nor at a boot.
    assert "does not run" not in host.run(f"dpkg --install --force-confold {host.bring(deb)}")
    assert host.run("ss -Hltnp 'sport = :8461'") == holder
    for unit in (SOCKET, SERVICE):
        assert host.system.shows(unit, "UnitFileState") == "disabled"
    assert host.run("ss -Hltnp 'sport = :8461'") == holder
    host.run(f"systemctl stop {OTHER}")
    (start,) = [line.strip() for line in said.splitlines() if line.startswith("    systemctl")]
    host.run(start)
    assert host.is_running()
    for unit in (SOCKET, SERVICE):
        assert host.system.shows(unit, "UnitFileState") == "enabled"


def test_who_comes_back_beside_the_other_is_told_the_same(
    beside_the_other: PackageHost, deb: Path
) -> None:
    """To dpkg it is an upgrade. And a unit that has failed is forgotten with its file."""
    host = beside_the_other
    host.run(f"systemctl stop {OTHER}")
    host.install(deb)
    host.run(f"apt-get remove --yes {NAME}")
    host.run(f"systemctl start {OTHER}")
    said = host.install(deb)
    assert f"{NAME} migrate" in said
    assert "Postfix defers" not in said
    host.run(f"apt-get purge --yes {NAME}")
    assert NAME not in host.run("systemctl list-units --all --plain --no-legend --failed")


def test_socket_that_is_restarted_takes_the_daemon_along(host: PackageHost, deb: Path) -> None:
    """Where the daemon listens already systemd cannot: a socket alone would stay down."""
    host.install(deb)
    host.run(f"systemctl restart {SOCKET}")
    host.run(f"postmap -q nobody.invalid {TABLE}")
    assert host.is_running()


def test_first_boot_of_an_image_enables_no_more(host: PackageHost, deb: Path) -> None:
    host.install(deb)
    before = host.run(f"systemctl list-unit-files --no-legend '{NAME}*'").split("\n")
    host.run("systemctl preset-all --preset-mode=enable-only")
    after = host.run(f"systemctl list-unit-files --no-legend '{NAME}*'").split("\n")
    assert [line.split()[:2] for line in after] == [line.split()[:2] for line in before]


def test_units_that_were_left_by_hand_are_named(host: PackageHost, deb: Path) -> None:
    """Units of an administrator come before those of a package: they run what they name."""
    own = host.path(f"/etc/systemd/system/{SERVICE}")
    own.write_text("[Service]\nExecStart=/opt/mtasts-resolver/venv/bin/mtasts-resolver serve\n")
    try:
        host.install(deb)
        said = host.outcome(f"{NAME} doctor --offline")[1]
        assert f"/etc/systemd/system/{SERVICE}" in said
    finally:
        own.unlink()
    host.run(f"systemctl daemon-reload; systemctl reset-failed; systemctl start {SOCKET} {SERVICE}")
    assert host.is_running()


def test_reconfiguring_changes_nothing(host: PackageHost, deb: Path) -> None:
    host.install(deb)
    host.run(f"dpkg-reconfigure {NAME}")
    assert host.is_running()
    assert host.run(f"postmap -q nobody.invalid {TABLE}")
