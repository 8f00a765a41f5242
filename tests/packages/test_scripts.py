"""The package's scripts by themselves, on hosts that no root is made for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from releasing.root import IN_PRIVATE

SCRIPTS = Path(__file__).parents[2] / "packaging/debian"
STATE = "/var/lib/mtasts-resolver"

SOCKET = "/var/spool/postfix/mtasts/socketmap"

HANGS = "#!/bin/sh\nexec sleep 1000\n"
STUBS = {
    "systemctl": f'#!/bin/sh\n[ "$1" = show ] && printf "%s (Stream)\\n" 127.0.0.1:8461 {SOCKET}\n',
    "deb-systemd-invoke": '#!/bin/sh\necho "$@" >"$STOPPED"\n',
    "postmulti": '#!/bin/sh\necho "- - y /etc/postfix"\n',
    "postconf": """#!/bin/sh
case $* in
*queue_directory) echo /var/spool/postfix ;;
*-x*) echo "smtp_tls_policy_maps = hash:/a, socketmap:$ASKED:x" ;;
esac
""",
}


def run(inside: str, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script behind what `inside` does, in a mount namespace of its own."""
    return subprocess.run(
        [*IN_PRIVATE, "--", "sh", "-euc", inside, "sh", script],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        env=os.environ | variables,
    )


@pytest.mark.parametrize("reports", [True, False])
def test_purge_ends_where_the_state_is_a_file_system_of_its_own(*, reports: bool) -> None:
    inside = f"""
    mount -t tmpfs tmpfs /var/lib
    mkdir -p {STATE}
    mount -t tmpfs tmpfs {STATE}
    mkdir -p {STATE}/reports {STATE}/other
    echo x >{STATE}/policies.sqlite
    {f"echo x >{STATE}/reports/report.json" if reports else ":"}
    sh "$1" purge
    ls -R {STATE}
    """
    done = run(inside, str(SCRIPTS / "postrm"))
    assert done.returncode == 0, done.stderr
    assert "policies.sqlite" not in done.stdout
    assert "other" not in done.stdout
    assert ("report.json" in done.stdout, "Kept" in done.stderr) == (reports, reports)


def test_purge_ends_where_a_file_system_is_within_the_state() -> None:
    inside = f"""
    mount -t tmpfs tmpfs /var/lib
    for name in reports other; do
        mkdir -p {STATE}/$name
        mount -t tmpfs tmpfs {STATE}/$name
        echo x >{STATE}/$name/file
    done
    echo x >{STATE}/policies.sqlite
    sh "$1" purge
    ls -R {STATE}
    """
    done = run(inside, str(SCRIPTS / "postrm"))
    assert done.returncode == 0, done.stderr
    assert "policies.sqlite" not in done.stdout
    assert done.stdout.count("file") == 1
    assert "Kept" in done.stderr


def test_purge_in_another_root_leaves_that_of_the_host_alone(tmp_path: Path) -> None:
    """As `dpkg --root` has it, with scripts that run outside of it."""
    inside = f"""
    mount -t tmpfs tmpfs /var/lib
    mkdir -p {STATE} "$DPKG_ROOT{STATE}"
    echo x >{STATE}/policies.sqlite
    echo x >"$DPKG_ROOT{STATE}/policies.sqlite"
    sh "$1" purge
    ls {STATE}
    """
    done = run(inside, str(SCRIPTS / "postrm"), DPKG_ROOT=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "policies.sqlite\n"), done.stderr
    assert not (tmp_path / "var/lib/mtasts-resolver").exists()


@pytest.mark.parametrize("hanging", [None, "postmulti", "postconf"])
def test_a_postfix_that_hangs_holds_up_no_removal(hanging: str | None, tmp_path: Path) -> None:
    make_stubs(tmp_path, hanging)
    patience = "--kill-after=1 10 "
    text = (SCRIPTS / "prerm").read_text()
    assert patience in text
    script = tmp_path / "prerm"
    script.write_text(text.replace(patience, "--kill-after=1 0.2 " if hanging else patience))
    said = removal(script, "inet:127.0.0.1:8461")
    assert ("Postfix still asks" in said) == (hanging is None)
    assert "mtasts-resolver.socket" in (tmp_path / "stopped").read_text()


@pytest.mark.parametrize(
    ("asked", "ours"),
    [
        (f"unix:{SOCKET}", True),
        ("unix:mtasts/socketmap", True),
        ("unix:/mtasts/socketmap", True),
        ("unix:/mtasts/socketmap2", False),
        ("inet:127.0.0.1:84611", False),
    ],
)
def test_a_socket_is_known_by_each_of_its_names(*, asked: str, ours: bool, tmp_path: Path) -> None:
    make_stubs(tmp_path)
    script = Path(shutil.copy(SCRIPTS / "prerm", tmp_path))
    assert (f"hash:/a, socketmap:{asked}:x" in removal(script, asked)) == ours


def make_stubs(place: Path, hanging: str | None = None) -> None:
    for name, content in STUBS.items():
        stub = place / name
        stub.write_text(HANGS if name == hanging else content)
        stub.chmod(0o755)


def removal(script: Path, asked: str) -> str:
    """Return what is said at a removal while Postfix asks at `asked`."""
    inside = 'mount -t tmpfs tmpfs /run\nmkdir -p /run/systemd/system\nsh "$1" remove'
    path, stopped = f"{script.parent}:{os.environ['PATH']}", str(script.with_name("stopped"))
    done = run(inside, str(script), PATH=path, STOPPED=stopped, ASKED=asked)
    assert done.returncode == 0, done.stderr
    return done.stderr
