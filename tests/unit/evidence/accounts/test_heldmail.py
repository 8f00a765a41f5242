"""Mail that TLS held, and what became of it."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.accounts.heldmail import MAX_LEFT, MAX_LEFT_RECIPIENTS, HeldMail
from mtasts_resolver.evidence.accounts.localdays import LocalDays
from mtasts_resolver.evidence.deliveries import Fact, FailedSession, MessageGone
from mtasts_resolver.evidence.report import EnforcementFailure
from mtasts_resolver.maillog.events import Cause, LoggedPeer
from tests.unit.evidence.accounts.facts import (
    BERLIN,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    account_of,
    deferred,
    figure,
    parts,
    sent,
)

SUSPENDED = "delivery temporarily suspended: Server certificate not verified"
EXPIRED, MISMATCH = Cause.EXPIRED, Cause.NAME_MISMATCH


def gone(queue_id: str = "Q1", *, expired: bool = False, at: float = NOON) -> MessageGone:
    return MessageGone(time=at, host="out", queue_id=queue_id, expired=expired)


class Story(NamedTuple):
    """What happened to mail, and what is to be said of it."""

    told: str
    facts: list[Fact]
    attempts: int
    messages: int
    delivered: int = 0
    bounced: int = 0
    waiting: int = 0
    gone: int = 0


STORIES = [
    Story("waits still", [deferred(cause=EXPIRED)], 1, 1, waiting=1),
    Story(
        "is sent once the certificate is renewed",
        [deferred(cause=EXPIRED), deferred(cause=EXPIRED, at=NOON + HOUR), sent(at=NOON + DAY)],
        *(2, 1, 1),
    ),
    Story("bounces at once", [deferred(cause=EXPIRED, bounced=True)], 1, 1, bounced=1),
    Story(
        "bounces later, for another reason",
        [deferred(cause=EXPIRED), deferred(bounced=True, reason="550 no such user")],
        *(1, 1),
        bounced=1,
    ),
    Story(
        "waits for another reason now",
        [deferred(cause=EXPIRED), deferred(reason="connection timed out")],
        *(1, 1),
        waiting=1,
    ),
    Story("is returned as too old", [deferred(cause=EXPIRED), gone(expired=True)], 1, 1, bounced=1),
    Story("is deleted by hand", [deferred(cause=EXPIRED), gone()], 1, 1, gone=1),
    Story(
        "leaves the queue after it was sent",
        [deferred(cause=EXPIRED), sent(), gone()],
        *(1, 1, 1),
    ),
    Story(
        "leaves the queue, and that it was sent before is told late",
        [deferred(cause=EXPIRED), gone(at=NOON + HOUR), sent(at=NOON + HOUR - 1)],
        *(1, 1, 1),
    ),
    Story(
        "leaves the queue, and another message has its queue id later",
        [deferred(cause=EXPIRED), gone(at=NOON + HOUR), sent(at=NOON + DAY)],
        *(1, 1),
        gone=1,
    ),
    Story(
        "is of two recipients, one of whom gets it",
        [
            deferred(cause=EXPIRED, recipient="a@partner.example"),
            deferred(cause=EXPIRED, recipient="b@partner.example"),
            sent(recipient="b@partner.example"),
        ],
        *(2, 2, 1),
        waiting=1,
    ),
    Story(
        "is two messages",
        [deferred(cause=EXPIRED), deferred(cause=EXPIRED, queue_id="Q2"), sent(queue_id="Q2")],
        *(2, 2, 1),
        waiting=1,
    ),
    Story(
        "is suspended, which is no attempt at another host",
        [deferred(cause=EXPIRED), deferred(cause=EXPIRED, connected=False, reason=SUSPENDED)],
        *(2, 1),
        waiting=1,
    ),
    Story(
        "is suspended at once, as another was held at the host before",
        [
            deferred(cause=EXPIRED),
            deferred(cause=EXPIRED, queue_id="Q2", connected=False, reason=SUSPENDED),
            sent(),
        ],
        *(2, 2, 1),
        waiting=1,
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=[story.told for story in STORIES])
def test_a_held_message(story: Story) -> None:
    (row,) = account_of(story.facts).failures()
    assert (row.domain, row.mx, row.cause) == ("partner.example", "mx.partner.example", "expired")
    assert story[2:] == (
        *(row.attempts, row.messages, row.delivered, row.bounced, row.waiting, row.gone),
    )


def test_first_last_longest_and_the_last_words_are_told() -> None:
    (row,) = account_of(
        [
            deferred(cause=EXPIRED, delay=10),
            deferred(cause=EXPIRED, at=NOON + HOUR, delay=3_610, reason="the last words"),
            sent(at=NOON + 2 * HOUR, delay=7_210),
        ]
    ).failures()
    assert (row.first, row.last) == ("2026-11-02T13:00:00+01:00", "2026-11-02T14:00:00+01:00")
    assert (row.longest, row.reason) == (7_210, "the last words")


def test_a_message_that_is_held_twice_counts_where_it_was_held_first() -> None:
    rows = account_of(
        [
            deferred(cause=EXPIRED, mx="mx1.example"),
            deferred(cause=MISMATCH, mx="mx2.example"),
            sent(mx="mx3.example"),
        ]
    ).failures()
    assert [(row.mx, row.cause, row.attempts, row.messages, row.delivered) for row in rows] == [
        ("mx1.example", "expired", 1, 1, 1),
        ("mx2.example", "name-mismatch", 1, 0, 0),
    ]


def test_mail_for_which_nobody_was_connected_to_is_of_no_host() -> None:
    rows = account_of(
        [
            deferred(cause=Cause.TLSA_LOOKUP),
            deferred(cause=Cause.TLSA_LOOKUP, queue_id="Q2", connected=False),
        ]
    ).failures()
    assert [(row.mx, row.messages) for row in rows] == [("", 1), ("mx.partner.example", 1)]


def test_a_host_that_was_given_up_for_another_held_nothing() -> None:
    peer = LoggedPeer("mx1.partner.example", "192.0.2.1", 25)
    failed = FailedSession(
        time=NOON,
        host="out",
        inbound=False,
        peer=peer,
        domain="partner.example",
        cause=MISMATCH,
        reason="Server certificate not verified",
    )
    account = account_of([failed, sent(level="verified")])
    (row,) = account.failures()
    assert (row.mx, row.attempts, row.messages, row.waiting) == ("mx1.partner.example", 1, 0, 0)
    assert row.longest == 0
    assert parts(figure(account, "messages-held")) == (0, 1, 0)


def test_what_was_held_in_the_period_is_followed_beyond_it() -> None:
    facts = [
        deferred(cause=EXPIRED, queue_id="Q0", at=NOON - 1),
        deferred(cause=EXPIRED, at=NOON),
        deferred(cause=EXPIRED, queue_id="Q2", at=NOON + HOUR),
        sent(at=NOON + DAY),
    ]
    account = account_of(facts, since=NOON, until=NOON + HOUR)
    (row,) = account.failures()
    assert (row.attempts, row.messages, row.delivered, row.waiting) == (1, 1, 1, 0)
    assert account.outbound().deliveries == 0
    assert parts(figure(account, "messages-held")) == (1, 1, 0)


def test_each_message_counts_once_in_the_figure_however_often_it_was_tried() -> None:
    account = account_of(
        [
            *(deferred(cause=EXPIRED, at=NOON + number * MINUTE) for number in range(20)),
            sent(at=NOON + HOUR),
            deferred(cause=EXPIRED, queue_id="Q2"),
            *(sent(queue_id=f"S{number}") for number in range(8)),
        ]
    )
    assert parts(figure(account, "messages-held")) == (2, 10, 0)


def test_messages_beyond_the_bound_are_not_guessed() -> None:
    held = HeldMail(100, 100)
    for number in range(10_000):
        fact = deferred(cause=EXPIRED, queue_id=f"Q{number}")
        held.hold(fact, EXPIRED, "mta-sts")
        held.end(fact, within=True)
    (row,) = held.failures(LocalDays(BERLIN))
    assert (row.attempts, row.messages, row.waiting) == (10_000, 100, 100)
    assert (held.enforced, held.unfollowed) == (100, 9_900)
    for number in range(10_000):
        held.end(sent(queue_id=f"Q{number}"), within=True)
    (row,) = held.failures(LocalDays(BERLIN))
    assert (row.delivered, row.waiting, held.waiting) == (100, 0, 0)


def test_of_messages_that_left_without_a_word_some_are_remembered() -> None:
    held = HeldMail(MAX_LEFT * 3, 100)
    for number in range(MAX_LEFT * 3):
        fact = deferred(cause=EXPIRED, queue_id=f"Q{number}")
        held.hold(fact, EXPIRED, "mta-sts")
        held.gone(gone(f"Q{number}"))
    for number in range(MAX_LEFT * 3):
        held.end(sent(queue_id=f"Q{number}"), within=True)
    (row,) = held.failures(LocalDays(BERLIN))
    assert (row.delivered, row.gone, held.enforced_delivered) == (MAX_LEFT, MAX_LEFT * 2, MAX_LEFT)


def test_of_a_message_to_very_many_that_left_nothing_is_remembered() -> None:
    held = HeldMail(1_000, 100)
    for number in range(MAX_LEFT_RECIPIENTS + 1):
        fact = deferred(cause=EXPIRED, recipient=f"r{number}@partner.example")
        held.hold(fact, EXPIRED, "mta-sts")
    held.gone(gone())
    held.end(sent(recipient="r1@partner.example"), within=True)
    (row,) = held.failures(LocalDays(BERLIN))
    assert (row.delivered, row.gone) == (0, MAX_LEFT_RECIPIENTS + 1)


def test_domains_beyond_the_bound_are_counted_together() -> None:
    held = HeldMail(1_000, 10)
    for number in range(1_000):
        fact = deferred(f"d{number}.example", EXPIRED, queue_id=f"Q{number}")
        held.hold(fact, EXPIRED, "mta-sts")
        held.hold(fact, EXPIRED, "mta-sts")
        if number % 4 == 0:
            held.end(sent(f"d{number}.example", queue_id=f"Q{number}"), within=True)
        elif number % 4 == 1:
            bounce = deferred(f"d{number}.example", queue_id=f"Q{number}", bounced=True)
            held.end(bounce, within=True)
        elif number % 4 == 2:
            held.gone(gone(f"Q{number}"))
    rows = held.failures(LocalDays(BERLIN))
    assert len(rows) == 11
    others = rows[-1]
    assert (others.domain, others.attempts, others.messages) == ("(others)", 1_980, 990)
    assert (others.delivered, others.bounced, others.gone) == (247, 247, 248)
    assert others.waiting == 248


queue_ids = st.sampled_from(["Q1", "Q2", "Q3"])
recipients = st.sampled_from(["a@one.example", "b@one.example", "c@two.example"])
causes = st.sampled_from([None, EXPIRED, MISMATCH])
attempts = st.builds(
    lambda queue_id, recipient, cause, bounced: deferred(
        recipient.partition("@")[2],
        cause,
        queue_id=queue_id,
        recipient=recipient,
        bounced=bounced,
    ),
    *(queue_ids, recipients, causes, st.booleans()),
)
deliveries = st.builds(
    lambda queue_id, recipient: sent(
        recipient.partition("@")[2], queue_id=queue_id, recipient=recipient
    ),
    *(queue_ids, recipients),
)
leavings = st.builds(lambda queue_id, old: gone(queue_id, expired=old), queue_ids, st.booleans())


def ends(row: EnforcementFailure) -> int:
    return row.delivered + row.bounced + row.waiting + row.gone


@given(st.lists(attempts | deliveries | leavings, max_size=40))
def test_messages_are_those_delivered_bounced_waiting_and_gone(facts: list[Fact]) -> None:
    account = account_of(facts)
    rows = account.failures()
    for row in rows:
        assert row.messages == ends(row) <= row.attempts
        assert min(row.delivered, row.bounced, row.waiting, row.gone) >= 0
    held, of, _ = parts(figure(account, "messages-held"))
    assert held == sum(row.messages for row in rows) <= of
    outbound = account.outbound()
    assert sum(row.attempts for row in rows) == sum(day.held for day in outbound.by_day)
    assert of <= outbound.deliveries + outbound.attempts_failed
