"""Mails with reports, as the tests need them."""

import gzip
import json
from collections.abc import Mapping
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

from tests.unit.tlsrpt.made import REPORT

NAME = "sender.example!our.example!1772323200!1772409599!001.json.gz"
OURS = "mx.our.example"
"""What our mail server calls itself in Authentication-Results."""

HEADERS = {
    "From": "TLS reports <tls@sender.example>",
    "To": "tls-reports@our.example",
    "Subject": "Report Domain: our.example Submitter: sender.example Report-ID: <1@sender.example>",
    "TLS-Report-Domain": "our.example",
    "TLS-Report-Submitter": "sender.example",
    "DKIM-Signature": "v=1; d=sender.example; s=tlsrpt; b=xyz",
}


def packed(report: object = REPORT) -> bytes:
    return gzip.compress(json.dumps(report).encode(), mtime=0)


def attachment(data: bytes, kind: str = "tlsrpt+gzip", name: str = NAME) -> MIMEBase:
    part = MIMEApplication(data, kind)
    part.add_header("Content-Disposition", "attachment", filename=name)
    return part


def mail(
    *parts: MIMEBase | MIMEText | MIMEMessage,
    headers: Mapping[str, str | None] | None = None,
    subtype: str = "report",
) -> bytes:
    """Return a mail as RFC 8460 §5.3 has it, with other headers where they are given."""
    message = MIMEMultipart(subtype, _subparts=[MIMEText("A report for a person."), *parts])
    if subtype == "report":
        message.set_param("report-type", "tlsrpt")
    for name, value in {**HEADERS, **(headers or {})}.items():
        if value is not None:
            message[name] = value
    return message.as_bytes()


def report_mail(report: object = REPORT, headers: Mapping[str, str | None] | None = None) -> bytes:
    return mail(attachment(packed(report)), headers=headers)


def other_mail(text: str = "Hello.") -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@other.example", "Lunch"
    message.set_content(text)
    return message.as_bytes()


def mailbox(*mails: bytes) -> bytes:
    return b"".join(
        b"From tls@sender.example Mon Mar  2 03:04:05 2026\n" + text.rstrip(b"\n") + b"\n\n"
        for text in mails
    )


def numbered(number: int) -> dict[str, Any]:
    return {**REPORT, "report-id": f"{number}@sender.example"}
