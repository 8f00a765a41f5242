"""What other senders report of TLS to us (RFC 8460), and not always as the RFC has it.

`read_reports` makes values of bytes. What breaks the RFC and is clear all the same is read, and
each report names it in its `oddities`; what is not clear is in `unread`, in words.

Who wrote a report, nobody knows from the report: anybody can send one. So its words are as hostile
as any stranger's. Here they are bounded; whoever shows them makes them printable.
"""

from mtasts_resolver.tlsrpt.about import (
    ReportHints,
    domain_in_file_name,
    domain_in_subject,
    submitter_in_file_name,
    submitter_in_subject,
)
from mtasts_resolver.tlsrpt.kinds import POLICY_TYPES, RESULT_TYPES
from mtasts_resolver.tlsrpt.limits import MAX_REPORT_BYTES
from mtasts_resolver.tlsrpt.reading import read_reports
from mtasts_resolver.tlsrpt.values import ReadReports, ReportedFailure, ReportedPolicy, TlsReport

__all__ = [
    "MAX_REPORT_BYTES",
    "POLICY_TYPES",
    "RESULT_TYPES",
    "ReadReports",
    "ReportHints",
    "ReportedFailure",
    "ReportedPolicy",
    "TlsReport",
    "domain_in_file_name",
    "domain_in_subject",
    "read_reports",
    "submitter_in_file_name",
    "submitter_in_subject",
]
