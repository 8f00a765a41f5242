"""`mtasts-resolver report`: whether mail is really protected, from logs."""

import click

from mtasts_resolver.cli.reporting.logs import report_logs
from mtasts_resolver.cli.reporting.mailing import report_mail
from mtasts_resolver.cli.reporting.tlsrpt import report_tlsrpt
from mtasts_resolver.cli.reporting.verify import report_verify


class _WithUsualCommand(click.Group):
    """A group whose usual command need not be named: `report FILE` is `report logs FILE`."""

    usual = "logs"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the usual command before what names no other, and asks for no help."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [self.usual, *args]
        return super().parse_args(ctx, args)


@click.group("report", cls=_WithUsualCommand)
def report_group() -> None:
    """Tell from logs how mail was really protected, and what that shows of controls.

    `report FILE...` is short for `report logs FILE...`; a file that is named as one of the commands
    is written with its directory, as in `./logs`.
    """


for _command in (report_logs, report_tlsrpt, report_verify, report_mail):
    report_group.add_command(_command)
