"""What a report is about, its times and its domains: options of several commands."""

from datetime import UTC, datetime, tzinfo

import click

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.cli.moments import parse_moment
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.zones import zone_called, zone_of_host
from mtasts_resolver.policy import parse_next_hop


def _parse_zone(_context: click.Context, _parameter: click.Parameter, name: str | None) -> tzinfo:
    try:
        return zone_of_host() if name is None else zone_called(name)
    except InputError as error:
        raise click.BadParameter(str(error)) from None


def _parse_time(
    context: click.Context, _parameter: click.Parameter, text: str | None
) -> datetime | None:
    zone: tzinfo = context.params["zone"]
    try:
        now = datetime.now(UTC)
        return None if text is None else parse_moment(text, now, zone).astimezone(zone)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


zone_option = click.option(
    "--zone",
    metavar="NAME",
    callback=_parse_zone,
    is_eager=True,  # the other times are of it
    help="The zone of times that say none, and of those that are shown: Europe/Berlin, UTC,"
    " +01:00; unset: this host's.",
)
since_option = click.option("--since", metavar="TIME", callback=_parse_time, help="From then on.")
until_option = click.option("--until", metavar="TIME", callback=_parse_time, help="To before then.")


def parse_domains(
    _context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[str, ...]:
    """Read an option that names domains: a callback of click's."""
    found = []
    for word in words:
        hop = parse_next_hop(word)
        if hop is None or hop.is_host:
            raise click.BadParameter(f"{quote(word)} is no domain")
        found.append(hop.domain)
    return tuple(found)
