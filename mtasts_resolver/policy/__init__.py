"""MTA-STS without I/O, clock or log: values in, values out (RFC 8461)."""

from mtasts_resolver.policy.dane import Dane, DaneFinding, MxHost, Outcome, judge_hosts
from mtasts_resolver.policy.document import (
    MAX_DOCUMENT_BYTES,
    MAX_MAX_AGE,
    MAX_MX_PATTERNS,
    DocumentError,
    Mode,
    Policy,
    document_fields,
    parse_document,
    parse_text,
)
from mtasts_resolver.policy.hostname import is_hostname, is_mx_pattern, matches
from mtasts_resolver.policy.key import MAX_DOMAIN_LENGTH, NextHop, parse_next_hop
from mtasts_resolver.policy.record import (
    PolicyRecord,
    RecordError,
    is_policy_id,
    parse_record,
    select_record,
    split_fields,
)
from mtasts_resolver.policy.reportrecord import (
    ReportRecord,
    parse_report_record,
    select_report_record,
)
from mtasts_resolver.policy.verdict import Level, StsFinding, Verdict, decide, is_enforced
from mtasts_resolver.policy.weakening import (
    Weakening,
    outside,
    weakened_by_change,
    weakened_by_dane,
    weakened_by_loss,
)

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "MAX_DOMAIN_LENGTH",
    "MAX_MAX_AGE",
    "MAX_MX_PATTERNS",
    "Dane",
    "DaneFinding",
    "DocumentError",
    "Level",
    "Mode",
    "MxHost",
    "NextHop",
    "Outcome",
    "Policy",
    "PolicyRecord",
    "RecordError",
    "ReportRecord",
    "StsFinding",
    "Verdict",
    "Weakening",
    "decide",
    "document_fields",
    "is_enforced",
    "is_hostname",
    "is_mx_pattern",
    "is_policy_id",
    "judge_hosts",
    "matches",
    "outside",
    "parse_document",
    "parse_next_hop",
    "parse_record",
    "parse_report_record",
    "parse_text",
    "select_record",
    "select_report_record",
    "split_fields",
    "weakened_by_change",
    "weakened_by_dane",
    "weakened_by_loss",
]
