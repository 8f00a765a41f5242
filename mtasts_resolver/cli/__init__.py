"""The command line: one module a command."""

import click

from mtasts_resolver import __version__
from mtasts_resolver.cli.config import config_group
from mtasts_resolver.cli.explain import explain
from mtasts_resolver.cli.query import query
from mtasts_resolver.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mtasts-resolver")
def main() -> None:
    """MTA-STS (RFC 8461) for Postfix: a policy server for smtp_tls_policy_maps.

    Exit codes: 0; 1 for a negative answer; 2 for wrong usage or configuration; 69 when the daemon
    cannot be reached; 75 for a temporary failure.
    """


for command in (serve, query, explain, config_group):
    main.add_command(command)
