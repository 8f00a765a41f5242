"""Commands that ask a daemon which says nothing."""

import socket
from collections.abc import Iterator
from inspect import unwrap
from pathlib import Path

import pytest
from click import Argument, Context
from click.testing import CliRunner

from mtasts_resolver.cli import exit_codes, known_domains, main
from mtasts_resolver.cli import status as module
from mtasts_resolver.cli.monitoring import CRITICAL
from mtasts_resolver.cli.running import running_daemon


@pytest.fixture
def still(tmp_path: Path) -> Iterator[Path]:
    """Return the control socket of a daemon that stands still: the kernel has it connected to."""
    file = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(file))
        listener.listen()
        yield file


def test_daemon_that_stands_still_is_critical_to_a_monitor(
    still: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    found = CliRunner().invoke(module.status, ["--check", "--control", str(still)])
    assert found.exit_code == CRITICAL
    assert "does not answer within 0.1 s" in found.output


@pytest.mark.parametrize(
    "command",
    [("cache", "list"), ("cache", "export"), ("history", "a.example"), ("override", "list")],
)
def test_no_command_waits_for_ever(
    command: tuple[str, ...], still: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(unwrap(running_daemon).__kwdefaults__, "patience", 0.1)
    found = CliRunner().invoke(main, [*command, "--control", str(still)])
    assert found.exit_code == exit_codes.UNAVAILABLE
    assert "does not answer within 0.1 s" in found.output


def test_completion_waits_less(still: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(unwrap(running_daemon).__kwdefaults__, "patience", "not that of others")
    monkeypatch.setattr(known_domains, "COMPLETION_PATIENCE", 0.1)
    context = Context(main)
    context.params["control_socket"] = still
    assert known_domains.complete_domain(context, Argument(["domain"]), "a") == []
