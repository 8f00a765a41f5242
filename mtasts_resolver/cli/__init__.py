"""The command line: one module a command."""

import difflib
import gc
import json
import sys
from importlib import import_module
from itertools import takewhile
from typing import Any

import click

from mtasts_resolver import __version__

COMMANDS = {
    "serve": "serve:serve",
    "query": "query:query",
    "explain": "explain:explain",
    "config": "config:config_group",
}


class LateCommands(click.Group):
    """Commands whose modules are imported when they are used: `serve` must start quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        # What modules define is no garbage: to look for some among it takes a tenth of the start,
        # and later milliseconds at a time, in which the daemon answers nobody.
        gc.disable()
        try:
            command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        finally:
            gc.freeze()
            gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest a command in place of one that there is not."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            close = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"Did you mean '{close[0]}'?" if close else f"There are {', '.join(COMMANDS)}."
            ctx.fail(f"No such command {name!a}. {hint}")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401  click's signature
        """Run a command; with --json its errors are JSON on standard output, too."""
        given = args[0] if args else extra.get("args")
        words = sys.argv[1:] if given is None else given
        if "--json" not in takewhile(lambda word: word != "--", words):
            return super().main(*args, **extra)
        try:
            return super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            shown = {"error": error.format_message(), "exit_code": error.exit_code}
            click.echo(json.dumps(shown))
            sys.exit(error.exit_code)


@click.group(cls=LateCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="mtasts-resolver")
def main() -> None:
    """MTA-STS (RFC 8461) for Postfix: a policy server for smtp_tls_policy_maps.

    Exit codes: 0; 1 for a negative answer; 2 for wrong usage or configuration; 69 when the daemon
    cannot be reached; 75 for a temporary failure.
    """
