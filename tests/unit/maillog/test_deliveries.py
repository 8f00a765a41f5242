"""Attempts to deliver, and strangers' words in them that look like something else."""

from mtasts_resolver.maillog.events import Cause, Delivery, DeliveryStatus, LoggedPeer
from tests.unit.maillog.lines import said

PEER = LoggedPeer("mx.example", "192.0.2.1", 25)
SENT = (
    "relay=mx.example[192.0.2.1]:25, delay=1.5, delays=0.1/0.2/0.7/0.5, dsn=2.0.0, status=sent"
    " (250 2.0.0 Ok)"
)


def delivery(message: str, daemon: str = "smtp") -> Delivery:
    event = said(message, daemon)
    assert isinstance(event, Delivery), event
    return event


def test_a_delivery() -> None:
    assert delivery(f"4c8vgk2lXhzNcrX: to=<u@example.org>, {SENT}") == Delivery(
        "4c8vgk2lXhzNcrX",
        "u@example.org",
        PEER,
        DeliveryStatus.SENT,
        "2.0.0",
        1.5,
        "250 2.0.0 Ok",
    )


def test_a_recipient_in_quotes_ends_where_its_quotes_do() -> None:
    hostile = r'"a>, relay=evil.example[192.0.2.66]:25, delay=0, status=sent (\"x"@example.org'
    event = delivery(
        f"ABCDEF12: to=<{hostile}>, relay=none, delay=1, dsn=4.7.5, status=deferred (TLSA lookup"
        " error for mx.example:25)"
    )
    assert event.recipient == hostile
    assert (event.peer, event.status, event.cause) == (
        None,
        DeliveryStatus.DEFERRED,
        Cause.TLSA_LOOKUP,
    )


def test_a_reply_is_but_a_reason() -> None:
    reply = (
        "host mx.example[192.0.2.1] said: 451 x>, relay=evil.example[192.0.2.66]:25, delay=0,"
        " delays=0/0/0/0, tls=secure, dsn=2.0.0, status=sent (Server certificate not verified)"
    )
    event = delivery(
        f"ABCDEF12: to=<u@example.org>, relay=mx.example[192.0.2.1]:25, delay=1, delays=1/0/0/0,"
        f" tls=may:none, dsn=4.0.0, status=deferred ({reply} (in reply to RCPT TO command))"
    )
    assert (event.peer, event.status, event.cause) == (PEER, DeliveryStatus.DEFERRED, None)
    assert event.tls is not None
    assert event.tls.used == "none"
    assert event.reason == f"{reply} (in reply to RCPT TO command)"
