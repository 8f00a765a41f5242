"""Spans of time on the command line, as the configuration spells them."""

from click import BadParameter
from click.types import FuncParamType

from mtasts_resolver.config import parse_duration


def _seconds(text: str) -> float:
    """Return the seconds of a text such as 7d or 12h."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise BadParameter(str(error)) from None


DURATION = FuncParamType(_seconds)
DURATION.name = "duration"  # shown in a command's help
