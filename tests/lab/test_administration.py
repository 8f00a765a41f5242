"""docs/administration.md and docs/rollout.md show what the commands print today."""

from pathlib import Path

import pytest

from .administrator import PAGES, Administrator, start_plain
from .lab import Lab
from .sessions import replay, sessions, shape

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_the_commands_print(
    fresh_lab: Lab, monkeypatch: pytest.MonkeyPatch, page: Path
) -> None:
    """Where it does not, and what is printed is good: make docs-lab."""
    if page.stem == "check" and not fresh_lab.namespace.has_ipv6:
        pytest.skip("this machine has no IPv6, and would not see all of a domain")
    for name in ("maps", "settings"):
        monkeypatch.setattr(fresh_lab.daemon, name, getattr(fresh_lab.daemon, name))
    start_plain(fresh_lab)
    administrator = Administrator(fresh_lab)
    try:
        for session in sessions(page.read_text("utf-8")):
            now = replay(session, administrator)
            assert shape(now) == shape(session.text), session.typed
    finally:
        administrator.restore()
