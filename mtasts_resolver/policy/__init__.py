"""MTA-STS without I/O, clock or log: values in, values out (RFC 8461)."""

from mtasts_resolver.policy.document import DocumentError, Mode, Policy, parse_document
from mtasts_resolver.policy.hostname import is_hostname, is_mx_pattern, matches
from mtasts_resolver.policy.key import policy_domain
from mtasts_resolver.policy.record import PolicyRecord, RecordError, select_record
from mtasts_resolver.policy.verdict import Dane, Level, StsFinding, Verdict, decide

__all__ = [
    "Dane",
    "DocumentError",
    "Level",
    "Mode",
    "Policy",
    "PolicyRecord",
    "RecordError",
    "StsFinding",
    "Verdict",
    "decide",
    "is_hostname",
    "is_mx_pattern",
    "matches",
    "parse_document",
    "policy_domain",
    "select_record",
]
