"""From bytes to reports (RFC 8460 §4).

RFC 8460 §4.4 gives the form; senders give others. A person who reads such a report mostly knows
what is meant, and that is the measure here: what is clear is read and noted as odd, what is not is
named as unread. No count is made up: where the summary has none, it is of the failures below it.
"""

from collections.abc import Iterator

import msgspec

from mtasts_resolver.tlsrpt.about import ReportHints, a_label, domain_in_report_id
from mtasts_resolver.tlsrpt.fields import Fields, Oddities
from mtasts_resolver.tlsrpt.jsontext import JsonProblem, decoded_text, json_values
from mtasts_resolver.tlsrpt.kinds import POLICY_TYPES, policy_type
from mtasts_resolver.tlsrpt.limits import MAX_POLICIES, MAX_POLICY_TEXT, MAX_REPORT_BYTES
from mtasts_resolver.tlsrpt.moments import last_of, read_moment
from mtasts_resolver.tlsrpt.outcomes import read_failures, session_totals
from mtasts_resolver.tlsrpt.values import ReadReports, ReportedPolicy, TlsReport

# RFC 8460 §4.1 has reports cover a day. An hour more is one of a day on which clocks are set back.
_LONGEST = 25 * 3600
_SHOWN = 40  # characters of a value that is named: enough to recognise it
_NO_HINTS = ReportHints()


def read_reports(data: bytes, hints: ReportHints = _NO_HINTS) -> ReadReports:
    """Return the reports that `data` holds: one, or several behind each other or in a list."""
    if len(data) > MAX_REPORT_BYTES:
        return ReadReports((), (f"it is larger than {MAX_REPORT_BYTES // 2**20} MiB",))
    reports: list[TlsReport] = []
    unread: list[str] = []
    text, oddity = decoded_text(data)
    for found in json_values(text):
        if isinstance(found, JsonProblem):
            unread.append(found.words)
            continue
        for item in found.value if isinstance(found.value, list) else [found.value]:
            read = _report(item, hints, Oddities((oddity, *found.oddities)))
            if isinstance(read, TlsReport):
                reports.append(read)
            else:
                unread.append(read)
    if not reports and not unread:
        unread.append("there is nothing in it")
    return ReadReports(tuple(reports), tuple(unread))


def _report(members: object, hints: ReportHints, odd: Oddities) -> TlsReport | str:
    """Return the report that a value is, or why it is none."""
    if not isinstance(members, dict):
        return f"it is no JSON object: {str(members)[:_SHOWN]!a}"
    fields = Fields(members, odd)
    if "pr" in members and "d" in members:
        # What Postfix tells the collector of its own host, session by session.
        domain = str(members["d"])[:_SHOWN]
        return (
            f"it is no report, but a datagram of libtlsrpt on a session to {domain!a}: what a mail"
            " server tells its own collector"
        )
    if "policies" not in fields:
        return "it is no TLS report: it has no policies"
    organization = fields.text("organization-name", needed=True)
    if not organization and hints.submitter:
        organization = hints.submitter
        odd(f"organization-name is taken from {hints.source}")
    contact = fields.text("contact-info", needed=True)
    report_id = fields.text("report-id", needed=True)
    start, end = _period(fields, odd)
    about = hints.domain or domain_in_report_id(report_id)
    source = hints.source if hints.domain else "report-id"
    policies = tuple(_policies(fields, about, source, odd))
    return TlsReport(
        organization=organization,
        contact=contact,
        id=report_id,
        start=start,
        end=end,
        domain=hints.domain or _main_domain(policies) or about,
        policies=policies,
        oddities=tuple(odd),
    )


def _period(fields: Fields, odd: Oddities) -> tuple[float | None, float | None]:
    """Return the first and the last second that a report covers."""
    within = fields.within("date-range") if "date-range" in fields else fields
    found: list[float] = []
    for name, of in (("start-datetime", lambda moment: moment.seconds), ("end-datetime", last_of)):
        value = within.value(name)
        moment = read_moment(value)
        if moment is not None:
            if moment.oddity:
                odd(f"{name} {moment.oddity}")
            found.append(of(moment))
        elif value is None:
            odd(f"{name} is missing")
        else:
            odd(f"{name} is no time: {str(value)[:_SHOWN]!a}")
    if not found:
        return None, None
    start, end = found[0], found[-1]
    if end < start:
        odd("end-datetime is before start-datetime")
        start, end = end, start
    elif end - start > _LONGEST:
        odd("date-range is longer than a day")
    return start, end


def _main_domain(policies: tuple[ReportedPolicy, ...]) -> str:
    """Return the domain that a report is about: of a policy for DANE it may be an MX host's."""
    by_mail = [policy.domain for policy in policies if policy.type != "tlsa"]
    return next(filter(None, [*by_mail, *(policy.domain for policy in policies)]), "")


def _policies(fields: Fields, about: str, source: str, odd: Oddities) -> Iterator[ReportedPolicy]:
    found = fields.objects("policies")
    if not found:
        odd("policies is empty")
    if len(found) > MAX_POLICIES:
        odd(f"policies has more than {MAX_POLICIES:,} items: what is beyond is not counted")
    for members in found[:MAX_POLICIES]:
        outer = Fields(members, odd)
        inner = outer.within("policy") if "policy" in outer else outer
        kind = _type(inner, odd)
        lines = _policy_lines(inner, odd)
        failures = tuple(read_failures(outer, odd))
        successful, failed = session_totals(outer, failures, odd)
        yield ReportedPolicy(
            type=kind,
            domain=_domain(inner, about, source, odd),
            mode=_mode(lines),
            mx_patterns=_mx_patterns(inner, lines, odd),
            successful=successful,
            failed=failed,
            failures=failures,
        )


def _type(fields: Fields, odd: Oddities) -> str:
    word = fields.text("policy-type", needed=True)
    known = policy_type(word)
    if known is None and word:
        odd(f"policy-type is none of {', '.join(POLICY_TYPES)}: {word[:_SHOWN]!a}")
    elif known is not None and known != word:
        odd(f"policy-type {known} is written {word[:_SHOWN]!a}")
    return known or word


def _domain(fields: Fields, about: str, source: str, odd: Oddities) -> str:
    word = fields.text("policy-domain")
    domain = a_label(word)
    if domain:
        if not word.isascii():
            odd("policy-domain is no A-label")  # RFC 8460 §4.4
        return domain
    what = f"is no domain: {word[:_SHOWN]!a}" if word else "is missing"
    odd(f"policy-domain {what}; taken from {source}" if about else f"policy-domain {what}")
    return about


def _policy_lines(fields: Fields, odd: Oddities) -> tuple[str, ...]:
    lines = fields.texts("policy-string", MAX_POLICY_TEXT)
    if len(lines) == 1 and lines[0].startswith("["):
        try:
            lines = tuple(msgspec.json.decode(lines[0], type=list[str]))
        except msgspec.DecodeError:
            odd("policy-string is a list that was cut, or is none")
        else:
            odd("policy-string is a list within a text")
    return lines


def _mode(lines: tuple[str, ...]) -> str:
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().lower() == "mode" and value.strip().isalpha():
            return value.strip().lower()
    return ""


def _mx_patterns(fields: Fields, lines: tuple[str, ...], odd: Oddities) -> tuple[str, ...]:
    """Return the mx patterns: those of mx-host, else those of the policy's text."""
    patterns = []
    for pattern in fields.texts("mx-host"):
        bare = pattern
        if pattern.lower().startswith("mx:"):
            bare = pattern[3:].strip()
            odd("mx-host begins with 'mx:'")
        patterns.append(bare.lower())
    if not patterns:
        named = (line.partition(":") for line in lines)
        patterns = [value.strip().lower() for name, _, value in named if name.strip() == "mx"]
    return tuple(filter(None, patterns))
