"""`mtasts-resolver completion`: what makes a shell complete; and how the program does its part.

At each Tab the shell runs the program, which must be quick then, and quiet: no command is imported
but the one that is being typed, and what goes wrong leaves the line as it is.
"""

import ast
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import click
from click.shell_completion import ShellComplete, get_completion_class

from mtasts_resolver.cli import COMPLETE_VARIABLE

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "mtasts-resolver"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options and values.

    The package installs files that do so by themselves. Elsewhere put
    `eval "$(mtasts-resolver completion bash)"` into ~/.bashrc, the same with `zsh` into ~/.zshrc
    after compinit, and `mtasts-resolver completion fish | source` into
    ~/.config/fish/config.fish.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click knows no {shell}")
    context = click.get_current_context()
    script = kind(context.find_root().command, {}, PROGRAM, COMPLETE_VARIABLE)
    # Not its own source(), which runs the bash of PATH to learn its version.
    click.echo(ShellComplete.source(script), nl=False)


def summaries(commands: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the name of each command, and how the docstring of its function begins."""
    for name, place in commands.items():
        module, _, function = place.partition(":")
        yield name, _first_sentence(module, function)


def _first_sentence(module: str, name: str) -> str:
    """Return how a function's docstring begins: its module is read, and not run."""
    spec = find_spec(f"mtasts_resolver.cli.{module}")
    if spec is None or spec.origin is None:
        return ""
    for node in ast.parse(Path(spec.origin).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
    return ""
