"""The package's scripts by themselves, on hosts that no root is made for."""

import os
import subprocess
from pathlib import Path

import pytest

from releasing.root import IN_PRIVATE

SCRIPTS = Path(__file__).parents[2] / "packaging/debian"
STATE = "/var/lib/mtasts-resolver"

HANGS = "#!/bin/sh\nexec sleep 1000\n"
STUBS = {
    "systemctl": '#!/bin/sh\n[ "$1" = show ] && echo "127.0.0.1:8461 (Stream)"\n',
    "deb-systemd-invoke": '#!/bin/sh\necho "$@" >"$STOPPED"\n',
    "postmulti": '#!/bin/sh\necho "- - y /etc/postfix"\n',
    "postconf": '#!/bin/sh\necho "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:x"\n',
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


@pytest.mark.parametrize("hanging", [None, "postmulti", "postconf"])
def test_a_postfix_that_hangs_holds_up_no_removal(hanging: str | None, tmp_path: Path) -> None:
    for name, content in STUBS.items():
        stub = tmp_path / name
        stub.write_text(HANGS if name == hanging else content)
        stub.chmod(0o755)
    patience = "--kill-after=1 10 "
    text = (SCRIPTS / "prerm").read_text()
    assert patience in text
    script = tmp_path / "prerm"
    script.write_text(text.replace(patience, "--kill-after=1 0.2 " if hanging else patience))
    inside = 'mount -t tmpfs tmpfs /run\nmkdir -p /run/systemd/system\nsh "$1" remove'
    stopped, path = tmp_path / "stopped", f"{tmp_path}:{os.environ['PATH']}"
    done = run(inside, str(script), PATH=path, STOPPED=str(stopped))
    assert done.returncode == 0, done.stderr
    assert ("Postfix still asks" in done.stderr) == (hanging is None)
    assert "mtasts-resolver.socket" in stopped.read_text()
