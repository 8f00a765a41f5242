"""The TLSRPT record: the TXT record at `_smtp._tls.<policy domain>` (RFC 8460 §3)."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from mtasts_resolver.policy.record import RecordError, is_extension, malformed, split_fields

# RFC 8460 §3:
#
#   tlsrpt-record    = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
#   field-delim      = *WSP ";" *WSP
#   tlsrpt-field     = tlsrpt-rua / tlsrpt-extension
#   tlsrpt-version   = %s"v=TLSRPTv1"
#   tlsrpt-rua       = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
#   tlsrpt-uri       = URI ; as in RFC 3986 §3, with "," and "!" and ";" percent-encoded
#   tlsrpt-extension = tlsrpt-ext-name "=" tlsrpt-ext-value
#
# Name and value of an extension are as in the policy record.
_VERSION = re.compile(rb"v=TLSRPTv1[ \t]*;")
_RUA = b"rua="
_URI = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:[\x22-\x2b\x2d-\x3a\x3c-\x7e]+\Z")
_WSP = b" \t"


class ReportRecord(NamedTuple):
    """A usable TLSRPT record."""

    uris: tuple[str, ...]
    """Where reports are sent: those of its `rua`."""


def parse_report_record(text: bytes) -> ReportRecord:
    """Return the TLSRPT record that `text`, a TXT record's joined strings, holds.

    Of several `rua` the first counts. Raise RecordError where the text breaks the grammar.
    """
    if not _VERSION.match(text):
        raise RecordError("it does not begin with 'v=TLSRPTv1;'")
    uris: tuple[str, ...] = ()
    for field, position in split_fields(text):
        found = _uris(field)
        if found and not uris:
            uris = found
        elif not found and (field.startswith(_RUA) or not is_extension(field)):
            raise malformed(field, position)
    if not uris:
        raise RecordError("it has no rua, and so names nobody to send reports to")
    return ReportRecord(uris)


def _uris(field: bytes) -> tuple[str, ...]:
    """Return the URIs of a `rua`; nothing where one is none, or where it is another field."""
    if not field.startswith(_RUA):
        return ()
    uris = [uri.strip(_WSP) for uri in field.removeprefix(_RUA).split(b",")]
    return tuple(uri.decode() for uri in uris) if all(map(_URI.match, uris)) else ()


def select_report_record(texts: Iterable[bytes]) -> ReportRecord:
    """Return the TLSRPT record among the TXT records of `_smtp._tls.<policy domain>`.

    Records that are not of version TLSRPTv1 are discarded. Not exactly one left means that the
    domain wants no reports (RFC 8460 §3): RecordError.
    """
    candidates = [text for text in texts if _VERSION.match(text)]
    if not candidates:
        raise RecordError("no TXT record begins with 'v=TLSRPTv1;'")
    if len(candidates) > 1:
        raise RecordError(f"{len(candidates)} TXT records begin with 'v=TLSRPTv1;', one is allowed")
    return parse_report_record(candidates[0])
