"""Commands are imported late, and what they define is kept out of the collector's sight."""

import gc
import json
from collections.abc import Iterator

import click
import pytest

from mtasts_resolver import __version__
from mtasts_resolver.cli import COMMANDS, main
from tests.runner import CliRunner


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


@pytest.mark.parametrize(("typed", "meant"), [("quiery", "query"), ("explian", "explain")])
def test_a_misspelt_command_gets_a_suggestion(typed: str, meant: str) -> None:
    answer = CliRunner().invoke(main, [typed, "good.example"])
    assert answer.exit_code == 2
    assert f"No such command '{typed}'. Did you mean '{meant}'?" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["quiery", "--json"], "Did you mean 'query'?"),
        (["query", "--json"], "Missing argument"),
        (["query", "--json", "a.example", "--server", "b"], "is neither 'inet:HOST:PORT' nor"),
        (["query", "--json", "a.example", "--no-such-option"], "--no-such-option"),
        (["explain", "--json", "a.example", "--config", "/no/such/file"], "/no/such/file"),
        (["serve", "--json", "--config", "/no/such/file"], "--json"),
        (["config", "check", "--json", "a", "b"], "unexpected extra argument"),
    ],
)
def test_with_json_errors_are_json_on_standard_output(arguments: list[str], words: str) -> None:
    answer = CliRunner().invoke(main, arguments)
    shown = json.loads(answer.stdout)
    assert words in shown["error"]
    assert answer.exit_code == shown["exit_code"] == 2
    assert answer.stderr == ""


def test_without_json_or_behind_a_double_dash_errors_are_text() -> None:
    for arguments in (["query"], ["query", "--server", "b", "--", "--json"]):
        answer = CliRunner().invoke(main, arguments)
        assert (answer.exit_code, answer.stdout) == (2, "")
        assert "Error: " in answer.stderr


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option: str) -> None:
    answer = CliRunner().invoke(main, [option])
    assert answer.exit_code == 0
    assert __version__ in answer.stdout
