"""What every test shares.

With MTASTS_REQUIRE_LAB=1 a skipped test has failed, whatever skipped it: a machine that should run
everything cannot lose a part of the suite unnoticed.
"""

import logging
import os
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
from hypothesis import settings

REQUIRE_LAB = os.environ.get("MTASTS_REQUIRE_LAB") == "1"

# No deadline: how long an example takes is the machine's affair. CI tries the same examples at each
# run, so that it never fails for something other than the change; new ones are found at the desk,
# and by HYPOTHESIS_PROFILE=thorough.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=5_000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "desk")
)

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _forbid_skip(report: Report) -> Report:
    if REQUIRE_LAB and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"MTASTS_REQUIRE_LAB=1 forbids to skip: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _forbid_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _forbid_skip((yield))


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Have no test find the log as another one has set it up."""
    root, own = logging.getLogger(), logging.getLogger("mtasts_resolver")
    levels, handlers = (root.level, own.level), list(root.handlers)
    yield
    for logger, level in zip((root, own), levels, strict=True):
        logger.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Return a directory that every user may enter; pytest's own are for one user only."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


@pytest.fixture
def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
