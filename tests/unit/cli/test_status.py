"""`status` where no daemon can tell how it is."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtasts_resolver.cli import status as module
from mtasts_resolver.cli.monitoring import CRITICAL


def test_daemon_that_stands_still_is_critical_to_a_monitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is connected to all the same: the kernel does that."""
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    file = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(file))
        listener.listen()
        found = CliRunner().invoke(module.status, ["--check", "--control", str(file)])
    assert found.exit_code == CRITICAL
    assert "does not answer within 0.1 s" in found.output
