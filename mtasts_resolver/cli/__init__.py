"""The command line: one module a command."""

import difflib
import errno
import gc
import io
import json
import os
import sys
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mtasts_resolver import __version__
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.terminal import noting, silence

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Of a full disk, a quota, a limit, a broken disk. A pipe that nobody reads is click's.
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

COMMANDS = {
    "serve": "serve:serve",
    "query": "query:query",
    "explain": "explain:explain",
    "check": "check:check",
    "status": "status:status",
    "doctor": "doctor:doctor",
    "report": "report:report_group",
    "history": "history:history",
    "cache": "cache:cache_group",
    "warm": "warm:warm",
    "publish": "publish:publish",
    "override": "override:override_group",
    "config": "config:config_group",
    "migrate": "migrate:migrate",
    "completion": "completion:completion",
}

COMPLETE_VARIABLE = "_MTASTS_RESOLVER_COMPLETE"
"""In the environment while a shell asks how a line goes on; click named it after the program."""


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

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """Return the commands and options that begin so; no command is imported for that."""
        summaries = import_module(f"{__name__}.completion").summaries
        item = import_module("click.shell_completion").CompletionItem
        commands = [
            item(name, help=help_text)
            for name, help_text in summaries(COMMANDS)
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

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
        words = list(sys.argv[1:] if given is None else given)
        as_json = "--json" in takewhile(lambda word: word != "--", words)
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
            sys.stdout.reconfigure(errors="backslashreplace")  # as that of standard error
        if COMPLETE_VARIABLE in os.environ:
            silence(sys.stderr)  # a line that is being typed is no place for errors
        try:
            try:
                super().main(*args, **{**extra, "standalone_mode": False})
            except click.ClickException as error:
                _end(error, as_json=as_json)
            except click.Abort:
                _end(_Interrupted("interrupted"), as_json=as_json)
        except OSError as error:
            if words[:1] == ["serve"] or error.errno not in _UNWRITABLE or error.filename:
                raise
            _give_up_output(error)
        sys.exit()


class _Interrupted(click.ClickException):
    exit_code = exit_codes.INTERRUPTED


def _end(error: click.ClickException, *, as_json: bool) -> NoReturn:
    if as_json:
        shown = {"error": error.format_message(), "exit_code": error.exit_code}
        click.echo(json.dumps(shown))
    else:
        with noting():
            error.show()
    sys.exit(error.exit_code)


def _give_up_output(error: OSError) -> NoReturn:
    """End with an exit code that does not stand for the answer, which nobody has got."""
    with noting():
        click.echo(f"Error: the output cannot be written: {error.strerror}", err=True)
    silence(sys.stdout)
    sys.exit(exit_codes.TEMPORARY)


@click.group(cls=LateCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="mtasts-resolver")
def main() -> None:
    """MTA-STS (RFC 8461) for Postfix: a policy server for smtp_tls_policy_maps.

    Exit codes: 0; 1 for a negative answer; 2 for wrong usage or configuration; 69 when the daemon
    cannot be reached; 75 for a temporary failure; 77 where its socket is not for you; 130 after
    Ctrl-C.
    """
