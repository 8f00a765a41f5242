"""Spans of time on the command line, as the configuration spells them."""

import click

from mtasts_resolver.config import parse_duration


class Duration(click.ParamType[float]):
    """Seconds, from a text such as 7d or 12h."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Duration()
