"""`python -m tests.lab.callers`: who calls on a Postfix of the lab, inside the namespace.

Reads a JSON list of calls from standard input, makes them one after the other, and writes what it
saw of each. CALLS are those that are made while a log is recorded.
"""

import contextlib
import smtplib
import ssl
import sys
import warnings
from enum import StrEnum

import msgspec
from msgspec import Struct

from .correspondent import NOBODY, OWN_DOMAIN, RECEIVING, SCREENED
from .internet import SECOND, UNTRUSTED

STRANGER, ANOTHER, OUTDATED, ROBOT, DEAF, LEAVING = (f"198.51.100.{n}" for n in range(241, 247))
HERE = "127.0.0.1"
OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"
PATIENCE = 60.0
"""Seconds for an answer, on a machine that is busy with other work."""


class Way(StrEnum):
    """How a caller behaves."""

    PLAIN = "plain"
    STARTTLS = "starttls"
    WRAPPED = "wrapped"
    """TLS from the first byte (port 465)."""
    GARBAGE = "garbage"
    """It asks for TLS, and then speaks something else."""
    HANGS_UP = "hangs-up"
    """It asks for TLS, and goes away."""


class Call(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One connection."""

    way: Way = Way.STARTTLS
    host: str = RECEIVING
    port: int = 25
    source: str = STRANGER
    mails: tuple[tuple[str, ...], ...] = (("user",),)
    """For each the local parts of its recipients."""
    versions: tuple[str, str] = ("TLSv1_2", "TLSv1_3")
    ciphers: str = ""
    certificate: str = ""
    """The host of the lab whose certificate it shows."""
    user: bool = False
    """Whether it logs in."""
    level: str = "anonymous"
    """What Postfix is to call it (recordings.truth.LEVELS), if TLS comes about."""
    taken: int = 1
    """Of the mails, how many are taken."""
    handshake_fails: bool = False


class Said(Struct, frozen=True):
    """What a caller saw."""

    taken: int
    """Of its mails, how many were."""
    version: str
    cipher: str
    """Of its TLS session; empty without one."""


def failing(**kind: object) -> Call:
    return msgspec.convert({"handshake_fails": True, "taken": 0} | kind, Call)


CALLS = (
    Call(way=Way.PLAIN, level="none"),
    Call(),
    Call(versions=("TLSv1_2", "TLSv1_2")),
    Call(versions=("TLSv1", "TLSv1_1"), ciphers=OLD_CIPHERS),
    Call(mails=(("one",), ("two",), ("three", "four")), taken=3),
    Call(way=Way.PLAIN, level="none", mails=(("one",), ("two", "three")), taken=2),
    Call(certificate=SECOND.name, level="trusted"),
    Call(certificate=UNTRUSTED.name, level="untrusted"),
    Call(mails=((NOBODY,),), taken=0),
    Call(mails=((NOBODY, "user"),)),
    Call(mails=(), taken=0),
    Call(port=587, user=True),
    Call(port=465, user=True, way=Way.WRAPPED),
    Call(port=587, way=Way.PLAIN, level="none", taken=0),
    Call(host=HERE, source=HERE, way=Way.PLAIN, level="none"),
    failing(way=Way.GARBAGE),
    failing(way=Way.HANGS_UP, source=LEAVING),
    failing(source=DEAF, versions=("TLSv1_2", "TLSv1_2"), ciphers="ECDHE-RSA-AES128-SHA256"),
    # postscreen(8) takes no mail of whom it does not know yet.
    Call(host=SCREENED, source=ANOTHER, taken=0),
    Call(host=SCREENED, source=ANOTHER),
    Call(host=SCREENED, source=ANOTHER, way=Way.PLAIN, level="none"),
    Call(
        host=SCREENED, source=OUTDATED, versions=("TLSv1", "TLSv1_1"), ciphers=OLD_CIPHERS, taken=0
    ),
    failing(host=SCREENED, source=ROBOT, way=Way.GARBAGE),
)


def make(call: Call, certificates: str) -> Said:
    """Make a call, and return what the caller saw."""
    context = tls_context(call, certificates)
    source = (call.source, 0)
    if call.way is Way.WRAPPED:
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            call.host, call.port, timeout=PATIENCE, source_address=source, context=context
        )
    else:
        client = smtplib.SMTP(call.host, call.port, timeout=PATIENCE, source_address=source)
    with contextlib.closing(client):
        client.ehlo("client.example")
        if call.way in {Way.GARBAGE, Way.HANGS_UP}:
            client.docmd("STARTTLS")
            if call.way is Way.GARBAGE:
                client.send(b"This is no TLS\r\n" * 4)
                with contextlib.suppress(smtplib.SMTPServerDisconnected):
                    client.getreply()
            return Said(0, "", "")
        try:
            if call.way is Way.STARTTLS:
                client.starttls(context=context)
        except ssl.SSLError:
            return Said(0, "", "")
        return converse(client, call)


def converse(client: smtplib.SMTP, call: Call) -> Said:
    """Send the mails of a call, whose TLS session is there."""
    client.ehlo("client.example")
    if call.user:
        client.login("someone", "secret")
    taken = sum(is_taken(client, mail) for mail in call.mails)
    tls = client.sock if isinstance(client.sock, ssl.SSLSocket) else None
    version, cipher = (str(tls.version()), (tls.cipher() or ("",))[0]) if tls else ("", "")
    client.quit()
    return Said(taken, version, cipher)


def is_taken(client: smtplib.SMTP, mail: tuple[str, ...]) -> bool:
    recipients = [f"{name}@{OWN_DOMAIN}" for name in mail]
    try:
        client.sendmail(
            "someone@elsewhere.example", recipients, b"Subject: The lab\r\n\r\nHello.\r\n"
        )
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused):
        return False
    return True


def tls_context(call: Call, certificates: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        lowest, highest = call.versions
        context.minimum_version = ssl.TLSVersion[lowest]
        context.maximum_version = ssl.TLSVersion[highest]
    if call.ciphers:
        context.set_ciphers(call.ciphers)
    if call.certificate:
        context.load_cert_chain(f"{certificates}/{call.certificate}.pem")
    return context


def main(certificates: str) -> None:
    calls = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Call])
    said = [make(call, certificates) for call in calls]
    sys.stdout.buffer.write(msgspec.json.encode(said))


if __name__ == "__main__":
    main(sys.argv[1])
