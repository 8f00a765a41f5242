"""docs/administration.md shows what the commands print today."""

import pytest

from .administrator import PAGE, Administrator
from .lab import Lab
from .sessions import replay, sessions, shape

pytestmark = pytest.mark.lab


def test_the_page_shows_what_the_commands_print(fresh_lab: Lab) -> None:
    """Where it does not, and what is printed is good: make docs-lab."""
    fresh_lab.daemon.start()
    administrator = Administrator(fresh_lab)
    for session in sessions(PAGE.read_text("utf-8")):
        now = replay(session, administrator)
        assert shape(now) == shape(session.text), session.typed
