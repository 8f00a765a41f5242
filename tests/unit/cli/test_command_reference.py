"""The page of the commands is what the commands say of themselves."""

import re
import runpy
from pathlib import Path

import click
import pytest

from mtasts_resolver.cli import main
from mtasts_resolver.cli.reference import Leaf, command_reference, commands, options
from tests.runner import CliRunner

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/commands.md"
LEAVES = list(commands())


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == command_reference(), "run: make docs"


def test_the_module_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "mtasts_resolver/cli/reference.py"), run_name="__main__")
    assert capsys.readouterr().out == command_reference()


def test_every_command_that_help_lists_is_on_the_page() -> None:
    listed = CliRunner().invoke(main, ["--help"]).stdout.partition("Commands:\n")[2]
    names = re.findall(r"^  ([a-z-]+)", listed, re.MULTILINE)
    assert names
    assert set(names) == {leaf.words.split()[0] for leaf in LEAVES}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.words)
def test_a_command_says_what_it_and_each_of_its_options_does(leaf: Leaf) -> None:
    assert leaf.command.help
    section = command_reference().partition(f"\n### `{leaf.words}`\n")[2].partition("\n#")[0]
    told = [option for option in options(leaf.command) if not option.hidden]
    for option in told:
        assert option.help, f"{leaf.words}: {option.name} has no help"
        assert option.help.endswith("."), f"{leaf.words}: {option.help}"
        assert f"`{max(option.opts, key=len)}" in section
    shown = CliRunner().invoke(main, [*leaf.words.split(), "--help"])
    assert shown.exit_code == 0
    listed = set(re.findall(r"(?<=[ ,])--[a-z-]+", shown.stdout.partition("\nOptions:\n")[2]))
    names = {name for option in told for name in (*option.opts, *option.secondary_opts)}
    assert {name for name in names if name.startswith("--")} | {"--help"} <= listed


def test_every_group_says_what_it_is_for() -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert command.help, name
