"""Upgrades, and what becomes of those that fail, while Postfix asks: not one look-up fails."""

import json
from pathlib import Path

import pytest

from mtasts_resolver import __version__

from .asking import PATIENCE, asking
from .packagehost import CONFIG, KEEP, NAME, SERVICE, SOCKET, TABLE, PackageHost
from .repacked import Unpacked, repacked
from .stored import CONFIGURATION, DOMAINS, SECURE, has_all_policies, have_running

EARLIER, LATER = "0.0.9", "99.0"
OVERRIDE = f"{NAME} override add partner.example skip --reason tried"


def have_a_module_more(package: Unpacked) -> None:
    """Another default configuration, and a module that the version after has no more."""
    (package.program / "abandoned.py").write_text("WORKS = True\n")
    with (package.tree / CONFIG.relative_to("/")).open("a") as configuration:
        configuration.write("# It was explained otherwise.\n")


@pytest.fixture
def host(any_host: PackageHost) -> PackageHost:
    """Each test has what it needs, and much of it may be there from the test before."""
    return any_host


@pytest.fixture(scope="session")
def earlier(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repacked(deb, tmp_path_factory.mktemp("deb") / "earlier", EARLIER, have_a_module_more)


def changes(host: PackageHost) -> list[object]:
    """Return what has changed for the overridden domain, as the daemon keeps it."""
    said = host.run(f"{NAME} history partner.example --json")
    told: list[object] = json.loads(said)["changes"]
    assert told
    return told


def test_upgrade_with_a_full_store_fails_no_look_up(
    host: PackageHost, earlier: Path, deb: Path, full_store: Path
) -> None:
    have_running(host, earlier, full_store)
    host.run(OVERRIDE)
    overrides = host.run(f"{NAME} override list --json")
    history = changes(host)
    socket = host.system.shows(SOCKET, "InvocationID")
    daemon = host.system.shows(SERVICE, "InvocationID")
    with asking(host, DOMAINS, SECURE) as postfix:
        host.install(deb, KEEP)
        postfix.go_on()
    assert host.is_running()
    assert host.system.shows(SOCKET, "InvocationID") == socket
    assert host.system.shows(SERVICE, "InvocationID") != daemon
    assert __version__ in host.run(f"{NAME} --version")
    assert host.path(CONFIG).read_text() == CONFIGURATION
    assert host.path(f"{CONFIG}.dpkg-dist").exists()
    host.system.until(lambda: has_all_policies(host), "all policies")
    assert host.run(f"{NAME} override list --json") == overrides
    assert changes(host) == history
    assert not list(host.path("/usr/lib").rglob("abandoned*"))
    # Nor has it to warn of anything but the override, and records that are no longer there.
    assert host.troubles() <= {"override-in-force", "protection-weakened", "events-left-out"}


def test_program_is_replaced_while_the_daemon_runs(
    host: PackageHost, earlier: Path, deb: Path, full_store: Path
) -> None:
    """Between unpacking and restart the files are those of another version than the daemon's.

    What it starts or imports anew in there it can do without, and it says so.
    """
    have_running(host, earlier, full_store)
    with asking(host, DOMAINS, SECURE, unknown=False) as postfix:
        host.run(f"dpkg --unpack --force-confold {host.bring(deb)}")
        host.run("pkill -f '[m]tasts_resolver.worker' --signal KILL")
        host.system.until(lambda: refused(host), "a discoverer of the other version")
        host.outcome(f"{NAME} status; {NAME} cache list; {NAME} override list")
        postfix.go_on()
        assert f"version={EARLIER} " in host.journal("--grep=event=starting")[-1]
        host.run("dpkg --configure --pending --force-confold")
        postfix.go_on()
    assert host.is_running()
    assert f"version={__version__} " in host.journal("--grep=event=starting")[-1]
    host.system.until(lambda: has_all_policies(host), "all policies")


def refused(host: PackageHost) -> bool:
    return f"{__version__} is installed, but the daemon is {EARLIER}" in "".join(host.journal())


def fails_before(package: Unpacked) -> None:
    package.script("preinst", "exit 1")


def has_a_file_of_another(package: Unpacked) -> None:
    file = package.tree / "usr/sbin/postconf"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("not ours")


def fails_afterwards(package: Unpacked) -> None:
    package.script("postinst", "exit 1")


def test_upgrade_that_fails_leaves_a_daemon_that_answers(
    host: PackageHost, deb: Path, full_store: Path, tmp_path: Path
) -> None:
    have_running(host, deb, full_store)
    installed = host.version()
    with asking(host, DOMAINS, SECURE) as postfix:
        for fault in (fails_before, has_a_file_of_another):
            faulty = repacked(deb, tmp_path / fault.__name__, LATER, fault)
            code, said = host.outcome(host.installing(faulty))
            assert code != 0, said
            assert host.version() == installed
            postfix.go_on()
            assert host.is_running()
            host.system.until(lambda: has_all_policies(host), "all policies")


def test_script_that_fails_behind_an_upgrade_leaves_a_daemon_that_answers(
    host: PackageHost, deb: Path, full_store: Path, tmp_path: Path
) -> None:
    have_running(host, deb, full_store)
    faulty = repacked(deb, tmp_path / "faulty", LATER, fails_afterwards)
    mended = repacked(deb, tmp_path / "mended", f"{LATER}.1")
    with asking(host, DOMAINS, SECURE) as postfix:
        code, said = host.outcome(host.installing(faulty))
        assert code != 0, said
        assert "half-configured" in host.version()
        postfix.go_on()
        host.install(mended)
    assert host.is_running()
    assert host.version().startswith(f"{LATER}.1")


def test_older_version_is_refused_and_the_daemon_goes_on(
    host: PackageHost, earlier: Path, deb: Path, full_store: Path
) -> None:
    have_running(host, deb, full_store)
    installed = host.version()
    with asking(host, DOMAINS, SECURE) as postfix:
        code, said = host.outcome(host.installing(earlier, "--allow-downgrades", KEEP))
        assert code != 0
        assert "is installed" in said
        assert f"{EARLIER}-1" in said
        assert "is older" in said
        postfix.go_on()
    assert host.is_running()
    assert host.version() == installed
    host.system.until(lambda: has_all_policies(host), "all policies")

    # The way that is printed. Nobody asks meanwhile: mail waits, as is said there.
    way = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    assert len(way) == 5
    host.run(OVERRIDE)
    for line in way:
        host.run(line.replace("apt-get", f"apt-get --yes {KEEP}"))
    assert host.is_running()
    assert host.version().startswith(EARLIER)
    host.system.until(lambda: has_all_policies(host), "all policies")
    assert "partner.example" in host.run(f"{NAME} override list")
    assert host.path(CONFIG).read_text() == CONFIGURATION


def test_upgrade_with_a_faulty_configuration_goes_on_with_the_last_good_one(
    host: PackageHost, earlier: Path, deb: Path, full_store: Path
) -> None:
    have_running(host, earlier, full_store)
    host.path(CONFIG).write_text(CONFIGURATION.replace("servers", "sevrers"))
    with asking(host, DOMAINS, SECURE) as postfix:
        host.install(deb, KEEP)
        postfix.go_on()
    assert host.is_running()
    assert "FAULTY" in host.run(f"{NAME} status")


def does_not_start(package: Unpacked) -> None:
    (package.program / "daemon/run.py").write_text("raise SystemError('tried')\n")


def test_version_that_does_not_start_is_named_and_can_be_left(
    host: PackageHost, deb: Path, full_store: Path, tmp_path: Path
) -> None:
    have_running(host, deb, full_store)
    broken = repacked(deb, tmp_path / "broken", LATER, does_not_start)
    code, said = host.outcome(host.installing(broken))
    assert code == 0
    assert f"{NAME} {LATER}-1" in said
    assert "does not run" in said
    assert not host.is_running()
    # The socket is still there: who asks meanwhile waits, and is answered by the next that runs.
    assert host.system.shows(SOCKET, "ActiveState") == "active"
    patient = host.system.start("postmap", "-q", DOMAINS[0], TABLE)
    host.install(repacked(deb, tmp_path / "mended", f"{LATER}.1"))
    told, _ = patient.communicate(timeout=PATIENCE)
    assert told.decode().strip() == SECURE
    assert host.is_running()
    host.system.until(lambda: has_all_policies(host), "all policies")


def test_way_back_that_is_printed_is_one(host: PackageHost, deb: Path, tmp_path: Path) -> None:
    """It does without what the later version may have stored otherwise."""
    host.clear()
    host.install(deb)
    said = host.install(repacked(deb, tmp_path / "broken", LATER, does_not_start))
    way = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    assert len(way) == 3
    for line in way:
        host.run(line.replace("apt-get", f"apt-get --yes {KEEP}"))
    assert host.has(deb)


def test_what_an_administrator_has_switched_off_stays_so(
    host: PackageHost, earlier: Path, deb: Path, tmp_path: Path
) -> None:
    host.clear()
    host.install(earlier)
    later = repacked(deb, tmp_path / "later", LATER)
    for how, package in (("disable", deb), ("mask", later)):
        host.run(f"systemctl {how} --now {SOCKET} {SERVICE}")
        before = [host.system.shows(unit, "UnitFileState") for unit in (SOCKET, SERVICE)]
        said = host.install(package)
        assert "does not run" not in said
        for unit, state in zip((SOCKET, SERVICE), before, strict=True):
            assert host.system.shows(unit, "UnitFileState") == state
            assert host.system.shows(unit, "ActiveState") == "inactive"


def test_tcp_table_and_reports_stay_on_where_they_were(
    host: PackageHost, earlier: Path, deb: Path
) -> None:
    host.clear()
    host.install(earlier)
    more = (f"{NAME}-tcp_table.socket", f"{NAME}-report.timer")
    host.run(f"systemctl stop {SERVICE}; systemctl enable --now {' '.join(more)}")
    before = [host.system.shows(unit, "InvocationID") for unit in more]
    host.install(deb)
    for unit, invocation in zip(more, before, strict=True):
        assert host.system.shows(unit, "UnitFileState") == "enabled"
        assert host.system.shows(unit, "InvocationID") == invocation
    assert host.is_running()
    assert host.run("postmap -q nobody.invalid tcp:127.0.0.1:8462")
