"""Logs of real Postfix, and what truly happened."""

from collections import Counter

import pytest

from mtasts_resolver.evidence.deliveries import (
    Encryption,
    Fact,
    FailedSession,
    InboundMessage,
    OutboundDelivery,
    Traffic,
)
from mtasts_resolver.evidence.joins.joiner import Joiner
from mtasts_resolver.maillog.events import Meaning
from mtasts_resolver.maillog.messages import meaning_of
from mtasts_resolver.maillog.reading import LineReader
from tests.recordings.truth import Attempt, Incoming, Recording, Session, recordings

RECORDINGS = {recording.truth.postfix: recording for recording in recordings()}
LATER_THAN_ALL = 4_000_000_000.0


def facts_of(recording: Recording) -> list[Fact]:
    reader = LineReader(lambda _seconds, _later: 0, LATER_THAN_ALL)
    joiner = Joiner()
    facts: list[Fact] = []
    for text in recording.lines():
        if (line := reader.read(text)) is not None:
            event = meaning_of(line)
            if not isinstance(event, Meaning):
                facts += joiner.feed(line, event)
    return [*facts, *joiner.finish()]


@pytest.fixture(scope="module", params=RECORDINGS)
def recorded(request: pytest.FixtureRequest) -> tuple[Recording, list[Fact]]:
    recording = RECORDINGS[request.param]
    return recording, facts_of(recording)


def wire(session: Session | None) -> tuple[str, str]:
    """Return what a report must say of how a message went, silent ones left out."""
    assert session is not None
    return ("encrypted" if session.encrypted else "plain"), session.level


def test_each_delivery_went_as_the_far_end_saw_it(
    recorded: tuple[Recording, list[Fact]],
) -> None:
    recording, facts = recorded
    outbound = [fact for fact in facts if isinstance(fact, OutboundDelivery)]
    network = [fact for fact in outbound if fact.traffic is Traffic.NETWORK]
    told: dict[str, list[OutboundDelivery]] = {}
    for fact in network:
        told.setdefault(fact.recipient, []).append(fact)
    wrong = []
    for outgoing in recording.truth.outgoing:
        for attempt, fact in zip(outgoing.attempts, told[outgoing.recipient], strict=True):
            if problem := difference(attempt, fact):
                wrong.append((outgoing.recipient, problem))
    assert wrong == []
    assert sum(len(outgoing.attempts) for outgoing in recording.truth.outgoing) == len(network)


def difference(attempt: Attempt, fact: OutboundDelivery) -> str:
    """Return where a fact differs from the truth."""
    if (attempt.status, attempt.cause) != (fact.status, fact.cause or ""):
        return f"{attempt} {fact}"
    session = attempt.session
    if session is None or fact.status != "sent":
        return ""
    cipher = fact.tls.cipher if fact.tls else ""
    if session.silent:  # then only the delivery's own word tells
        right = fact.encryption is (Encryption.ENCRYPTED if fact.wanted else Encryption.UNKNOWN)
    else:
        right = wire(session) == (fact.encryption, fact.level)
        right &= session.cipher in {"", cipher}
    return "" if right else f"{attempt} {fact}"


def test_each_message_came_in_as_its_sender_knows(recorded: tuple[Recording, list[Fact]]) -> None:
    recording, facts = recorded
    inbound = [
        fact
        for fact in facts
        if isinstance(fact, InboundMessage) and fact.traffic is not Traffic.LOCAL
    ]
    assert Counter(map(true_message, recording.truth.incoming)) == Counter(
        (fact.peer.address, fact.traffic is Traffic.SUBMISSION, fact.encryption, fact.level)
        for fact in inbound
    )


def true_message(incoming: Incoming) -> tuple[str, bool, str, str]:
    encryption, level = wire(incoming.session)
    level = "" if incoming.session.silent and incoming.session.encrypted else level
    return incoming.client, incoming.submission, encryption, level


def test_what_is_local_and_what_failed_is_counted(recorded: tuple[Recording, list[Fact]]) -> None:
    recording, facts = recorded
    truth = recording.truth
    assert truth.local == sum(
        isinstance(fact, OutboundDelivery) and fact.traffic is Traffic.LOCAL for fact in facts
    )
    assert truth.local_incoming == sum(
        isinstance(fact, InboundMessage) and fact.traffic is Traffic.LOCAL for fact in facts
    )
    failed = sum(isinstance(fact, FailedSession) and fact.inbound for fact in facts)
    # Two of one process in one second may be one that was logged twice: they count once.
    assert truth.failed_handshakes - 1 <= failed <= truth.failed_handshakes
