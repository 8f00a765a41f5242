"""All that is judged of smtp(8), one subject after the other."""

from collections.abc import Iterator

from mtasts_resolver.doctor.instance import PostfixInstance
from mtasts_resolver.doctor.outbound import (
    authorities,
    evidence,
    levels,
    nexthops,
    policymaps,
    protocols,
    reports,
    versions,
)
from mtasts_resolver.doctor.outbound.client import clients
from mtasts_resolver.doctor.outbound.nexthops import NamedHop
from mtasts_resolver.doctor.surroundings import Surroundings
from mtasts_resolver.findings import Finding


def judge_outbound(
    instance: PostfixInstance, around: Surroundings, hops: tuple[NamedHop, ...] = ()
) -> Iterator[Finding]:
    """Yield what is wrong with how an instance sends mail; nothing where it sends none."""
    for client in clients(instance, around):
        yield from policymaps.judge_tables(client)
        yield from versions.judge_version(client)
        yield from levels.judge_level(client)
        yield from authorities.judge_authorities(client)
        yield from protocols.judge_protocols(client)
        yield from reports.judge_reports(client)
        yield from nexthops.judge_next_hops(client, hops)
        yield from evidence.judge_evidence(client)
