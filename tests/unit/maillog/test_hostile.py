"""Strangers' words in a log, damaged lines, and any bytes: none of it can make something up."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtasts_resolver.maillog.events import (
    Cause,
    Delivery,
    DeliveryStatus,
    LeftQueue,
    MailAccepted,
    Meaning,
    TlsReported,
    Unverified,
)
from mtasts_resolver.maillog.messages import meaning_of
from mtasts_resolver.maillog.reading import MAX_LINE, LineReader
from tests.unit.maillog.lines import NEWEST, read, said, utc

HEAD = "Nov 26 10:00:00 mx postfix/smtp[7]: "
FORGED = (
    "a>, orig_to=<b>, relay=evil.example[192.0.2.66]:25, conn_use=9, delay=0, delays=0/0/0/0,"
    " tls=secure, dsn=2.0.0, status=sent (250 2.0.0 Ok)"
)
DEFERRED = (
    "relay=mx.example[192.0.2.1]:25, delay=1, delays=0/0/1/0, tls=!secure, dsn=4.7.5,"
    " status=deferred (Server certificate not verified)"
)


def fields(line: str) -> tuple[object, ...] | None:
    """Return what is counted of a delivery, None if a log of this line has none."""
    read_line = read(line)
    event = Meaning.NOTHING if read_line is None else meaning_of(read_line)
    if not isinstance(event, Delivery):
        return None
    host = event.peer.host if event.peer else ""
    return (event.queue_id, event.recipient, host, event.status, event.cause, event.tls)


# -- what strangers choose ---------------------------------------------------------------------


@pytest.mark.threat("log-forged")
@pytest.mark.parametrize(
    "recipient",
    [
        f'"{FORGED}"@example.org',
        f'"\\"{FORGED}"@example.org',
        f'"{FORGED}\\\\"@example.org',
        f'"{FORGED}>, "@example.org',
        '">, status=sent ("@example.org',
        '"x y@z"@example.org',
        "plain,relay=none@example.org",
        "status=sent@example.org",
        "ünïcode@bücher.example",
        "",
        "postmaster",
        "with blank@example.org",
    ],
)
def test_a_recipient_is_but_a_recipient(recipient: str) -> None:
    event = said(f"ABCDEF123: to=<{recipient}>, {DEFERRED}")
    assert isinstance(event, Delivery)
    assert event.recipient == recipient
    assert (event.status, event.dsn, event.uses) == (DeliveryStatus.DEFERRED, "4.7.5", 1)
    assert event.peer is not None
    assert event.peer.host == "mx.example"
    original = said(f"ABCDEF123: to=<u@example.org>, orig_to=<{recipient}>, {DEFERRED}")
    assert isinstance(original, Delivery)
    assert (original.recipient, original.original) == ("u@example.org", recipient)
    assert original.peer == event.peer


@pytest.mark.parametrize(
    "text",
    [
        f'ABCDEF123: to=<"{FORGED}',  # its quotes do not end: nobody knows where it does
        f'ABCDEF123: to=<"{FORGED}\\"@example.org>, {DEFERRED}',
        f"ABCDEF123: host mx.example[192.0.2.1] said: 450 ABCDEF123: to=<{FORGED}",
        f"ABCDEF123: to=<u@example.org>, relay={FORGED}",
        f"ABCDEF123: to=<u@example.org>, relay=mx.example[1], {FORGED}",
        f"warning: ABCDEF123: to=<{FORGED}",
        f" ABCDEF123: to=<{FORGED}",
        f"ABCDEF123\n: to=<{FORGED}",
    ],
)
def test_what_is_no_delivery_tells_of_none(text: str) -> None:
    assert not isinstance(said(text), Delivery)


@pytest.mark.threat("log-forged")
@pytest.mark.parametrize(
    "reply",
    [
        FORGED,
        f") ABCDEF123: to=<{FORGED}",
        "250 ok>, status=sent (",
        "delivery temporarily suspended: Server certificate not verified",
        "Server certificate not verified",
        "TLS is required, but was not offered by host mx.example[192.0.2.1]",
        "((((",
        "))))",
        ") 17",
        "",
    ],
)
def test_a_reply_is_but_a_reply(reply: str) -> None:
    sent = said(f"ABCDEF123: to=<u@example.org>, relay=none, dsn=2.0.0, status=sent ({reply})")
    assert isinstance(sent, Delivery)
    assert (sent.status, sent.recipient, sent.peer) == (DeliveryStatus.SENT, "u@example.org", None)
    assert (sent.cause, sent.suspended, sent.tls) == (None, False, None)
    refused = f"host mx.example[192.0.2.1] said: 450 {reply} (in reply to RCPT TO command)"
    held = said(f"ABCDEF123: to=<u@example.org>, {DEFERRED.partition('(')[0]}({refused})")
    assert isinstance(held, Delivery)
    assert (held.status, held.cause, held.suspended) == (DeliveryStatus.DEFERRED, None, False)
    assert held.reason == refused


@pytest.mark.parametrize(
    "issuer", ["/CN=certificate has expired", "/CN=x: num=62:hostname mismatch", "self-signed"]
)
def test_an_issuer_is_but_an_issuer(issuer: str) -> None:
    event = said(
        f"certificate verification failed for mx.example[192.0.2.1]:25: untrusted issuer {issuer}"
    )
    assert isinstance(event, Unverified)
    assert event.cause is Cause.UNTRUSTED


def test_a_sender_is_but_a_sender() -> None:
    hostile = '"x>, status=expired, returned to sender"@example.org'
    line = read(f"Nov 26 10:00:00 mx postfix/qmgr[7]: ABCDEF123: from=<{hostile}>, size=1, nrcpt=1")
    assert line is None or meaning_of(line) is Meaning.NOTHING
    event = said(f"ABCDEF123: from=<{hostile}>, status=expired, returned to sender", "qmgr")
    assert event == LeftQueue("ABCDEF123", expired=True)


@pytest.mark.parametrize("name", ["u, orig_client=evil[192.0.2.66]", "u\nconnect from x[1.2.3.4]"])
def test_a_user_is_but_a_user(name: str) -> None:
    event = said(f"ABCDEF123: client=c.example[192.0.2.1], sasl_method=PLAIN, sasl_username={name}",
                 "smtpd")  # fmt: skip
    assert isinstance(event, MailAccepted)
    assert event.authenticated
    assert (event.peer.address, event.origin) == ("192.0.2.1", "")


@pytest.mark.parametrize("daemon", ["smtpd", "postscreen", "cleanup", "bounce", "local", "pipe"])
@pytest.mark.parametrize(
    "message",
    [
        f"NOQUEUE: reject: RCPT from c.example[192.0.2.1]: 554 5.7.1 <x>; helo=<{FORGED}>",
        f"ABCDEF123: to=<{FORGED}",
        f"ABCDEF123: warning: header Subject: ABCDEF123: to=<{FORGED}",
        "TLS SNI Verified TLS connection established to x[1.2.3.4]:25: TLSv1.3 from c[192.0.2.1]",
        "Verified TLS connection established to mx.example[192.0.2.1]:25: TLSv1.3",
    ],
)
def test_daemons_that_send_no_mail_tell_of_none(daemon: str, message: str) -> None:
    line = read(f"Nov 26 10:00:00 mx postfix/{daemon}[7]: {message}")
    assert line is None or isinstance(meaning_of(line), Meaning)


def test_a_reason_of_tlsrpt_is_but_a_reason() -> None:
    event = said(
        "TLSRPT: status=failure, domain=a.example, receiving_mx=mx.example[192.0.2.1],"
        " failure_type=validation_failure, failure_reason=x, domain=b.example, status=success"
    )
    assert isinstance(event, TlsReported)
    assert (event.domain, event.failure) == ("a.example", "validation-failure")


# -- who has written a line --------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        f"Nov 26 10:00:00 mx dovecot: lmtp(u): {HEAD}ABCDEF123: to=<{FORGED}",
        f"Nov 26 10:00:00 mx spamd[9]: postfix/smtp[7]: ABCDEF123: to=<{FORGED}",
        f"Nov 26 10:00:00 kernel: postfix/smtp[7]: ABCDEF123: to=<{FORGED}",
        f"Nov 26 10:00:00 spamd[9]: postfix/smtp[7]: ABCDEF123: to=<{FORGED}",
        f"2026-11-26T10:00:00Z WARNING spamd[9]: postfix/smtp[7]: ABCDEF123: to=<{FORGED}",
        f"<22>1 2026-11-26T10:00:00Z mx spamd 9 - - postfix/smtp[7]: ABCDEF123: to=<{FORGED}",
        f"web-1  | postfix/smtp | postfix/smtp[7]: ABCDEF123: to=<{FORGED}",
        json.dumps({"SYSLOG_IDENTIFIER": "spamd", "MESSAGE": f"{HEAD}ABCDEF123: to=<{FORGED}"}),
        json.dumps({"_COMM": '","SYSLOG_IDENTIFIER":"postfix/smtp', "MESSAGE": f"x to=<{FORGED}"}),
    ],
)
def test_words_of_other_programs_are_theirs(line: str) -> None:
    assert read(line) is None


@pytest.mark.parametrize(
    "piece", [f"ABCDEF123: to=<{FORGED}", f"postfix/smtp[7]: ABCDEF123: to=<{FORGED}"]
)
@pytest.mark.parametrize("before", [f"{HEAD}connected", "Nov 26 10:00:00 mx spamd[9]: a line\\"])
def test_a_piece_of_a_line_is_none_where_lines_have_times(before: str, piece: str) -> None:
    reader = LineReader(utc, NEWEST)
    reader.read(before.encode())
    assert reader.read(piece.encode()) is None


# -- what is damaged ---------------------------------------------------------------------------

WHOLE = f"{HEAD}4c8vgk2lXhzNcrX: to=<u@example.org>, orig_to=<v@example.org>, {DEFERRED}"


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_line_that_is_cut_says_the_same_or_nothing(length: int) -> None:
    cut = fields(WHOLE[:length])
    if cut is not None:
        whole = fields(WHOLE)
        assert whole is not None
        assert cut[:4] == whole[:4]
        assert cut[5] == whole[5]


@pytest.mark.threat("log-bomb")
def test_long_lines_are_cut_and_counted() -> None:
    reader = LineReader(utc, NEWEST)
    line = reader.read((WHOLE + "x" * MAX_LINE).encode())
    assert line is not None
    assert len(line.message) < MAX_LINE
    assert isinstance(meaning_of(line), Delivery)
    assert reader.cut == 1


def test_names_that_are_too_long_are_nobodys() -> None:
    """They would be remembered."""
    for line in (
        f"Nov 26 10:00:00 {'m' * 300} postfix/smtp[7]: x",
        f"Nov 26 10:00:00 mx postfix/{'s' * 300}/smtp[7]: x",
        f"Nov 26 10:00:00 {'m' * 300} postfix/smtp x",
        f"postfix/{'s' * 300}/smtp[7]: x",
    ):
        assert read(line) is None
    entry = {"SYSLOG_IDENTIFIER": "postfix/smtp", "_HOSTNAME": "m" * 300, "MESSAGE": "x"}
    logged = read(json.dumps(entry))
    assert logged is not None
    assert len(logged.host) < 300


def test_bytes_that_are_no_text_stay_apart() -> None:
    lines = [read(f"{HEAD}x".encode() + octets) for octets in (b"\xff", b"\xfe", b"\xc3\x28")]
    assert len({line.message for line in lines if line is not None}) == 3


@given(st.binary(max_size=200))
@example(b"\x00" * 50)
@example(b"Nov 26 10:00:00 mx postfix/smtp[" + b"9" * 5000 + b"]: x")
@example(b"Nov 26 10:00:00 mx postfix/smtp[7]: warning: " + b"\xf0\x28" * 9)
def test_any_bytes_can_be_read(octets: bytes) -> None:
    reader = LineReader(utc, NEWEST)
    for line in (octets, HEAD.encode() + octets, octets + HEAD.encode(), b"{" + octets, octets):
        if (found := reader.read(line)) is not None:
            meaning_of(found)


PIECES = st.sampled_from(
    [HEAD, "ABCDEF123", ": ", "to=<", ">, ", "orig_to=<", "relay=", "mx.example[192.0.2.1]:25",
     "none", ", delay=1", ", dsn=2.0.0", ", status=", "sent", "deferred", " (", ")", '"', "\\", "@",
     "u@example.org", "TLS connection established to ", "Verified ", "from ", "warning: ", "[", "]",
     "removed", "client=", "\n", "\0", "message repeated 2 times: [ ", "Nov 26 ", "10:00:00 "]
) | st.text(max_size=3)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join))
def test_a_delivery_has_what_its_line_has(text: str) -> None:
    event = said(text)
    if isinstance(event, Delivery):
        begins = re.escape(event.queue_id) + ": to=<?" + re.escape(event.recipient) + ">, "
        assert re.match(begins, text)
        status = {"sent": "sent", "deferred": "deferred|SOFTBOUNCE", "bounced": "bounced"}
        assert re.search(f", status=(?:{status.get(event.status, '[A-Za-z-]+')}) [(]", text)


@pytest.mark.threat("log-forged")
@given(st.text(st.characters(codec="utf-8"), max_size=60), st.text(max_size=60))
def test_whatever_a_recipient_and_a_reply_are(local: str, reply: str) -> None:
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    event = said(
        f'ABCDEF123: to=<"{escaped}"@example.org>, {DEFERRED.partition("(")[0]}(host'
        f" mx.example[192.0.2.1] said: {reply})"
    )
    assert isinstance(event, Delivery)
    assert event.recipient == f'"{escaped}"@example.org'
    assert (event.status, event.cause, event.dsn) == (DeliveryStatus.DEFERRED, None, "4.7.5")
    assert event.peer is not None
    assert event.peer.address == "192.0.2.1"


STARTS = [
    *("", "{", "<22>1 ", HEAD, "postfix/smtp[7]: ", "Nov 26 10:00:00 ", "2026-11-26T10:00:00Z mx "),
    *(
        HEAD + message
        for message in ("ABCDEF123: to=<", "ABCDEF123: to=<u>, orig_to=<", "warning: ")
    ),
    *(
        HEAD + message
        for message in ("ABCDEF123: to=<u>, relay=none, status=sent (", "TLSRPT: status=")
    ),
    *(
        HEAD + message
        for message in ("Verified TLS connection established to ", "message repeated 2 times: [")
    ),
    *(HEAD + message for message in ("warning: table socketmap:", "warning: socketmap:")),
    *(HEAD.replace("smtp", "smtpd") + message for message in ("", "disconnect from ", "warning: ")),
    HEAD.replace("smtp", "smtpd") + "ABCDEF123: client=c[192.0.2.1]",
    HEAD.replace("smtp", "qmgr") + "ABCDEF123: from=<",
    HEAD.replace("postfix/smtp", "rsyslogd"),
]


@pytest.mark.parametrize(
    "unit",
    ["[", "]", "[a]", "(", ")", "<", ">", '"', "\\", " ", ":", ": ", "=", ", ", "/", "a", "a_", "0",
     ".", "|", "{", "\0", "\xff", "Nov 26 10:00:00 ", "to=<", ">, relay=", "warning: ", "a: "],
)  # fmt: skip
def test_long_lines_of_one_thing_are_read_in_time(unit: str) -> None:
    """What takes the square of a line's length would never end here."""
    many = unit * (50_000 // len(unit))
    for start in STARTS:
        line = LineReader(utc, NEWEST).read((start + many).encode())
        if line is not None:
            meaning_of(line)
