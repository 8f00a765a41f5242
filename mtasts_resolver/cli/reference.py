"""The page of the commands, made from them: `python -m mtasts_resolver.cli.reference`."""

import inspect
from collections.abc import Iterator
from typing import NamedTuple

import click

from mtasts_resolver.cli import exit_codes, main
from mtasts_resolver.cli.options import DEFAULT_CONFIG

# An option that as many commands have in the same words is described once.
_COMMON = 3

_HEAD = """\
<!-- Made by `python -m mtasts_resolver.cli.reference`: change the commands, not this page. -->

# Commands

Once installed, `man mtasts-resolver` shows this page, and `mtasts-resolver COMMAND --help` a part
of it. [Administration](administration.md) goes through an administrator's day with them.

"""

_BEGINNING = """\
## Synopsis

    mtasts-resolver COMMAND [OPTION...] [ARGUMENT...]
    mtasts-resolver --help | --version

## Description

A domain that publishes an MTA-STS policy (RFC 8461) asks the whole world to send it mail over
verified TLS only. Postfix does not read such policies itself, but asks another program how TLS must
be done for each destination. mtasts-resolver is that program: `mtasts-resolver serve` is a daemon
that finds, checks and caches the policies, lets DANE (RFC 7672) come first, and answers Postfix's
`smtp_tls_policy_maps` look-ups. The other commands ask and steer it.

On a terminal a command prints for a person, in a pipe plain lines for a program, and with `--json`
JSON. Notes, warnings and progress go to standard error.
"""

_END = f"""\
## Exit status

| code | says |
|---|---|
| `0` | it is done; the answer is yes |
| `{exit_codes.NEGATIVE}` | the answer is no: not found, no policy; `check`: warnings |
| `{exit_codes.USAGE}` | wrong usage, or a configuration that is not valid; `check`: errors |
| `{exit_codes.UNAVAILABLE}` | the daemon cannot be reached |
| `{exit_codes.TEMPORARY}` | a temporary failure, such as an output that cannot be written |
| `{exit_codes.NOT_PERMITTED}` | the daemon's socket is not for this user, or may be a stranger's |
| `{exit_codes.INTERRUPTED}` | interrupted by Ctrl-C |

With `--json` an error is an object with `error` and `exit_code`, on standard output.

## Environment

| variable | is |
|---|---|
| `NO_COLOR`, `TERM` | no colour where the one has any value, or the other is `dumb` |
| `TZ` | the zone of times that are shown, and of those in logs that name none; else the host's |
| `PATH` | where `doctor` looks for Postfix's programs, before /usr/sbin |
| `STATE_DIRECTORY` | where the daemon keeps its store and the last configuration; systemd sets it |
| `RUNTIME_DIRECTORY` | where the daemon opens its control socket; systemd sets it |
| `XDG_STATE_HOME`, `XDG_RUNTIME_DIR`, `HOME` | below which a plain user's daemon has both |
| `SSL_CERT_FILE`, `SSL_CERT_DIR` | the certification authorities, unless `https.ca_file` is set |
| `LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`, `LISTEN_PIDFDID` | systemd's sockets, in the \
place of `listen` (sd_listen_fds(3)) |
| `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID` | how systemd hears of the daemon's state \
(sd_notify(3)) |
| `JOURNAL_STREAM` | where it names standard error, the log is for the journal |

The variables of proxies are never used.

## Files

| path | is |
|---|---|
| `{DEFAULT_CONFIG}` | the configuration, `--config` names another: mtasts-resolver.yaml(5) |
| `/var/lib/mtasts-resolver/policies.sqlite` | the store, in which policies outlive the daemon |
| `/var/lib/mtasts-resolver/config-in-force.yaml` | the last configuration that worked |
| `/run/mtasts-resolver/` | the control socket through which the commands reach the daemon |

## Signals

| signal | the daemon |
|---|---|
| `SIGHUP` | reads the configuration again; a file that is not valid changes nothing |
| `SIGTERM`, `SIGINT` | answers what has arrived, writes the store, and ends |

## Examples

Ask as Postfix does, and then why the answer is what it is:

    mtasts-resolver query example.com
    mtasts-resolver explain example.com

Ask for a smart host, in the map for Postfix 3.10 and later:

    mtasts-resolver query --map tlsrpt '[relay.example.com]:587'

Check a changed configuration, and apply it:

    mtasts-resolver config check
    systemctl reload mtasts-resolver.service
"""


class Leaf(NamedTuple):
    """A command that does something, and no group."""

    words: str
    """What is typed after `mtasts-resolver`."""
    command: click.Command


def commands() -> Iterator[Leaf]:
    """Yield each command there is, in the order of `--help`."""
    return _below(main, "")


def command_reference() -> str:
    """Return the page of the commands, in Markdown."""
    return _HEAD + command_sections()


def command_sections() -> str:
    """Return what the page has in common with the manual page."""
    leaves = list(commands())
    common = _common_options(leaves)
    parts = [_BEGINNING, "\n## Commands\n\n| command | what it does |\n|---|---|\n"]
    parts += [f"| `{words}` | {_cell(summary(command))} |\n" for words, command in leaves]
    for leaf in leaves:
        parts += _describe_command(leaf, common)
    parts.append("\n## Common options\n\n")
    parts += _table(common)
    parts += ["\n", _END]
    return "".join(parts)


def summary(command: click.Command) -> str:
    """Return what `--help` says of the command in the list of all."""
    return command.get_short_help_str(limit=1_000)


def options(command: click.Command) -> list[click.Option]:
    """Return the options of the command that are shown; all have --help besides."""
    return [
        parameter
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
    ]


def _below(group: click.Group, before: str) -> Iterator[Leaf]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        words = f"{before} {name}".lstrip()
        if isinstance(command, click.Group):
            yield from _below(command, words)
        else:
            yield Leaf(words, command)


def _describe_command(leaf: Leaf, common: list[tuple[str, str]]) -> Iterator[str]:
    rows = [_row(option) for option in options(leaf.command)]
    yield f"\n### `{leaf.words}`\n\n    {_usage(leaf)}\n\n{_paragraphs(leaf.command)}\n"
    own = [row for row in rows if row not in common]
    if own:
        yield "\n"
        yield from _table(own)
    if shared := [_name(option) for option in options(leaf.command) if _row(option) in common]:
        yield f"\nCommon options: {', '.join(f'`{name}`' for name in shared)}.\n"


def _usage(leaf: Leaf) -> str:
    arguments = [_argument(of) for of in leaf.command.params if isinstance(of, click.Argument)]
    return " ".join(["mtasts-resolver", leaf.words, "[OPTION...]", *arguments])


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    if argument.nargs == -1 and not name.endswith("..."):
        name += "..."
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _paragraphs(command: click.Command) -> str:
    r"""Return the command's help in Markdown; click leaves alone a paragraph after \b."""
    text = inspect.cleandoc(command.help or "").partition("\f")[0]
    paragraphs = []
    for paragraph in text.split("\n\n"):
        mark, _, rest = paragraph.partition("\n")
        alone = "\n".join(f"    {line}" for line in rest.split("\n"))
        paragraphs.append(alone if mark == "\b" else paragraph)
    return "\n\n".join(paragraphs)


def _common_options(leaves: list[Leaf]) -> list[tuple[str, str]]:
    rows = [_row(option) for _, command in leaves for option in options(command)]
    seen = dict.fromkeys(row for row in rows if rows.count(row) >= _COMMON)
    return [*sorted(seen), ("`-h`, `--help`", "Show what the command does, and its options.")]


def _row(option: click.Option) -> tuple[str, str]:
    """Return how an option is written, and what it means."""
    spelt = [*option.opts, *option.secondary_opts]
    value = _value(option)
    names = ", ".join(f"`{name} {value}`" if value else f"`{name}`" for name in spelt)
    parts = [option.help or ""]
    if option.required:
        parts.append("Required.")
    if option.show_default and option.default is not None:
        parts.append(f"Default: `{option.default}`.")
    return names, " ".join(parts)


def _name(option: click.Option) -> str:
    return max(option.opts, key=len)


def _value(option: click.Option) -> str:
    if option.is_flag or option.count:
        return ""
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return option.type.name.upper()


def _table(rows: list[tuple[str, str]]) -> Iterator[str]:
    yield "| option | meaning |\n|---|---|\n"
    for names, meaning in rows:
        yield f"| {_cell(names)} | {_cell(meaning)} |\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    click.echo(command_reference(), nl=False)
