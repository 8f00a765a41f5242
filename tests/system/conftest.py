"""A daemon for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.running import RunningDaemon


@pytest.fixture
def daemon(tmp_path: Path, free_port: int) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path, free_port) as running:
        yield running


@pytest.fixture
def open_daemon(open_directory: Path, free_port: int) -> Iterator[RunningDaemon]:
    """A daemon whose directory every user may enter."""
    with RunningDaemon(open_directory, free_port) as running:
        yield running
