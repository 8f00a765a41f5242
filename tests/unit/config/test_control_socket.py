"""Where the commands find the daemon, whoever asks."""

import os
from pathlib import Path

from mtasts_resolver.config import ControlConfig

USUAL = Path("/run/mtasts-resolver/control.sock")


def test_a_users_own_daemon_is_found_where_the_system_has_none(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert ControlConfig().reached_at(environ, uid=1) == USUAL
    own = tmp_path / "mtasts-resolver/control.sock"
    own.parent.mkdir()
    own.touch()
    assert ControlConfig().reached_at(environ, uid=1) == (USUAL if USUAL.exists() else own)


def test_a_configured_one_is_taken_as_it_is(tmp_path: Path) -> None:
    named = tmp_path / "s"
    assert ControlConfig(socket=named).reached_at({}, uid=1) == named


def test_a_place_that_cannot_be_looked_at_is_none() -> None:
    """Such as another user's home, where su(1) has left HOME as it was."""
    unseen = {"XDG_RUNTIME_DIR": "/" + "x" * (os.pathconf("/", "PC_NAME_MAX") + 1)}
    assert ControlConfig().reached_at(unseen, uid=1) == USUAL
