"""A report as a value."""

from msgspec import Struct


class ReportedFailure(Struct, frozen=True, kw_only=True):
    """Sessions that failed in one way."""

    result_type: str
    """Of RFC 8460 §4.3, or what the sender calls it."""
    mx: str
    """The receiving MX host; empty where it is not said."""
    sending_ip: str
    receiving_ip: str
    sessions: int
    reason: str
    """failure-reason-code, or else what there is for a person to read."""


class ReportedPolicy(Struct, frozen=True, kw_only=True):
    """What became of the sessions that one policy was applied to."""

    type: str
    """`sts`, `tlsa`, `no-policy-found`, or what the sender calls it; empty if it is not said."""
    domain: str
    """A-label form in lower case; with DANE it may be an MX host's. Empty if nothing tells."""
    mode: str
    """Of the MTA-STS policy; empty where its text is not in the report."""
    mx_patterns: tuple[str, ...]
    successful: int
    failed: int
    """By the summary. One session may fail in two ways: the sum of `failures` may be greater."""
    failures: tuple[ReportedFailure, ...]


class TlsReport(Struct, frozen=True, kw_only=True):
    """A report."""

    organization: str
    contact: str
    id: str
    start: float | None
    """Seconds since 1970, as `end`, which is not before it."""
    end: float | None
    domain: str
    """That it is about, from wherever that is known; empty if nothing tells."""
    policies: tuple[ReportedPolicy, ...]
    oddities: tuple[str, ...]
    """What breaks RFC 8460, in words, each once."""


class ReadReports(Struct, frozen=True):
    """What some bytes hold."""

    reports: tuple[TlsReport, ...]
    unread: tuple[str, ...]
    """What is not clear, in words; nothing of it is in a report."""
