"""The package removed, purged, and installed again."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .packagehost import CONFIG, NAME, SERVICE, SOCKET, STATE, TABLE, PackageHost

UNITS = (SOCKET, SERVICE, f"{NAME}-tcp_table.socket", f"{NAME}-report.timer")


@pytest.fixture
def host(any_host: PackageHost, deb: Path) -> PackageHost:
    """Return the system with the package, which runs."""
    if not any_host.has(deb):
        any_host.clear()
        any_host.install(deb)
    return any_host


@contextmanager
def asked_without_end(host: PackageHost) -> Iterator[None]:
    """Have Postfix's client ask all the while, whatever it is told."""
    script = f"while :; do postmap -q nobody.invalid {TABLE}; done"
    process = host.system.start("sh", "-c", script)
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def nothing_runs(host: PackageHost) -> None:
    """See that no unit is there, not even a failed one, and nobody listens."""
    listed = host.run(f"systemctl list-units --all --plain --no-legend '{NAME}*'")
    assert "failed" not in listed
    assert all(host.system.shows(unit, "ActiveState") == "inactive" for unit in UNITS)
    assert host.run("ss -Hltn 'sport = :8461 or sport = :8462'") == ""


def test_removal_while_postfix_asks_leaves_what_is_the_administrators(host: PackageHost) -> None:
    host.run(f"systemctl stop {SERVICE}; systemctl enable --now {NAME}-tcp_table.socket")
    host.run(f"systemctl start {SERVICE}")
    host.run(f"{NAME} override add partner.example skip --reason tried")
    host.path(CONFIG).write_text("log: {level: debug}\n")
    with asked_without_end(host):
        host.run(f"apt-get remove --yes {NAME}")
        nothing_runs(host)
    assert host.path(CONFIG).read_text() == "log: {level: debug}\n"
    assert host.path(STATE / "policies.sqlite").exists()
    assert host.outcome(f"command -v {NAME}")[0] != 0
    assert not list(host.path("/usr/lib").rglob("mtasts_resolver*"))


def test_it_comes_back_with_all_that_it_knew(host: PackageHost, deb: Path) -> None:
    host.path(CONFIG).write_text("log: {level: debug}\n")
    host.run(f"{NAME} override add partner.example skip --reason tried")
    host.run(f"apt-get remove --yes {NAME}")
    # Postfix was to ask nobody meanwhile.
    assert "What is left to type" in host.install(deb)
    assert host.is_running()
    assert "partner.example" in host.run(f"{NAME} override list")
    assert host.path(CONFIG).read_text() == "log: {level: debug}\n"
    assert "What is left to type" not in host.install(deb, "--reinstall")
    assert host.is_running()
    assert "partner.example" in host.run(f"{NAME} override list")


@pytest.mark.parametrize(
    ("setting", "command"),
    [
        ("smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:default", "postconf -e"),
        ("smtp_tls_policy_maps = hash:/none, proxy:socketmap:inet:localhost:8461:x", "postconf -e"),
        ("lmtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:default", "postconf -e"),
        ("relay/unix/smtp_tls_policy_maps=socketmap:inet:127.0.0.1:8461:tlsrpt", "postconf -Pe"),
        ("smtp_tls_policy_maps = socketmap:unix:mtasts/socketmap:default", "postconf -e"),
    ],
)
def test_who_removes_it_is_told_that_postfix_still_asks(
    host: PackageHost, setting: str, command: str
) -> None:
    before = host.files("/etc/postfix")
    drop_in = host.path(f"/etc/systemd/system/{SOCKET}.d/unix.conf")
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text("[Socket]\nListenStream=/var/spool/postfix/mtasts/socketmap\n")
    host.run(f"systemctl daemon-reload; systemctl stop {SERVICE}; systemctl restart {SOCKET}")
    try:
        host.run(f"{command} '{setting}'")
        said = warning(host)
        name, _, value = setting.partition("=")
        assert f"/etc/postfix: {name.strip()} = {value.strip()}" in said
        assert "postfix reload" in said
    finally:
        for name, content in before.items():
            host.path(f"/etc/postfix/{name}").write_bytes(content)
        drop_in.unlink()
        host.run(f"systemctl daemon-reload; systemctl restart {SOCKET}; systemctl start {SERVICE}")


def test_who_removes_it_is_not_bothered_where_postfix_asks_others(host: PackageHost) -> None:
    before = host.files("/etc/postfix")
    try:
        host.run("postconf -e 'smtp_tls_policy_maps = socketmap:inet:127.0.0.1:84610:x'")
        assert warning(host) == ""
    finally:
        host.path("/etc/postfix/main.cf").write_bytes(before["main.cf"])
        host.run(f"systemctl start {SOCKET} {SERVICE}")


def warning(host: PackageHost) -> str:
    """Return what the package says before it goes, which it does not."""
    script = f"/var/lib/dpkg/info/{NAME}.prerm"
    return host.run(f"sed '/^# Automatically added by dh_python3/,$d' {script} | sh -s remove")


def test_purge_leaves_nothing(host: PackageHost, deb: Path) -> None:
    host.clear()
    before = everything(host)
    host.install(deb)
    host.run(f"cp {CONFIG} {CONFIG}.before-migrate")
    host.run(f"postmap -q nobody.invalid {TABLE}; {NAME} status")
    host.run(f"systemctl enable --now {NAME}-report.timer")
    with asked_without_end(host):
        host.run(f"apt-get purge --yes {NAME}")
        nothing_runs(host)
    assert everything(host) - before == set()
    assert host.version() in {"", " not-installed"}


def everything(host: PackageHost) -> set[str]:
    """Return the path of all that stands where a package or a daemon leaves something."""
    found = host.run("find /etc /usr /opt /srv /var/lib /var/spool /var/cache /run -xdev")
    logs = re.compile(r"/run/(systemd|log)/|/var/lib/(apt|dpkg)/|/var/cache/apt/")
    return {path for path in found.splitlines() if not logs.match(path)}


def test_purge_leaves_the_reports_that_were_kept_and_says_so(host: PackageHost, deb: Path) -> None:
    host.run(f"systemctl start {NAME}-report.service || :")  # there may be no mail to tell of
    kept = host.path(STATE / "reports")
    (kept / "2026-01.json").write_text("{}")
    before = host.files(f"{STATE}/reports")
    said = host.run(f"apt-get purge --yes {NAME}")
    assert f"{STATE}/reports" in said
    assert host.files(f"{STATE}/reports") == before
    assert [path.name for path in kept.parent.iterdir()] == ["reports"]
    assert not host.path(CONFIG.parent).exists()
    # And is where it was, if the package comes back.
    host.install(deb)
    assert host.run(f"cat /var/lib/{NAME}/reports/2026-01.json") == "{}"
