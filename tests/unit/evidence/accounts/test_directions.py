"""What went out and came in, by what TLS it had."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mtasts_resolver.evidence.accounts import directions
from mtasts_resolver.evidence.accounts.keyexchange import is_post_quantum
from mtasts_resolver.evidence.deliveries import (
    Doubt,
    InboundMessage,
    OutboundDelivery,
    Traffic,
)
from mtasts_resolver.evidence.report import CountedRow, DayCounts, DirectionCounts
from mtasts_resolver.maillog.events import Cause, DeliveryStatus
from tests.unit.evidence.accounts.facts import (
    DAY,
    HOUR,
    NOON,
    account_of,
    deferred,
    received,
    sent,
    session,
)


def named(rows: Sequence[CountedRow]) -> dict[str, int]:
    return {row.name: row.count for row in rows}


def test_what_was_sent_is_counted_by_level_and_what_cannot_be_told_by_its_doubt() -> None:
    levels = ["verified", "verified", "trusted", "untrusted", "anonymous", "none", "", ""]
    counts = account_of(sent(level=level) for level in levels).outbound()
    assert (counts.deliveries, counts.encrypted, counts.plain, counts.unknown) == (8, 5, 1, 2)
    assert named(counts.levels) == {
        "verified": 2,
        "trusted": 1,
        "untrusted": 1,
        "anonymous": 1,
        "none": 1,
    }
    assert named(counts.doubts) == {"no-tls-logged": 2}


def test_encrypted_without_a_level_is_encrypted_and_its_doubt_is_told() -> None:
    unsure = replace(sent(level="trusted"), level="", doubt=Doubt.AMBIGUOUS)
    counts = account_of([unsure]).outbound()
    assert (counts.encrypted, counts.unknown) == (1, 0)
    assert named(counts.levels) == {"(unknown)": 1}
    assert named(counts.doubts) == {"ambiguous": 1}


def test_versions_ciphers_and_key_exchanges_are_those_of_encrypted_mail_alone() -> None:
    counts = account_of(
        [
            sent(tls=session("trusted", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768")),
            sent(tls=session("trusted", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519")),
            sent(tls=session("trusted", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "")),
            sent(level="none"),
            sent(level=""),
        ]
    ).outbound()
    assert named(counts.versions) == {"TLSv1.3": 2, "TLSv1.2": 1}
    assert named(counts.ciphers) == {
        "TLS_AES_256_GCM_SHA384": 2,
        "ECDHE-RSA-AES256-GCM-SHA384": 1,
    }
    assert named(counts.key_exchanges) == {"(not logged)": 1, "X25519": 1, "X25519MLKEM768": 1}
    assert counts.post_quantum == 1


@pytest.mark.parametrize(
    "group",
    [
        *("X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "curveSM2MLKEM768"),
        *("MLKEM512", "MLKEM768", "MLKEM1024", "x25519_mlkem768", "X25519-ML-KEM-768"),
        *("X25519Kyber768Draft00", "SecP256r1Kyber768Draft00", "p256_kyber768"),
    ],
)
def test_a_key_exchange_of_ml_kem_is_post_quantum(group: str) -> None:
    assert is_post_quantum(group)


@pytest.mark.parametrize(
    "group",
    [
        *(
            "",
            "(not logged)",
            "X25519",
            "X448",
            "ECDHE (P-256)",
            "ECDHE (prime256v1)",
            "DHE (2048)",
        ),
        *("ffdhe3072", "brainpoolP256r1tls13", "secp384r1", "curveSM2"),
    ],
)
def test_a_curve_or_a_field_is_not_post_quantum(group: str) -> None:
    assert not is_post_quantum(group)


def test_local_mail_and_submissions_are_apart() -> None:
    account = account_of(
        [
            sent(traffic=Traffic.LOCAL),
            sent(traffic=Traffic.LOCAL, status=DeliveryStatus.DEFERRED),
            sent(),
            received(traffic=Traffic.LOCAL),
            received(traffic=Traffic.SUBMISSION),
            received(traffic=Traffic.SUBMISSION),
            received(),
        ]
    )
    outbound, inbound = account.outbound(), account.inbound()
    assert (outbound.deliveries, outbound.local) == (1, 1)
    assert (inbound.deliveries, inbound.local, inbound.submissions) == (1, 1, 2)


def test_attempts_that_failed_are_no_deliveries() -> None:
    probe = sent(status=DeliveryStatus.OTHER)
    counts = account_of([sent(), deferred(), deferred(bounced=True), probe]).outbound()
    assert (counts.deliveries, counts.attempts_failed) == (1, 2)


def test_a_day_begins_at_midnight_of_the_zone() -> None:
    """NOON is 13:00 in Berlin, so that the next day begins 11 hours later."""
    account = account_of(
        [
            sent(level="verified"),
            sent(level="none", at=NOON + 11 * HOUR - 1),
            deferred(cause=Cause.EXPIRED, at=NOON + 11 * HOUR - 1),
            sent(level="", at=NOON + 11 * HOUR),
            sent(level="trusted", at=NOON + 3 * DAY),
        ]
    )
    assert account.outbound().by_day == (
        DayCounts("2026-11-02", encrypted=1, plain=1, unknown=0, verified=1, held=1),
        DayCounts("2026-11-03", encrypted=0, plain=0, unknown=1, verified=0, held=0),
        DayCounts("2026-11-05", encrypted=1, plain=0, unknown=0, verified=0, held=0),
    )


def test_the_day_on_which_summer_time_ends_has_25_hours() -> None:
    midnight = NOON - 8 * DAY - 14 * HOUR  # 2026-10-25T00:00+02:00
    counts = account_of(sent(at=midnight + hour * HOUR) for hour in range(-1, 26)).outbound()
    assert [(day.day, day.encrypted) for day in counts.by_day] == [
        ("2026-10-24", 1),
        ("2026-10-25", 25),
        ("2026-10-26", 1),
    ]


def test_what_has_no_time_is_counted_on_no_day() -> None:
    counts = account_of([sent(at=None), sent()]).outbound()
    assert counts.deliveries == 2
    assert sum(day.encrypted for day in counts.by_day) == 1


def test_any_number_of_ciphers_is_counted_in_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directions, "MAX_SESSION_KINDS", 10)
    counts = account_of(
        sent(tls=session("trusted", cipher=f"CIPHER{number}")) for number in range(1_000)
    ).outbound()
    assert counts.encrypted == sum(row.count for row in counts.ciphers) == 1_000
    assert len(counts.ciphers) == 11
    assert counts.ciphers[0] == CountedRow("(others)", 990)
    assert named(counts.levels) == {"trusted": 1_000}


def test_days_without_number_are_counted_in_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directions, "MAX_DAYS", 7)
    counts = account_of(sent(at=NOON + day * DAY) for day in range(100)).outbound()
    assert counts.deliveries == 100
    assert [day.encrypted for day in counts.by_day] == [1] * 7


times = st.none() | st.floats(NOON, NOON + 5 * DAY)
levels = st.sampled_from(["verified", "trusted", "untrusted", "anonymous", "none", ""])
outgoing = st.builds(lambda level, at: sent(level=level, at=at), levels, times)
incoming = st.builds(lambda level, at: received(level=level, at=at), levels, times)


def assert_that_it_adds_up(
    counts: DirectionCounts, facts: Sequence[OutboundDelivery | InboundMessage]
) -> None:
    assert counts.deliveries == len(facts) == counts.encrypted + counts.plain + counts.unknown
    assert sum(named(counts.levels).values()) == counts.encrypted + counts.plain
    assert named(counts.levels).get("none", 0) == counts.plain
    for rows in (counts.versions, counts.ciphers, counts.key_exchanges):
        assert sum(named(rows).values()) == counts.encrypted
    dated = sum(fact.time is not None for fact in facts)
    days = counts.by_day
    assert sum(day.encrypted + day.plain + day.unknown for day in days) == dated


@given(st.lists(outgoing | incoming), st.randoms())
def test_sums_add_up_in_whatever_order_facts_come(
    facts: list[OutboundDelivery | InboundMessage], random: Random
) -> None:
    account = account_of(facts)
    out = [fact for fact in facts if isinstance(fact, OutboundDelivery)]
    came = [fact for fact in facts if isinstance(fact, InboundMessage)]
    assert_that_it_adds_up(account.outbound(), out)
    assert_that_it_adds_up(account.inbound(), came)
    shuffled = list(facts)
    random.shuffle(shuffled)
    again = account_of(shuffled)
    assert (again.outbound(), again.inbound()) == (account.outbound(), account.inbound())
