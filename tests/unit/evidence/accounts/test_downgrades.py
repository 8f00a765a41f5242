"""Signs of a downgrade: histories that are one, and those that are harmless."""

from collections.abc import Iterable, Sequence

import pytest
from msgspec.structs import replace

from mtasts_resolver.evidence.accounts import Account
from mtasts_resolver.evidence.deliveries import Fact, FailedSession
from mtasts_resolver.evidence.report import Downgrade
from mtasts_resolver.evidence.weakenings import PastWeakening
from mtasts_resolver.maillog.events import Cause, LoggedPeer
from tests.unit.evidence.accounts.facts import (
    BERLIN,
    DAY,
    HOUR,
    NOON,
    NOTFOUND,
    SECURE,
    Memory,
    account_of,
    deferred,
    received,
    sent,
)

MX = "mx.partner.example"


def daily(
    levels: Iterable[str],
    domain: str = "partner.example",
    *,
    mx: str = MX,
    address: str = "192.0.2.1",
    begin: float = NOON,
    every: float = DAY,
) -> list[Fact]:
    """Return a delivery a day, each at its level."""
    return [
        sent(
            domain, level, mx=mx, address=address, at=begin + day * every, queue_id=f"{domain}{day}"
        )
        for day, level in enumerate(levels)
    ]


def signs(
    facts: Sequence[Fact], memory: Memory | None = None, since: float | None = None
) -> list[tuple[str, str]]:
    """Return the kind of each sign, and what it is about."""
    in_order = sorted(facts, key=lambda fact: fact.time or 0)
    account = account_of(in_order, memory, since=since)
    return [(sign.kind, sign.about) for sign in account.downgrades()]


def only(account: Account) -> Downgrade:
    """Return its one sign."""
    (sign,) = account.downgrades()
    return sign


def test_a_host_that_used_to_offer_tls_and_no_longer_does() -> None:
    facts = daily(["trusted"] * 30) + daily(
        ["none"] * 4, begin=NOON + 30 * DAY, address="198.51.100.9"
    )
    sign = only(account_of(facts))
    assert (sign.kind, sign.about, sign.at) == ("tls-vanished", MX, "2026-12-02T13:00:00+01:00")
    assert sign.before == (
        "30 messages over TLS (trusted),"
        " from 2026-11-02 13:00:00 +01:00 to 2026-12-01 13:00:00 +01:00"
    )
    assert sign.after == (
        "4 messages in plain text, from 2026-12-02 13:00:00 +01:00 to 2026-12-05 13:00:00 +01:00"
    )
    assert sign.evidence[1:] == ("Before, it was at 192.0.2.1; now at 198.51.100.9.",)


def test_a_host_in_plain_text_for_some_hours_and_then_with_tls_again() -> None:
    facts = daily(["trusted"] * 200 + ["none"] * 5 + ["trusted"] * 3, every=HOUR)
    sign = only(account_of(facts))
    assert sign.after.endswith("; then as before, from 2026-11-11 02:00:00 +01:00")
    assert "less than once in 100,000 times" in sign.evidence[0]


def test_a_client_that_used_to_speak_tls() -> None:
    facts: list[Fact] = [
        received(level="anonymous" if day < 30 else "none", at=NOON + day * DAY)
        for day in range(35)
    ]
    assert signs(facts) == [("tls-vanished", "client.example")]


def test_a_domain_that_moved_to_a_host_without_tls() -> None:
    facts = daily(["trusted"] * 30) + daily(
        ["none"] * 4, begin=NOON + 30 * DAY, mx="mx.new.example"
    )
    assert signs(facts[:-1]) == []
    sign = only(account_of(facts))
    assert (sign.kind, sign.about) == ("tls-vanished", "partner.example")
    assert sign.evidence[1:] == ("Before, it was at mx.partner.example; now at mx.new.example.",)


def test_a_host_whose_certificate_is_trusted_no_more() -> None:
    facts = daily(["trusted"] * 30 + ["untrusted"] * 4)
    sign = only(account_of(facts))
    assert (sign.kind, sign.about) == ("level-fell", MX)
    assert sign.after.startswith("4 messages over TLS (untrusted)")


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (
            Memory(partner_example=SECURE),
            "Postfix was told to verify it all the same, by mta-sts.",
        ),
        (
            Memory(partner_example=SECURE).change("partner.example", NOON + 30 * DAY, NOTFOUND),
            "Postfix was told `notfound` then: nobody demanded that it be verified.",
        ),
        (Memory(), "What Postfix was told of it then is not known."),
    ],
)
def test_a_domain_that_is_verified_no_more_with_what_postfix_was_told(
    memory: Memory, words: str
) -> None:
    sign = only(account_of(daily(["verified"] * 30 + ["trusted"] * 4), memory))
    assert (sign.kind, sign.about) == ("level-fell", "partner.example")
    assert sign.evidence[-1] == words


def test_a_certificate_that_was_verified_and_fails_since() -> None:
    facts = daily(["verified"] * 30)
    for day in range(30, 34):
        facts.append(
            deferred(
                cause=Cause.SELF_SIGNED,
                mx=MX,
                address="198.51.100.9",
                at=NOON + day * DAY,
                queue_id="held",
            )
        )
    sign = only(account_of(facts))
    assert (sign.kind, sign.about) == ("certificate-failing", MX)
    assert sign.after.startswith("4 attempts held (self-signed), from 2026-12-02")
    assert sign.evidence == (
        "Mail to partner.example must verify it.",
        "Before, it was at 192.0.2.1; now at 198.51.100.9.",
    )


def test_a_certificate_that_expired_is_told_to_be_one() -> None:
    facts = daily(["verified"] * 30)
    facts += [deferred(cause=Cause.EXPIRED, mx=MX, at=NOON + day * DAY) for day in range(30, 34)]
    assert only(account_of(facts)).evidence[-1] == (
        "A certificate that has expired is mostly forgotten, not forged."
    )


def test_a_host_that_is_given_up_for_another_since_its_certificate_fails() -> None:
    peer = LoggedPeer(MX, "192.0.2.1", 25)
    facts = daily(["verified"] * 30)
    for day in range(30, 36):
        facts.append(
            FailedSession(
                time=NOON + day * DAY,
                host="out",
                inbound=False,
                peer=peer,
                domain="partner.example",
                cause=Cause.NAME_MISMATCH,
                reason="Server certificate not verified",
            )
        )
        facts.append(sent(level="verified", mx="mx2.partner.example", at=NOON + day * DAY + 1))
    assert signs(facts) == [("certificate-failing", MX)]


def test_one_host_of_many_domains_is_one_sign() -> None:
    facts: list[Fact] = []
    for number in range(8):
        domain = f"d{number}.example"
        facts += daily(["verified"] * 30, domain)
        facts += [
            deferred(domain, Cause.NOT_VERIFIED, mx=MX, at=NOON + day * DAY, queue_id=domain)
            for day in range(30, 34)
        ]
    facts += daily(["verified"] * 40, "well.example", mx="mx.well.example")
    account = account_of(sorted(facts, key=lambda fact: fact.time or 0))
    (domains,) = only(account).evidence
    assert domains.startswith(
        "Mail to d0.example, d1.example, d2.example, d3.example, d4.example and 3"
    )


HARMLESS: dict[str, list[Fact]] = {
    "a host that never had TLS": daily(["none"] * 50),
    "a host that always has it": daily(["trusted"] * 50),
    "a second MX host that never had TLS, used for a day": daily(["trusted"] * 50)
    + daily(["none"] * 8, mx="mx2.partner.example", begin=NOON + 49 * DAY, every=HOUR),
    "a second MX host that never had TLS, used now and then": [
        *daily(["trusted"] * 300),
        *(
            fact
            for day in (50, 100, 150, 200, 250, 299)
            for fact in daily(["none"], mx="mx2.partner.example", begin=NOON + day * DAY + HOUR)
        ),
    ],
    "a pool of hosts of one name, of which one has no TLS": daily(
        ["trusted"] * 3 + (["none"] + ["trusted"] * 6) * 20 + ["none"], every=HOUR
    ),
    "a pool of which one has a certificate that nobody trusts": daily(
        (["trusted"] * 4 + ["untrusted"]) * 20, every=HOUR
    ),
    "one message with many recipients in plain text": daily(["trusted"] * 50)
    + [sent(level="none", mx=MX, at=NOON + 50 * DAY, recipient=f"r{n}@x") for n in range(40)],
    "deliveries of which nothing is known": daily(["trusted"] * 50 + [""] * 20),
    "a host of which little is known": daily(["trusted"] * 3 + [""] * 100 + ["none"] * 3),
    "another domain at the same host, which need not be verified": daily(["verified"] * 50)
    + daily(["trusted"] * 50, "other.example", begin=NOON + HOUR),
    "a certificate that fails for another domain at the same host": daily(["verified"] * 50)
    + [
        deferred("other.example", Cause.NAME_MISMATCH, mx=MX, at=NOON + day * DAY + HOUR)
        for day in range(50)
    ],
    "a certificate that was renewed a day late": daily(["verified"] * 50)
    + [
        deferred(cause=Cause.EXPIRED, mx=MX, at=NOON + 50 * DAY + minute * 60)
        for minute in range(9)
    ]
    + daily(["verified"] * 10, begin=NOON + 51 * DAY),
    "attempts that failed for other reasons": daily(["verified"] * 50)
    + [deferred(mx=MX, at=NOON + day * DAY) for day in range(50, 60)],
    "clients without a name": [
        received("unknown", "anonymous" if day < 30 else "none", at=NOON + day * DAY)
        for day in range(40)
    ],
    "another port of the same host": daily(["trusted"] * 50)
    + [
        replace(fact, peer=LoggedPeer(MX, "192.0.2.1", 2525), domain="other.example")
        for fact in daily(["none"] * 10, begin=NOON + 50 * DAY)
    ],
    "mail without times": [sent(level=level, at=None) for level in ["trusted"] * 50 + ["none"] * 9],
}


@pytest.mark.parametrize("facts", HARMLESS.values(), ids=HARMLESS.keys())
def test_no_sign_is_seen_in(facts: list[Fact]) -> None:
    assert signs(facts) == []


def test_what_comes_over_all_hosts_at_once_is_of_ones_own() -> None:
    """smtp_tls_security_level was changed, or the file of certificate authorities is gone."""
    facts: list[Fact] = []
    for number in range(12):
        facts += daily(
            ["trusted"] * 30 + ["none"] * 4, f"d{number}.example", mx=f"mx{number}.example"
        )
    account = account_of(sorted(facts, key=lambda fact: fact.time or 0))
    sign = only(account)
    assert (sign.kind, sign.about) == ("tls-vanished", "this mail system")
    assert sign.after == "48 messages in plain text, to or from 12 others"
    assert sign.evidence[0].startswith(
        "It is so of mx0.example, mx1.example, mx10.example, mx11.example, mx2.example and 7 more"
    )


def losing(*days: int) -> list[tuple[str, str]]:
    """Return the signs of hosts that have TLS until a day each, and not for ten days since."""
    facts: list[Fact] = []
    for number, day in enumerate(days):
        levels = ["trusted"] * day + ["none"] * 10
        facts += daily(levels, f"d{number}.example", mx=f"mx{number}.example")
    return signs(facts)


def test_two_hosts_or_some_at_another_time_are_not_all_at_once() -> None:
    kind = "tls-vanished"
    assert losing(30, 30, 30) == [(kind, "this mail system")]
    assert losing(30, 30) == [(kind, "mx0.example"), (kind, "mx1.example")]
    assert losing(25, 30, 30, 30) == [(kind, f"mx{number}.example") for number in range(4)]


def test_certificates_that_all_fail_at_once_are_of_ones_own() -> None:
    facts: list[Fact] = []
    for number in range(5):
        domain, mx = f"d{number}.example", f"mx{number}.example"
        facts += daily(["verified"] * 30, domain, mx=mx)
        facts += [
            deferred(domain, Cause.UNTRUSTED, mx=mx, at=NOON + day * DAY) for day in range(30, 34)
        ]
    sign = only(account_of(sorted(facts, key=lambda fact: fact.time or 0)))
    assert (sign.kind, sign.about) == ("certificate-failing", "this mail system")
    assert sign.after == "20 attempts held (untrusted), to or from 5 others"


def test_signs_are_of_the_period_and_what_was_before_it_counts() -> None:
    facts = daily(["trusted"] * 30 + ["none"] * 10)
    assert signs(facts, since=NOON + 30 * DAY) == [("tls-vanished", MX)]
    assert signs(facts, since=NOON + 31 * DAY) == []
    account = account_of(facts, since=NOON, until=NOON + 30 * DAY)
    assert account.downgrades() == ()


def test_an_account_that_does_not_watch_has_no_signs() -> None:
    account = Account(Memory(), BERLIN, watch=False)
    for fact in daily(["trusted"] * 30 + ["none"] * 10):
        account.add(fact)
    assert account.downgrades() == ()
    assert account.outbound().deliveries == 40


def weakening(
    *weakened: str, hours: float | None = None, domain: str = "a.example"
) -> PastWeakening:
    return PastWeakening(
        domain=domain,
        since=NOON,
        until=None if hours is None else NOON + hours * HOUR,
        weakened=weakened,
        was="version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 604800\n",
        now="",
        reason="no record",
    )


def test_a_record_that_vanished_while_the_policy_lives() -> None:
    (sign,) = account_of([]).downgrades([weakening("record-gone")])
    assert sign == Downgrade(
        kind="policy-vanished",
        about="a.example",
        at="2026-11-02T13:00:00+01:00",
        before="version: STSv1; mode: enforce; mx: mx.a.example; max_age: 604800",
        after="nothing",
        evidence=(
            "It has no policy record any more. The cached policy applies until it expires.",
            "no record",
        ),
    )


@pytest.mark.parametrize("by", ["mode", "mx", "expired", "dane-lost", "a-way-to-come"])
def test_a_policy_that_weakened(by: str) -> None:
    (sign,) = account_of([]).downgrades([weakening(by, hours=3)])
    assert sign.kind == "policy-weakened"
    assert sign.after == "nothing; as before from 2026-11-02 16:00:00 +01:00"


def test_a_record_that_was_soon_back_is_no_sign_and_a_policy_that_was_is_one() -> None:
    account = account_of([])
    assert account.downgrades([weakening("record-gone", hours=23)]) == ()
    assert len(account.downgrades([weakening("record-gone", hours=25)])) == 1
    assert len(account.downgrades([weakening("mode", hours=1)])) == 1


def test_weakenings_are_of_the_period_and_of_the_domains_that_were_asked_for() -> None:
    ours = [
        weakening("mode"),
        weakening("mode", domain="sub.a.example"),
        weakening("mode", domain="b"),
    ]
    account = account_of([], domains=["a.example"])
    assert [sign.about for sign in account.downgrades(ours)] == ["a.example", "sub.a.example"]
    assert account_of([], until=NOON).downgrades(ours) == ()
    assert account_of([], since=NOON + 1).downgrades(ours) == ()
