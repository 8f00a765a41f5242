"""What crosses the channel is the same on its other side."""

import msgspec
import pytest

from mtasts_resolver.config import Config, Fault
from mtasts_resolver.discovery import errors
from mtasts_resolver.discovery.errors import (
    DiscoveryError,
    DnsTimeoutError,
    NoRecordError,
    StatusError,
)
from mtasts_resolver.discovery.findings import (
    FoundDane,
    FoundRecord,
    FoundSts,
    Probe,
)
from mtasts_resolver.policy import Dane, DaneFinding, Mode, Policy, parse_document
from mtasts_resolver.worker import messages
from mtasts_resolver.worker.messages import MAX_REASON_CHARS

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, DiscoveryError) and kind is not NoRecordError
]
DOCUMENT = "version: STSv1\nmode: enforce\nmx: a.example\nmx: *.b.example\nmax_age: 86400\n"
POLICY = parse_document(DOCUMENT.encode())
RECORD = FoundRecord("20260101T000000", 600.0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_arrives_as_itself(kind: type[DiscoveryError]) -> None:
    sent = messages.encode(messages.failed(7, kind("what happened, to what")))
    message = messages.decode_for_daemon(sent)
    assert isinstance(message, messages.Failed)
    error = messages.error_of(message)
    assert (type(error), str(error), message.number) == (kind, "what happened, to what", 7)


@pytest.mark.parametrize("absent", [True, False])
def test_an_absence_keeps_its_ttl_and_its_kind(absent: bool) -> None:
    sent = messages.encode(messages.failed(1, NoRecordError("none", ttl=321.5, absent=absent)))
    message = messages.decode_for_daemon(sent)
    assert isinstance(message, messages.Failed)
    error = messages.error_of(message)
    assert isinstance(error, NoRecordError)
    assert (error.ttl, error.absent, error.code) == (
        321.5,
        absent,
        "no-record" if absent else "record-invalid",
    )


def test_a_failed_fetch_keeps_the_record_that_called_for_it() -> None:
    failure = StatusError("HTTP status 404 Not Found")
    failure.record = RECORD
    message = messages.decode_for_daemon(messages.encode(messages.failed(1, failure)))
    assert isinstance(message, messages.Failed)
    error = messages.error_of(message)
    assert isinstance(error, StatusError)
    assert error.record == RECORD


def test_the_reason_of_an_error_is_bounded() -> None:
    assert len(messages.failed(1, DnsTimeoutError("x" * 100_000)).reason) == MAX_REASON_CHARS


@pytest.mark.parametrize(
    "message",
    [
        messages.Ready(),
        messages.Unusable(Fault("no", "$.https.ca_file")),
        messages.Pong(),
        messages.Overloaded(3, "too busy"),
        messages.Misconfigured(3, "https: no"),
    ],
)
def test_what_is_said_arrives_as_it_was(message: messages.ToDaemon) -> None:
    assert messages.decode_for_daemon(messages.encode(message)) == message


@pytest.mark.parametrize(
    "found",
    [
        FoundSts(RECORD, None),
        FoundSts(RECORD, POLICY),
        POLICY,
        Policy(Mode.NONE, 0, (), "☃"),
        *(FoundDane(DaneFinding(status, "why"), 60.0) for status in Dane),
        Probe(True, ("127.0.0.1",), ("127.0.0.1", "[::1]:53")),
    ],
)
def test_what_was_found_arrives_as_it_was(found: object) -> None:
    sent = messages.encode(messages.Found(7, msgspec.Raw(messages.encode(found))))
    message = messages.decode_for_daemon(sent)
    assert isinstance(message, messages.Found)
    arrived = msgspec.msgpack.decode(message.found, type=type(found))
    assert arrived == found
    assert repr(arrived) == repr(found)  # == takes a tuple for a named one, and text for a Mode


def test_a_configuration_arrives_as_it_was() -> None:
    message = messages.Configure(Config())
    assert messages.decode_for_discoverer(messages.encode(message)) == message
