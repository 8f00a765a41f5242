"""What a program gets of a check: lines with tabs in a pipe, and the one line of a plug-in."""

from collections.abc import Iterator, Mapping, Sequence

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli.checked.hosts import NONE, host_lines
from mtasts_resolver.cli.checked.results import (
    CheckedDomain,
    CheckVerdict,
    days_left,
    worst_verdict,
)
from mtasts_resolver.cli.checked.words import counted, finding_counts, mode, verdict_words
from mtasts_resolver.cli.monitoring import (
    CRITICAL,
    OK,
    UNKNOWN,
    WARNING,
    PluginLine,
    performance_data,
)

_LEVELS: dict[CheckVerdict, int] = {
    "ok": OK,
    "note": OK,
    "warning": WARNING,
    "unknown": UNKNOWN,
    "error": CRITICAL,
}
_NAMED = 5  # domains in the line of a plug-in, which is to be read on a telephone


def plain_lines(one: CheckedDomain) -> Iterator[str]:
    """Yield the lines of one domain: `verdict`, each `host` or address, and each `finding`."""
    observed = one.observed
    known = observed is not None and not one.reason
    days = None if observed is None else days_left(observed)
    yield _line(
        "verdict",
        one.domain,
        one.verdict,
        str(one.errors),
        str(one.warnings),
        str(one.notes),
        mode(observed) if observed is not None and known else "",
        observed.dane if observed is not None and known else "",
        "" if days is None else f"{days:.1f}",
        one.reason,
    )
    for host in host_lines(observed) if observed is not None and known else ():
        yield _line(
            "host",
            one.domain,
            host.role,
            host.host,
            host.preference,
            host.address,
            host.version.text,
            host.certificate.text,
            host.days.text,
            host.policy.text,
            host.dane.text,
            host.trouble,
        )
    for finding in one.findings:
        yield _line(
            "finding",
            one.domain,
            finding.severity,
            finding.code,
            finding.about,
            finding.found,
            finding.action,
            "; ".join(finding.commands),
        )


def _line(*cells: str) -> str:
    return "\t".join(escaped(cell) or NONE for cell in cells)


def check_plugin_line(
    domains: Sequence[CheckedDomain], titles: Mapping[str, str], faults: Sequence[str] = ()
) -> PluginLine:
    """Return what monitoring is told of all domains together."""
    level = _LEVELS[worst_verdict(domains)]
    if faults and level != CRITICAL:
        level = UNKNOWN
    bad = sorted(
        (one for one in domains if _LEVELS[one.verdict] != OK),
        key=lambda one: -list(_LEVELS).index(one.verdict),
    )
    if not domains:
        words = "nothing was checked"
    elif len(domains) == 1:
        words = (
            _bad_words(domains[0], titles)
            if bad
            else f"{domains[0].domain}: {verdict_words(domains[0])}"
        )
    elif bad:
        named = [_bad_words(one, titles) for one in bad[:_NAMED]]
        named += [f"and {len(bad) - _NAMED} more"] if len(bad) > _NAMED else []
        words = f"{len(bad)} of {len(domains)} domains: {'; '.join(named)}"
    else:
        words = f"{counted(len(domains), 'domain')}, nothing to mend"
    return PluginLine(level, escaped("; ".join([*faults[:1], words])), _performance(domains))


def _bad_words(one: CheckedDomain, titles: Mapping[str, str]) -> str:
    """Say what is worst, and how much more there is."""
    if one.reason or not one.findings:
        return f"{one.domain}: {verdict_words(one)}"
    worst = one.findings[0]
    about = f"{worst.about}: " if worst.about != one.domain else ""
    return f"{one.domain}: {about}{titles.get(worst.code, worst.found)} ({finding_counts(one)})"


def _performance(domains: Sequence[CheckedDomain]) -> str:
    values: dict[str, object] = {}
    left = [
        days for one in domains if one.observed and (days := days_left(one.observed)) is not None
    ]
    if left:
        values["days_left"] = f"{max(0.0, min(left)):.1f}"
    return performance_data(
        values
        | {
            "errors": sum(one.errors for one in domains),
            "warnings": sum(one.warnings for one in domains),
            "notes": sum(one.notes for one in domains),
            "unknown": sum(one.verdict == "unknown" for one in domains),
            "domains": len(domains),
        }
    )
