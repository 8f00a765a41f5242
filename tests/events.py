"""The events that a test caused."""

from typing import NamedTuple

import pytest


class Logged(NamedTuple):
    """An event as it was logged."""

    level: str
    event: str
    fields: dict[str, object]


def events(caplog: pytest.LogCaptureFixture, *levels: str) -> list[Logged]:
    """Return what was logged at `levels`, at all if none is given."""
    found = [Logged(r.levelname, r.msg, r.__dict__["fields"]) for r in caplog.records]
    return [logged for logged in found if not levels or logged.level in levels]
