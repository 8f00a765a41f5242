"""Commands are imported late, and what they define is kept out of the collector's sight."""

import gc
from collections.abc import Iterator

import click
import pytest

from mtasts_resolver.cli import COMMANDS, main


@pytest.fixture
def context() -> Iterator[click.Context]:
    yield click.Context(main)
    gc.unfreeze()


@pytest.mark.parametrize("name", COMMANDS)
def test_no_garbage_is_looked_for_in_modules(name: str, context: click.Context) -> None:
    gc.unfreeze()
    command = main.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_a_command_that_does_not_exist(context: click.Context) -> None:
    assert main.get_command(context, "fly") is None
    assert gc.isenabled()
    assert set(main.list_commands(context)) == set(COMMANDS)
