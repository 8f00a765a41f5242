"""Domains of one's own: the only ones that are labels, for their number is bounded."""

from collections.abc import Iterator

from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.views.metrics.kinds import Metric, Sample, Seen, counter
from mtasts_resolver.control.views.owndomains import own_checks
from mtasts_resolver.owndomains.checking import OwnStanding

# MX hosts of a domain whose certificates are shown, the most preferred ones; its policy host comes
# first. Few have more than five.
MAX_SHOWN_HOSTS = 20


def _standings(seen: Seen) -> Iterator[OwnStanding]:
    checks = own_checks(seen.sources)
    return iter(()) if checks is None else iter(checks)


def _certificates(seen: Seen) -> Iterator[Sample]:
    for standing in _standings(seen):
        if standing.last is not None:
            ends: dict[str, float] = {}  # of a policy host that takes mail, too, the sooner one
            for shown in standing.last.certificates[:MAX_SHOWN_HOSTS]:
                end = shown.certificate.not_after.timestamp()
                ends[shown.host] = min(end, ends.get(shown.host, end))
            for host, end in ends.items():
                yield (standing.options.domain, host), end


def _findings(seen: Seen) -> Iterator[Sample]:
    for standing in _standings(seen):
        if standing.last is not None:
            for severity in ("error", "warning", "note"):
                labels = (standing.options.domain, severity)
                yield labels, standing.last.counts[f"{severity}s"]


def _checked(seen: Seen) -> Iterator[Sample]:
    for standing in _standings(seen):
        if standing.last is not None:
            yield (standing.options.domain,), standing.last.checked.timestamp()


def _not_checked(seen: Seen) -> Iterator[Sample]:
    for standing in _standings(seen):
        yield (standing.options.domain,), bool(standing.trouble)


def _notify_failures(sources: Sources) -> float:
    work = sources.own_domains.work
    return 0 if work is None else work.notify.failures


OWN_DOMAINS = (
    Metric(
        "mtasts_resolver_own_domain_certificate_expiry_timestamp_seconds",
        "gauge",
        "When the certificate expires that a host of one of own_domains showed last: its policy"
        " host, or an MX host.",
        ("domain", "host"),
        _certificates,
    ),
    Metric(
        "mtasts_resolver_own_domain_findings",
        "gauge",
        "What is wrong with one of own_domains, by how bad it is.",
        ("domain", "severity"),
        _findings,
    ),
    Metric(
        "mtasts_resolver_own_domain_checked_timestamp_seconds",
        "gauge",
        "When one of own_domains was checked last.",
        ("domain",),
        _checked,
    ),
    Metric(
        "mtasts_resolver_own_domain_not_checked",
        "gauge",
        "Whether one of own_domains could not be checked since, through no fault of its own.",
        ("domain",),
        _not_checked,
    ),
    counter(
        "notify_failures",
        "How often the program of `notify` failed.",
        _notify_failures,
    ),
)
