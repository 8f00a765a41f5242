"""What a check amounts to, in a line: for a person, a pipe and monitoring alike."""

from mtasts_resolver.cli.checked.results import CheckedDomain
from mtasts_resolver.published.judge.meant import read
from mtasts_resolver.published.observed import Observed


def counted(count: int, what: str) -> str:
    """Return how many there are of what has a plural in -s."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def verdict_words(one: CheckedDomain) -> str:
    """Say how a domain is: what was found, and in which state it is."""
    if one.by_daemon is not None and one.by_daemon.checked is None:
        return one.reason
    if one.reason or one.observed is None:
        return f"nothing can be found out: {one.reason}"
    found = finding_counts(one)
    return f"{found or 'nothing to mend'}; {state(one.observed)}"


def finding_counts(one: CheckedDomain) -> str:
    """Return how many findings there are of each severity that there is any of."""
    counts = ((one.errors, "error"), (one.warnings, "warning"), (one.notes, "note"))
    return ", ".join(counted(count, what) for count, what in counts if count)


def state(observed: Observed) -> str:
    """Say what the domain asks of senders."""
    hosts = len(observed.mx_hosts) + observed.more_mx_hosts
    return f"{mode_words(observed)}, {counted(hosts, 'MX host')}, DANE {observed.dane}"


def mode_words(observed: Observed) -> str:
    """Say which mode senders find."""
    meant = read(observed)
    if meant.policy is not None:
        return f"mode {meant.policy.mode}"
    return "no policy record" if meant.record is None else "no usable policy"


def mode(observed: Observed) -> str:
    """Return the mode that senders find; empty where they find no policy."""
    policy = read(observed).policy
    return "" if policy is None else policy.mode.value
