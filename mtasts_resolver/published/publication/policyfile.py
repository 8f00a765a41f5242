"""The policy file: what is written, so that every sender reads what is meant."""

from collections.abc import Iterable

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.policy import (
    MAX_MAX_AGE,
    MAX_MX_PATTERNS,
    Mode,
    Policy,
    is_mx_pattern,
    matches,
    parse_document,
)

WELL_KNOWN = ".well-known/mta-sts.txt"
"""The path of the policy file (RFC 8461 §3.3)."""

LINE_END = "\r\n"
"""Every sender reads it: the text of RFC 8461 §3.2 knows no other, its grammar LF as well."""


class PublicationError(ValueError):
    """What was asked for cannot be published; the text says why, and what to do."""


def write_policy(mode: Mode, max_age: int, mx: Iterable[str]) -> Policy:
    """Return the policy with its document (RFC 8461 §3.2). Raise PublicationError.

    The document was read back: `mx` is as senders see it, in lower case and each pattern once.
    """
    if not 0 <= max_age <= MAX_MAX_AGE:
        raise PublicationError(
            f"max_age is {max_age} seconds: RFC 8461 §3.2 allows 0 to {MAX_MAX_AGE:,}, a year"
        )
    patterns = tuple(dict.fromkeys(pattern.lower().removesuffix(".") for pattern in mx))
    for pattern in patterns:
        if not is_mx_pattern(pattern):
            raise PublicationError(f"{quote(pattern)} is no host name, and no '*.' and a host name")
    if len(patterns) > MAX_MX_PATTERNS:
        raise PublicationError(
            f"{len(patterns)} mx patterns are more than senders read: {MAX_MX_PATTERNS} at most;"
            " name the hosts by a pattern, --mx '*.example.com'"
        )
    if not patterns and mode is not Mode.NONE:
        raise PublicationError(f"a policy in mode {mode} names an MX host at least")
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {mx}" for mx in patterns)]
    document = "".join(f"{line}{LINE_END}" for line in [*lines, f"max_age: {max_age}"])
    return parse_document(document.encode())


def means_the_same(one: Policy, other: Policy) -> bool:
    """Tell whether two documents ask the same of senders, however they are written."""
    return (one.mode, one.max_age, set(one.mx)) == (other.mode, other.max_age, set(other.mx))


def fits_any(host: str, patterns: Iterable[str]) -> bool:
    """Tell whether an MX host fits one of the patterns at least (RFC 8461 §4.1)."""
    return any(matches(host, pattern) for pattern in patterns)


def fitted_by_none(hosts: Iterable[str], patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the MX hosts that fit no pattern: strict senders would hold mail for them."""
    patterns = tuple(patterns)
    return tuple(host for host in hosts if not fits_any(host, patterns))


def without_host(patterns: Iterable[str], hosts: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns that no MX host fits."""
    hosts = tuple(hosts)
    return tuple(
        pattern for pattern in patterns if not any(matches(host, pattern) for host in hosts)
    )
