"""The zone of a report's times, and the domains that it is about: options of several commands."""

from datetime import tzinfo

import click

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.zones import zone_called, zone_of_host
from mtasts_resolver.policy import parse_next_hop


def parse_zone(_context: click.Context, _parameter: click.Parameter, name: str | None) -> tzinfo:
    """Read an option that names a zone: a callback of click's."""
    try:
        return zone_of_host() if name is None else zone_called(name)
    except InputError as error:
        raise click.BadParameter(str(error)) from None


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
