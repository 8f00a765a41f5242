"""A pytest plugin: print which row of docs/conformance.md is proved in which file.

    python -m pytest --collect-only -qq -p tests.rows

Each line is `row ID FILE`, the file relative to tests/. Rows that a table of scenarios names are
found as well as those that stand in a decorator.
"""

from pathlib import Path

import click
import pytest

TESTS = Path(__file__).parent


def pytest_collection_finish(session: pytest.Session) -> None:
    proofs = {
        (str(row_id), item.path.relative_to(TESTS).as_posix())
        for item in session.items
        for mark in item.iter_markers("row")
        for row_id in mark.args
    }
    for row_id, path in sorted(proofs):
        click.echo(f"row {row_id} {path}")
