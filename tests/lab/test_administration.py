"""docs/administration.md shows what the commands print today."""

import pytest

from .administrator import PAGE, Administrator, start_plain
from .lab import Lab
from .sessions import replay, sessions, shape

pytestmark = pytest.mark.lab


def test_the_page_shows_what_the_commands_print(
    fresh_lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it does not, and what is printed is good: make docs-lab."""
    monkeypatch.setattr(fresh_lab.daemon, "maps", fresh_lab.daemon.maps)
    start_plain(fresh_lab)
    administrator = Administrator(fresh_lab)
    for session in sessions(PAGE.read_text("utf-8")):
        now = replay(session, administrator)
        assert shape(now) == shape(session.text), session.typed
