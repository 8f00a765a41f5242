"""From the log of a real Postfix to figures: each is what truly happened while it was written."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from msgspec import Struct

from mtasts_resolver.evidence.accounts.account import Account
from mtasts_resolver.evidence.deliveries import Fact
from mtasts_resolver.evidence.joins.joiner import Joiner
from mtasts_resolver.evidence.report import (
    CountedRow,
    DirectionCounts,
    DomainCounts,
    EnforcementFailure,
    Figure,
    UnencryptedRow,
    UnverifiedDelivery,
)
from mtasts_resolver.evidence.told import UNKNOWN, Told
from mtasts_resolver.maillog.events import Meaning
from mtasts_resolver.maillog.messages import meaning_of
from mtasts_resolver.maillog.reading import LineReader
from tests.recordings.figures import compare
from tests.recordings.truth import Recording, Truth, recordings

NEWEST = datetime(2026, 12, 31, tzinfo=UTC).timestamp()
"""When the recordings are read."""
ACTIONS = {"mta-sts": "secure", "dane": "dane-only", "": "notfound"}


class Remembered:
    """What Postfix was told, as the domains of a recording have it."""

    def __init__(self, truth: Truth) -> None:
        self._enforced = {
            each.domain: each.enforced
            for each in truth.outgoing
            if each.asked and not each.next_hop
        }

    def told(self, domain: str, time: float | None) -> Told:
        word = self._enforced.get(domain)
        return UNKNOWN if word is None else Told(ACTIONS[word], word)


class Figures(Struct):
    """What an account tells, as a report does."""

    outbound: DirectionCounts
    inbound: DirectionCounts
    outbound_domains: tuple[DomainCounts, ...]
    failures: tuple[EnforcementFailure, ...]
    inbound_failures: tuple[CountedRow, ...]
    unencrypted: tuple[UnencryptedRow, ...]
    unverified: tuple[UnverifiedDelivery, ...]
    figures: tuple[Figure, ...]


def facts(recording: Recording) -> Iterator[Fact]:
    reader, joiner = LineReader(lambda _wall, _again: 0, NEWEST), Joiner()
    for raw in recording.lines():
        line = reader.read(raw)
        event = Meaning.NOTHING if line is None else meaning_of(line)
        if line is not None and not isinstance(event, Meaning):
            yield from joiner.feed(line, event)
    yield from joiner.finish()


@pytest.mark.parametrize("recording", recordings(), ids=lambda each: each.truth.postfix)
def test_each_figure_is_the_truth(recording: Recording) -> None:
    account = Account(Remembered(recording.truth), UTC)
    for fact in facts(recording):
        account.add(fact)
    told = Figures(
        account.outbound(),
        account.inbound(),
        account.outbound_domains(),
        account.failures(),
        account.inbound_failures(),
        account.unencrypted(),
        account.unverified(),
        account.figures(None),
    )
    compared = compare(told, recording.truth)
    assert len(compared) > 150
    assert [each for each in compared if not each.agrees] == []
