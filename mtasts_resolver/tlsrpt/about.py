"""Which domain a report is about, where it does not say: its file's name, its mail, its id."""

import re
from typing import NamedTuple

from mtasts_resolver.policy import MAX_DOMAIN_LENGTH, is_hostname, parse_next_hop

# RFC 8460 §5.1:
#
#   filename = sender "!" policy-domain "!" begin-timestamp "!" end-timestamp
#              [ "!" unique-id ] "." extension
_FILE_NAME = re.compile(
    r"(?:.*/)?(?P<sender>[^!/]{1,255})!(?P<domain>[^!/]{1,255})!\d{1,13}!\d{1,13}(?:[!.]|\Z)",
    re.DOTALL,
)
# RFC 8460 §5.3:
#
#   tlsrpt-subject = %s"Report" FWS %s"Domain:" FWS domain-name FWS
#                    %s"Submitter:" FWS domain-name FWS %s"Report-ID:" FWS [ msg-id ]
_SUBJECT = re.compile(
    r"\s*Report\s+Domain:\s*(?P<domain>\S{1,255})\s+Submitter:\s*(?P<sender>\S{1,255})\s",
    re.IGNORECASE,
)
# Many write the domain at the end of the id, behind a time or a number: `2026-02-08T00:00:00Z_a.b`
# and `133988091029006454+a.b`. Behind `@` is the sender's own.
_REPORT_ID = re.compile(r".*[_+](?P<domain>[^_+@]+)\Z", re.DOTALL)


class ReportHints(NamedTuple):
    """What is known of a report from where it was found."""

    domain: str = ""
    """That it is about; empty if nothing tells."""
    source: str = ""
    """What tells it: `the file's name`."""
    submitter: str = ""
    """Who sent it, for a report without an organization."""


def a_label(name: str) -> str:
    """Return a domain in A-label form and lower case, empty if `name` is none."""
    name = name.strip().lower()
    if len(name) <= MAX_DOMAIN_LENGTH and is_hostname(name.removesuffix(".")):
        return name.removesuffix(".")
    hop = parse_next_hop(name) if len(name) <= MAX_DOMAIN_LENGTH and ":" not in name else None
    return "" if hop is None or hop.is_host else hop.domain


def domain_in_file_name(name: str) -> str:
    """Return the policy domain in the name of a file, empty if there is none."""
    return _named(_FILE_NAME.match(name), "domain")


def submitter_in_file_name(name: str) -> str:
    """Return the sender's domain in the name of a file, empty if there is none."""
    return _named(_FILE_NAME.match(name), "sender")


def domain_in_subject(subject: str) -> str:
    """Return the policy domain in the subject of a mail, empty if there is none."""
    return _named(_SUBJECT.match(subject + " "), "domain")


def submitter_in_subject(subject: str) -> str:
    """Return the sender's domain in the subject of a mail, empty if there is none."""
    return _named(_SUBJECT.match(subject + " "), "sender")


def domain_in_report_id(report_id: str) -> str:
    """Return the domain at the end of a report's id, empty if there is none."""
    found = _named(_REPORT_ID.match(report_id), "domain")
    return found if "." in found else ""


def _named(found: re.Match[str] | None, part: str) -> str:
    return "" if found is None else a_label(found[part])
