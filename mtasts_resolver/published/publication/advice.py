"""What an administrator should know of a policy before it is out there."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from mtasts_resolver.findings import Finding, Severity, by_urgency
from mtasts_resolver.policy import Mode, is_hostname, matches
from mtasts_resolver.published.judge.meant import read
from mtasts_resolver.published.judge.mxhosts import (
    NOT_ALL_CHECKED,
    judge_mx_hosts,
)
from mtasts_resolver.published.judge.mxrecords import judge_mx_records
from mtasts_resolver.published.observed import Observed, SeenAddress, SeenHost
from mtasts_resolver.published.publication.policyfile import fitted_by_none
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


def pressing(findings: Iterable[Finding]) -> list[Finding]:
    """Return those that touch mail, or that say what is not known of it."""
    least = Severity.WARNING.rank
    return [
        each
        for each in findings
        if each.severity.rank >= least or each.code == NOT_ALL_CHECKED.code
    ]


def advice(observed: Observed, way: Way, publication: Publication) -> Iterator[str]:
    """Yield what is no fault, and better known."""
    policy = publication.policy
    yield from _broader(way, publication)
    yield from _elsewhere(observed, way, publication)
    if policy.mode is not Mode.NONE:
        yield from _under_another_name(observed)
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


def _elsewhere(observed: Observed, way: Way, publication: Publication) -> Iterator[str]:
    """Yield what it means that a policy is to name another's hosts one by one."""
    domain = observed.domain
    known = way.standing.shown.mx if way.standing.shown is not None else ()
    others = [
        host
        for host in observed.mx_hosts
        if host.name in publication.policy.mx and host.name not in known
        if host.name != domain and not host.name.endswith(f".{domain}")
    ]
    if not others:
        return
    names = [host.name for host in others]
    wildcards = [name for host in others for name in _certificate_names(host) if "*" in name]
    fitting = [name for name in dict.fromkeys(wildcards) if not fitted_by_none(names, [name])]
    hint = f" Its certificate is for {_listed(fitting)}." if fitting else ""
    yield (
        f"{_listed(names)}: where that is a provider's, it may add a host at any time. Name the"
        f" patterns that it tells its customers, with --mx.{hint}"
    )


def _under_another_name(observed: Observed) -> Iterator[str]:
    """Yield what can be done about hosts that have a certificate for their provider's name."""
    for host in observed.mx_hosts:
        tls = [address.tls for address in host.addresses if address.tls is not None]
        codes = {each.failure.code for each in tls if each.failure is not None}
        names = [name for name in _certificate_names(host) if is_hostname(name)]
        if "certificate-names-another" in codes and names:
            yield (
                f"{host.name} has a certificate for {_listed(names)}. Where a provider runs it"
                " under that name, have the MX record name it so: no policy makes up for it."
            )


def _certificate_names(host: SeenHost) -> list[str]:
    """Return what the certificates name that an MX host showed, each once."""
    names = (
        name
        for address in host.addresses
        if address.tls is not None and address.tls.certificate is not None
        for name in address.tls.certificate.dns_names
    )
    return list(dict.fromkeys(names))


def _listed(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
