"""What this version of Postfix can do with our answers."""

from collections.abc import Iterator

from mtasts_resolver.doctor.outbound.client import REPORTING_SINCE, TABLES, Client, shown_value
from mtasts_resolver.doctor.outbound.mending import mended
from mtasts_resolver.findings import Finding, FindingKind, Severity

SERVERNAME_SINCE = (3, 4)
PATTERNS_SINCE = (3, 10, 5)
PATTERNS = "tls_enforce_sts_mx_patterns"

TOO_OLD = FindingKind(
    code="postfix-too-old",
    severity=Severity.ERROR,
    title="this Postfix does not know what the answers hold",
    matters="This Postfix does not know `servername`, and defers all mail to domains that enforce a"
    " policy.",
    action="Use Postfix 3.4 or later; until then set `sni: false` for the map in the daemon's"
    " configuration.",
)
REPORTING_TOO_EARLY = FindingKind(
    code="reporting-map-before-3.10",
    severity=Severity.ERROR,
    title="the map's answers are for Postfix 3.10 and later",
    matters="This Postfix does not know the attributes for TLSRPT, and defers all mail to domains"
    " that enforce a policy.",
    action="Ask a map without `tlsrpt: true`.",
)
NOT_REPORTING = FindingKind(
    code="plain-map-since-3.10",
    severity=Severity.NOTE,
    title="this Postfix could be told the policy itself",
    matters="With the policy in the answer it compares the MX host's name with the mx patterns, and"
    " can report. Without, a host outside the policy passes if its certificate also names one"
    " inside.",
    action="Ask a map with `tlsrpt: true`.",
)
PATTERNS_LATER = FindingKind(
    code="mx-patterns-not-compared",
    severity=Severity.NOTE,
    title="this Postfix does not compare MX hosts with the policy's patterns",
    matters="A host outside the policy passes if its certificate also names one inside.",
    action="Use Postfix 3.10.5 or later.",
)
PATTERNS_OFF = FindingKind(
    code="mx-patterns-ignored",
    severity=Severity.WARNING,
    title="Postfix is told not to compare MX hosts with the policy's patterns",
    matters="A host outside the policy passes if its certificate also names one inside.",
    action="Let it have its default, `yes`.",
)

KINDS = (TOO_OLD, REPORTING_TOO_EARLY, NOT_REPORTING, PATTERNS_LATER, PATTERNS_OFF)


def judge_version(client: Client) -> Iterator[Finding]:
    """Yield where map and version do not go together."""
    table, options, instance = client.our_table, client.options, client.instance
    if table is None or options is None:
        return
    about = client.about(client.name(TABLES))
    found = f"Postfix {instance.version_text} asks `{shown_value(table.text)}`"
    if client.judges(TABLES):
        if options.sni and instance.version < SERVERNAME_SINCE:
            yield TOO_OLD.found(about, found)
        if options.tlsrpt != (instance.version >= REPORTING_SINCE):
            kind = REPORTING_TOO_EARLY if options.tlsrpt else NOT_REPORTING
            yield kind.found(about, found, commands=mended(client, other_map=True))
    if options.tlsrpt and instance.version >= REPORTING_SINCE:
        yield from _patterns(client)


def _patterns(client: Client) -> Iterator[Finding]:
    name, instance = client.name(PATTERNS), client.instance
    if not instance.knows(name):
        if client.service is None:
            yield PATTERNS_LATER.found(
                f"Postfix {instance.version_text}", f"it does not know {name}"
            )
    elif client.judges(PATTERNS) and client.value(PATTERNS) != "yes":
        yield PATTERNS_OFF.found(
            client.about(name), client.said(name), commands=client.set(**{PATTERNS: "yes"})
        )
