"""The command line: one module a command."""

import gc
from importlib import import_module

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


@click.group(cls=LateCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mtasts-resolver")
def main() -> None:
    """MTA-STS (RFC 8461) for Postfix: a policy server for smtp_tls_policy_maps.

    Exit codes: 0; 1 for a negative answer; 2 for wrong usage or configuration; 69 when the daemon
    cannot be reached; 75 for a temporary failure.
    """
