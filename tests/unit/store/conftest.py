from pathlib import Path

import pytest

from mtasts_resolver.store.history import history_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policies.sqlite"


@pytest.fixture
def file(path: Path) -> Path:
    """The history that belongs to the policies at `path`."""
    return history_path(path)
