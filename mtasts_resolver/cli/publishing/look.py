"""What is out there of a domain, before anything is written for it."""

import asyncio

from mtasts_resolver.cli.errors import CommandError, TemporaryError, config_errors
from mtasts_resolver.cli.mistakes import mistake_in_key
from mtasts_resolver.cli.progress import spinner
from mtasts_resolver.config import Config
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.policy import parse_next_hop
from mtasts_resolver.published.observe import Observer
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.published.publication import Wishes


def policy_domain(text: str) -> str:
    """Return the domain that is meant, as DNS has it; or end with what is odd about it."""
    hop = parse_next_hop(text)
    if hop is None:
        mistake = mistake_in_key(text)
        raise CommandError(mistake.about(text) if mistake else f"{text!a} is no domain")
    if hop.is_host or ":" in text:
        raise CommandError(
            f"{text!a} is a next hop; a domain publishes: mtasts-resolver publish {hop.domain}"
        )
    return hop.domain


def see_domain(config: Config, domain: str, wishes: Wishes, *, smtp: bool) -> Observed:
    """Return what is out there; or end where too little is known to write anything."""
    with config_errors(), spinner() as tell:
        try:
            observed = asyncio.run(
                Observer.configured(config).observe(domain, smtp=smtp, tell=tell)
            )
        except ShortageError as error:
            raise TemporaryError(f"nothing can be found out about {domain} now: {error}") from None
    _end_without_records(observed, wishes)
    _end_without_hosts(observed, wishes)
    return observed


def _end_without_records(observed: Observed, wishes: Wishes) -> None:
    """End where DNS does not say what is published: what is written next depends on it."""
    for seen in (observed.record, observed.reports):
        unneeded = seen is observed.reports and wishes.reports
        if seen.failure is not None and not unneeded:
            raise TemporaryError(
                f"{seen.name} cannot be looked up, and without it nobody knows what is published:"
                f" {seen.failure.reason}. Try again later."
            )
    host = observed.policy_host
    if host.failure is not None and not host.addresses and host.failure.code.startswith("dns-"):
        raise TemporaryError(
            f"{host.name} cannot be looked up, and without it nobody knows whether a policy is"
            f" served: {host.failure.reason}. Try again later."
        )


def _end_without_hosts(observed: Observed, wishes: Wishes) -> None:
    """End where the MX hosts are not known, unless they do not matter."""
    if wishes.retire:
        return
    domain, failure = observed.domain, observed.mx_failure
    if observed.more_mx_hosts and not wishes.mx:
        many = len(observed.mx_hosts) + observed.more_mx_hosts
        raise CommandError(
            f"{domain} has {many} MX hosts, more than are looked at: name them by patterns, --mx"
        )
    if failure is None:
        return
    if failure.code == "mx-null":
        if not wishes.mx:
            raise CommandError(
                f"{domain} takes no mail: its MX record is null (RFC 7505). It needs no policy; one"
                " that it has goes with --retire. If mail is to come, name the MX hosts with --mx."
            )
    elif failure.code == "domain-unknown":
        if not wishes.mx:
            raise CommandError(
                f"DNS does not know {domain}: {failure.reason}. Is the name right? For a domain"
                " that is to be, name its MX hosts with --mx."
            )
    else:
        raise TemporaryError(
            f"the MX records of {domain} cannot be looked up: {failure.reason}. Try again later."
        )
