"""One lab for the whole run; where it cannot run, the reason to skip."""

from collections.abc import Iterator

import pytest

from .lab import Lab, running_lab
from .namespace import missing


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Return the lab; the daemon is not started yet."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with running_lab() as lab:
        yield lab


@pytest.fixture
def fresh_lab(lab: Lab) -> Iterator[Lab]:
    """Return the lab with the daemon stopped and its store empty, and leave it so."""
    lab.daemon.stop()
    lab.daemon.forget()
    yield lab
    lab.own_resolver.restore()
    lab.daemon.stop()
    lab.daemon.forget()


@pytest.fixture
def steady_lab(lab: Lab) -> Lab:
    """Return the lab with a running daemon, which may know something already."""
    if not lab.daemon.running:
        lab.daemon.start()
    return lab
