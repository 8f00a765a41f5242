"""What is read of logs of real Postfix is what truly happened while they were written."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from mtasts_resolver.maillog.events import (
    Cause,
    Delivery,
    HandshakeFailed,
    MailAccepted,
    MailEvent,
    Meaning,
)
from mtasts_resolver.maillog.messages import meaning_of
from mtasts_resolver.maillog.reading import LineReader
from tests.recordings.truth import Recording, recordings
from tests.unit.maillog.lines import NEWEST, utc

SAID_BEFORE = {
    *(Cause.NAME_MISMATCH, Cause.EXPIRED, Cause.NOT_YET_VALID, Cause.UNTRUSTED, Cause.SELF_SIGNED),
    *(Cause.DANE_MISMATCH, Cause.MX_OUTSIDE_POLICY),
}
"""What is wrong with a certificate, or a host: earlier lines tell, and that of the delivery not."""

of_each = pytest.mark.parametrize("recording", recordings(), ids=lambda each: each.truth.postfix)


def events(recording: Recording) -> Iterator[tuple[bytes, MailEvent | Meaning]]:
    """Yield what each line says that is of a program which is read."""
    reader = LineReader(utc, NEWEST)
    for raw in recording.lines():
        line = reader.read(raw)
        if line is not None:
            yield raw, meaning_of(line)


def attempts(recording: Recording) -> dict[str, list[Delivery]]:
    ended = defaultdict(list)
    for _, event in events(recording):
        if isinstance(event, Delivery):
            ended[event.recipient].append(event)
    return ended


def test_there_is_one_of_each_version() -> None:
    assert [each.truth.postfix for each in recordings()] == ["3.10", "3.11", "3.7"]


@of_each
def test_no_line_is_unknown(recording: Recording) -> None:
    assert [raw for raw, event in events(recording) if event is Meaning.UNKNOWN] == []


@of_each
def test_attempts_are_those_that_were_made(recording: Recording) -> None:
    ended = attempts(recording)
    for outgoing in recording.truth.outgoing:
        logged = [
            (event.status.value, event.peer.host if event.peer else "", event.suspended)
            for event in ended[outgoing.recipient]
        ]
        assert logged == [(each.status, each.host, each.suspended) for each in outgoing.attempts]


@of_each
def test_causes_are_the_true_ones(recording: Recording) -> None:
    ended = attempts(recording)
    for outgoing in recording.truth.outgoing:
        for event, attempt in zip(ended[outgoing.recipient], outgoing.attempts, strict=True):
            if attempt.cause in SAID_BEFORE:
                assert event.cause in {Cause.NOT_VERIFIED, None}, outgoing
            elif attempt.cause == Cause.POLICY_INVALID:  # that, too, a line before tells
                assert event.cause is Cause.POLICY_LOOKUP, outgoing
            else:
                assert (event.cause or "") == attempt.cause, outgoing


@of_each
def test_messages_that_come_in_are_those_that_were_brought(recording: Recording) -> None:
    truth = recording.truth
    accepted = Counter(
        (event.peer.address, event.authenticated)
        for _, event in events(recording)
        if isinstance(event, MailAccepted)
    )
    brought = Counter((each.client, each.submission) for each in truth.incoming)
    assert accepted == brought + Counter({("127.0.0.1", False): truth.local_incoming})


@of_each
def test_handshakes_fail_that_were_spoilt(recording: Recording) -> None:
    failed = [event for _, event in events(recording) if isinstance(event, HandshakeFailed)]
    assert sum(event.inbound for event in failed) == recording.truth.failed_handshakes
