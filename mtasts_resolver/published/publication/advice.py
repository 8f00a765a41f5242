"""What an administrator should know of a policy before it is out there."""

from collections.abc import Iterator

from msgspec.structs import replace

from mtasts_resolver.findings import Finding, by_urgency
from mtasts_resolver.policy import Mode, matches
from mtasts_resolver.published.judge.meant import read
from mtasts_resolver.published.judge.mxhosts import judge_mx_hosts
from mtasts_resolver.published.judge.mxrecords import judge_mx_records
from mtasts_resolver.published.observed import Observed, SeenAddress
from mtasts_resolver.published.publication.standing import Stage
from mtasts_resolver.published.publication.wanted import Publication
from mtasts_resolver.published.publication.way import Way

NAMED = 5  # hosts; a person reads no more in a sentence


def foreseen(observed: Observed, publication: Publication) -> list[Finding]:
    """Return what `check` would find of the MX hosts if this were published, the worst first."""
    served = SeenAddress(address="", document=publication.policy.document)
    then = replace(
        observed,
        record=replace(observed.record, texts=(publication.record_text,), more=0, failure=None),
        policy_host=replace(observed.policy_host, addresses=(served,), more_addresses=0),
    )
    meant = read(then)
    return by_urgency([*judge_mx_records(then, meant), *judge_mx_hosts(then, meant)])


def advice(observed: Observed, way: Way, publication: Publication) -> Iterator[str]:
    """Yield what is no fault, and better known."""
    policy = publication.policy
    yield from _broader(way, publication)
    yield from _elsewhere(observed.domain, way, publication)
    begins = way.standing.stage in (Stage.NOTHING, Stage.SERVED)
    if policy.mode is Mode.ENFORCE and begins:
        yield (
            "Without a time in mode testing nobody has told you whether all mail gets through:"
            " --mode testing begins with that."
        )


def _broader(way: Way, publication: Publication) -> Iterator[str]:
    for pattern in publication.policy.mx:
        hosts = [host for host in way.standing.hosts if matches(host, pattern)]
        if pattern.startswith("*.") and hosts:
            yield (
                f"{pattern} fits every host one label below {pattern[2:]}, whoever runs it. To name"
                f" only those that get mail: {' '.join(f'--mx {host}' for host in hosts[:NAMED])}"
            )


def _elsewhere(domain: str, way: Way, publication: Publication) -> Iterator[str]:
    """Yield what it means that a policy is to name another's hosts one by one."""
    known = way.standing.shown.mx if way.standing.shown is not None else ()
    others = [
        host
        for host in way.standing.hosts
        if host in publication.policy.mx and host not in known
        if host != domain and not host.endswith(f".{domain}")
    ]
    if others:
        yield (
            f"{_listed(others)}: where that is a provider's, it knows what its certificates name,"
            " and may add a host at any time. Name the patterns that it tells its customers, with"
            " --mx."
        )


def _listed(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
