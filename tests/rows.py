"""A pytest plugin: print what is proved in which file, by the marks `row`, `finding` and `threat`.

    python -m pytest --collect-only -qq -p tests.rows

Each line is `row ID FILE`, `finding CODE FILE` or `threat ID FILE::TEST`, files relative to tests/.
What a table of scenarios names is found as well as what stands in a decorator.
"""

import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import click
import pytest

TESTS = Path(__file__).parent
BY_FILE = ("row", "finding")
BY_TEST = ("threat",)
MARKS = (*BY_FILE, *BY_TEST)


def pytest_collection_finish(session: pytest.Session) -> None:
    proofs = {
        (name, str(id_), _place(item, name))
        for item in session.items
        for name in MARKS
        for mark in item.iter_markers(name)
        for id_ in mark.args
    }
    for proof in sorted(proofs):
        click.echo(" ".join(proof))


def _place(item: pytest.Item, mark: str) -> str:
    """Return where a test stands; one of many parameters is the same test."""
    file = item.path.relative_to(TESTS).as_posix()
    _, *names = item.nodeid.partition("[")[0].split("::")
    return "::".join([file, *names]) if mark in BY_TEST else file


@cache
def collect_proofs(name: str) -> dict[str, frozenset[str]]:
    """Return the files, or the tests, that have the mark `name`, by what the mark says."""
    proofs: defaultdict[str, set[str]] = defaultdict(set)
    for line in _collected():
        mark, id_, path = line.split(" ", 2)
        if mark == name:
            proofs[id_].add(path)
    return {id_: frozenset(paths) for id_, paths in proofs.items()}


@cache
def _collected() -> list[str]:
    """Collect all tests, once for all who ask: it takes seconds."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "tests.rows", "tests"]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return [line for line in done.stdout.splitlines() if line.startswith(MARKS)]
