"""What `check` has found, as `--json` prints it: a stable shape."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from mtasts_resolver.cli import exit_codes
from mtasts_resolver.findings import Finding, Severity, by_urgency, worst
from mtasts_resolver.published.judge.before import SeenBefore
from mtasts_resolver.published.observed import Observed

CheckVerdict = Literal["ok", "note", "warning", "error", "unknown"]

_DAY = 86_400

EXIT_CODES: dict[CheckVerdict, int] = {
    "ok": 0,
    "note": 0,
    "warning": exit_codes.WARNINGS_FOUND,
    "unknown": exit_codes.TEMPORARY,
    "error": exit_codes.ERRORS_FOUND,
}
"""The better the verdict, the earlier it stands: what is not known may be worse than a warning."""


class DaemonCheck(Struct, frozen=True, kw_only=True):
    """When the daemon makes a check of one of its own domains."""

    checked: str | None
    """Null where it never was."""
    next: str | None
    """Null while that goes on."""
    trouble: str
    """Why the domain could not be checked since; empty where it could."""


class CheckedDomain(Struct, frozen=True, kw_only=True):
    """What a check has found of one domain."""

    domain: str
    verdict: CheckVerdict
    """The severity of the worst finding, or `unknown`."""
    reason: str = ""
    """Why nothing could be found out, where that is so."""
    errors: int = 0
    warnings: int = 0
    notes: int = 0
    findings: tuple[Finding, ...] = ()
    """The most urgent first."""
    observed: Observed | None = None
    """All that was seen; null where this host could not look."""
    before: SeenBefore | None = None
    """The policy that the daemon held, with which this one was compared."""
    before_unseen: str | None = None
    """Why it is not known what the daemon holds."""
    by_daemon: DaemonCheck | None = None
    """When the daemon made this check, where it is one of the daemon's."""


class CheckReport(Struct, frozen=True, kw_only=True):
    """What `check --json` prints."""

    verdict: CheckVerdict
    """The worst of all domains'."""
    exit_code: int
    domains: tuple[CheckedDomain, ...]
    """As they were named."""
    notes: tuple[str, ...] = ()
    """What is odd about how domains were named."""
    faults: tuple[str, ...] = ()
    """Lines of the file that name no domain."""
    interrupted: bool = False
    unchecked: tuple[str, ...] = ()
    """Domains whose check had not ended when it was interrupted."""


def checked(
    observed: Observed,
    findings: Iterable[Finding],
    *,
    before: SeenBefore | None = None,
    before_unseen: str | None = None,
    by_daemon: DaemonCheck | None = None,
) -> CheckedDomain:
    """Return what a check has found, with its verdict."""
    findings = tuple(by_urgency(findings))
    counts = Counter(finding.severity for finding in findings)
    reason = "" if observed.outage is None else observed.outage.reason
    return CheckedDomain(
        domain=observed.domain,
        verdict="unknown" if reason else worst(findings).value,
        reason=reason,
        errors=counts[Severity.ERROR],
        warnings=counts[Severity.WARNING],
        notes=counts[Severity.NOTE],
        findings=findings,
        observed=observed,
        before=before,
        before_unseen=before_unseen,
        by_daemon=by_daemon,
    )


def worst_verdict(domains: Iterable[CheckedDomain]) -> CheckVerdict:
    """Return the worst verdict of all; `ok` where there is none."""
    order = list(EXIT_CODES)
    return max((one.verdict for one in domains), key=order.index, default="ok")


def reaches_no_mx_host(domains: Iterable[CheckedDomain]) -> bool:
    """Tell whether of several domains no MX host could be reached: it is not they who are down."""
    seen = [one.observed for one in domains if one.observed is not None]
    visited = [each for each in seen if each.smtp and each.mx_hosts]
    return len(visited) > 1 and all(each.smtp_blocked for each in visited)


def days_left(observed: Observed) -> float | None:
    """Return how many days are left of the certificate that expires first."""
    return min(_days(observed), default=None)


def _days(observed: Observed) -> Iterator[float]:
    for host in (observed.policy_host, *observed.mx_hosts):
        for address in host.addresses:
            if address.tls is not None and address.tls.certificate is not None:
                left = address.tls.certificate.not_after - observed.at
                yield left.total_seconds() / _DAY
