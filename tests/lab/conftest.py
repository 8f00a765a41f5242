"""One lab for the whole run; where it cannot run, the reason to skip."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

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


@pytest.fixture(scope="module")
def emptied_lab(lab: Lab) -> Lab:
    """Return the lab as each module finds it: nothing is known yet."""
    lab.daemon.stop()
    lab.daemon.forget()
    return lab


@pytest.fixture
def steady_lab(emptied_lab: Lab) -> Iterator[Lab]:
    """Return the lab with a running daemon, which may know what the module's tests taught it."""
    lab = emptied_lab
    if not lab.daemon.running:
        lab.daemon.start()
    with printing_logs(lab):
        yield lab


@pytest.fixture
def fresh_lab(lab: Lab) -> Iterator[Lab]:
    """Return the lab with the daemon stopped and its store empty, and leave it so."""
    lab.daemon.stop()
    lab.daemon.forget()
    with printing_logs(lab):
        yield lab
    lab.own_resolver.restore()
    lab.daemon.stop()
    lab.daemon.forget()


@contextmanager
def printing_logs(lab: Lab) -> Iterator[None]:
    """Print what was logged meanwhile; pytest shows it where a test has failed."""
    said = lab.postfix.log.mark()
    yield
    lines = [*lab.postfix.log.since(said), *lab.daemon.log.since(0)]
    sys.stdout.writelines(f"{line}\n" for line in lines)
