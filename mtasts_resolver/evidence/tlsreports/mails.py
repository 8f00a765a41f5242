"""Reports in a mail (RFC 8460 §5.3).

    multipart/report; report-type=tlsrpt
        text/plain                  for a person
        application/tlsrpt+gzip     the report; or application/tlsrpt+json

Senders call the report application/gzip or octet-stream, forget to say that it is base64, and
people forward the mail as an attachment. So each part is looked at that may be a report by its
type, its name or its first bytes.

A mail is taken apart by Python's parser, which is lenient. What a hostile mail could make it cost
is bounded before: lines, parts, mails within mails.
"""

import base64
import binascii
import email
import email.header
import re
from collections.abc import Collection, Iterator
from email.errors import HeaderParseError
from email.message import Message
from email.utils import parseaddr
from typing import Any, NamedTuple

from mtasts_resolver.evidence.tlsreports.contents import (
    Content,
    content_of,
    is_packed_content,
)
from mtasts_resolver.evidence.tlsreports.limits import (
    MAX_FORWARDED,
    MAX_HEADER,
    MAX_MAIL_BYTES,
    MAX_MAIL_LINES,
    MAX_PARTS,
)
from mtasts_resolver.evidence.tlsreports.vouching import signer
from mtasts_resolver.tlsrpt import ReportHints, domain_in_subject, submitter_in_subject

# One of these is in every mail that has a report; most mails have none, and need no parser.
_MAY_HAVE = re.compile(rb"tlsrpt|json|gzip|\.gz|zip|H4sI|organization-name", re.IGNORECASE)
_TYPES = ("application/tlsrpt+gzip", "application/tlsrpt+json")
_NAMES = (".json", ".json.gz", ".gz", ".zip", ".ndjson")
_BASE64 = re.compile(rb"\s*(?:H4sI|UEsD|eyI|ew0K|ewog|ewo)")
"""How what gzip or zip packed begins, and what begins with a bracket."""
_SHOWN = 60  # characters of a type that is named


class MailError(ValueError):
    """The mail is not taken apart; the text says why."""


class AttachedReport(NamedTuple):
    """What may be a report."""

    name: str
    data: bytes
    hints: ReportHints
    signer: str
    """The domain that signed the mail, by the word of a server that is trusted."""
    oddities: tuple[str, ...]
    is_sure: bool
    """By its type it must be a report, or the mail says that it has one."""


class _Envelope(NamedTuple):
    """What a mail's own headers say of the report in it."""

    hints: ReportHints
    signer: str
    oddities: tuple[str, ...]
    is_report: bool


def reports_in_mail(data: bytes, trusted: Collection[str]) -> Iterator[AttachedReport]:
    """Yield what may be a report in a mail. Raise MailError."""
    if not _MAY_HAVE.search(data):
        return
    _check_bounds(data)
    try:
        message = email.message_from_bytes(data)
        found = list(_parts(message, _envelope(message, trusted)))
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        # What the parser is known to let through for some mails that break every rule.
        raise MailError(f"the mail cannot be taken apart: {type(error).__name__}") from None
    yield from found


def _check_bounds(data: bytes) -> None:
    if len(data) > MAX_MAIL_BYTES:
        raise MailError(f"the mail is larger than {MAX_MAIL_BYTES // 2**20} MiB")
    if data.count(b"\n") + data.count(b"\r") > 2 * MAX_MAIL_LINES:
        raise MailError(f"the mail has more than {MAX_MAIL_LINES:,} lines")
    if data.count(b"\n--") + data.count(b"\r--") > MAX_PARTS:
        raise MailError(f"the mail has more than {MAX_PARTS:,} parts")
    lower = data.lower()
    if lower.count(b"boundary") > MAX_PARTS or lower.count(b"message/") > MAX_FORWARDED:
        raise MailError(f"the mail has more than {MAX_FORWARDED} mails within it")


def _parts(message: Message, envelope: _Envelope) -> Iterator[AttachedReport]:
    """Yield the parts that may be reports, each with what the mail says that it is directly in."""
    waiting = [(message, envelope)]
    while waiting:
        part, around = waiting.pop()
        inner = part.get_payload()
        if part.is_multipart() and isinstance(inner, list):
            if part.get_content_maintype() == "message":
                # Nobody vouches for a mail that was forwarded: its headers may be anybody's.
                waiting += [(mail, _envelope(mail, ())) for mail in _messages(inner)]
            else:
                waiting += [(piece, around) for piece in _messages(inner)]
            continue
        found = _attached(part, around)
        if found is not None:
            yield found


def _messages(parts: list[Any]) -> Iterator[Message]:
    """Yield what the parser has taken apart, the last first: it is waiting on a stack."""
    return (part for part in reversed(parts) if isinstance(part, Message))


def _attached(part: Message, around: _Envelope) -> AttachedReport | None:
    kind, name = part.get_content_type(), _header_text(part.get_filename(""))
    data, oddity = _payload(part)
    looks = is_packed_content(data) or content_of(data) is Content.REPORT
    is_sure = kind in _TYPES or (around.is_report and name.lower().endswith(_NAMES))
    if not (is_sure or looks):
        return None
    oddities = [*around.oddities, oddity]
    if kind not in _TYPES:
        oddities.append(f"its media type is {kind[:_SHOWN]!a}")
    return AttachedReport(
        name=name,
        data=data,
        hints=around.hints,
        signer=around.signer,
        oddities=tuple(filter(None, oddities)),
        is_sure=is_sure,
    )


def _payload(part: Message) -> tuple[bytes, str]:
    """Return the bytes of a part, and what is odd about how they are encoded."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return b"", ""
    if not _BASE64.match(data) or content_of(data) is Content.REPORT:
        return data, ""
    try:
        return base64.b64decode(data), "its mail does not say that it is base64"
    except binascii.Error:
        return data, ""


def _envelope(message: Message, trusted: Collection[str]) -> _Envelope:
    subject = _header_text(message.get("Subject", ""))
    stated = _header_text(message.get("TLS-Report-Domain", ""))
    submitter = _header_text(message.get("TLS-Report-Submitter", ""))
    line = f"Report Domain: {stated} Submitter: {submitter}"
    if stated and submitter and domain_in_subject(line):
        hints = ReportHints(domain_in_subject(line), "its mail", submitter_in_subject(line))
    else:
        hints = ReportHints(domain_in_subject(subject), "its mail", submitter_in_subject(subject))
    sender = parseaddr(_header_text(message.get("From", "")))[1].rpartition("@")[2]
    headers = [_header_text(text) for text in message.get_all("Authentication-Results", [])]
    kind = _header_text(message.get_param("report-type", "")).lower()
    oddities = []
    if (message.get_content_type(), kind) != ("multipart/report", "tlsrpt"):
        oddities.append("its mail is no multipart/report of tlsrpt")
    if not (stated and submitter):
        oddities.append("its mail has no TLS-Report-Domain or no TLS-Report-Submitter")
    if "DKIM-Signature" not in message:
        oddities.append("its mail has no DKIM-Signature")  # RFC 8460 §3
    return _Envelope(
        hints=hints,
        signer=signer(headers, trusted, [sender] if sender else []),
        oddities=tuple(oddities),
        is_report=kind == "tlsrpt" or bool(stated),
    )


def _header_text(value: object) -> str:
    """Return the text of a header or of its parameter, decoded where it is encoded."""
    if isinstance(value, tuple):  # RFC 2231: charset, language, value
        value = value[-1]
    text = str(value or "")[:MAX_HEADER]
    if "=?" not in text:
        return text
    try:
        return str(email.header.make_header(email.header.decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text
