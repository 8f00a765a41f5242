"""What the hosts of a next hop amount to: rows D1, D2 and D8."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy import (
    Dane,
    DaneFinding,
    Level,
    Mode,
    MxHost,
    Outcome,
    Policy,
    StsFinding,
    decide,
    judge_hosts,
)

USABLE, UNUSABLE, ABSENT = Outcome.USABLE, Outcome.UNUSABLE, Outcome.ABSENT
FAILED, UNFOUND, UNREACHABLE = Outcome.FAILED, Outcome.UNFOUND, Outcome.UNREACHABLE

EVERY_HOST = "every host that can be used has usable TLSA records"

ENFORCED = StsFinding(Policy(Mode.ENFORCE, 86_400, ("mx.example",)))
NO_POLICY = StsFinding(None)


@pytest.mark.row("D1", "D2", "D8")
@pytest.mark.parametrize(
    ("outcomes", "status", "reason"),
    [
        ([USABLE], Dane.REQUIRED, EVERY_HOST),
        ([USABLE, USABLE], Dane.REQUIRED, EVERY_HOST),
        # One broken host among good ones does not defer the whole domain: Postfix skips it.
        ([USABLE, FAILED], Dane.REQUIRED, EVERY_HOST),
        ([UNFOUND, USABLE], Dane.REQUIRED, EVERY_HOST),
        ([USABLE, UNREACHABLE], Dane.REQUIRED, EVERY_HOST),
        ([USABLE, ABSENT], Dane.PARTIAL, "hosts with TLSA records: 1 of 2"),
        ([USABLE, UNUSABLE, UNREACHABLE], Dane.PARTIAL, "hosts with TLSA records: 2 of 2"),
        ([UNUSABLE], Dane.PARTIAL, "hosts with TLSA records: 1 of 1, none of them usable"),
        ([ABSENT, UNUSABLE], Dane.PARTIAL, "hosts with TLSA records: 1 of 2, none of them usable"),
        ([UNUSABLE, FAILED], Dane.PARTIAL, "hosts with TLSA records: 1 of 2, none of them usable"),
        # A look-up that failed is not absence.
        ([FAILED], Dane.UNKNOWN, "host mx1.example: SERVFAIL 1"),
        ([ABSENT, FAILED, FAILED], Dane.UNKNOWN, "host mx2.example: SERVFAIL 2"),
        ([UNFOUND, FAILED], Dane.UNKNOWN, "host mx2.example: SERVFAIL 2"),
        # Nor is one of addresses, though it holds up no other host.
        ([UNFOUND, UNFOUND], Dane.UNKNOWN, "host mx1.example: SERVFAIL 1"),
        ([UNREACHABLE, UNFOUND], Dane.UNKNOWN, "host mx2.example: SERVFAIL 2"),
        (
            [ABSENT, UNFOUND, UNFOUND],
            Dane.PARTIAL,
            "no other host has TLSA records; host mx2.example: SERVFAIL 2",
        ),
        ([ABSENT, UNREACHABLE], Dane.NONE, "no host has TLSA records"),
        ([UNREACHABLE], Dane.NONE, "no host has an address"),
        ([], Dane.NONE, "no host has an address"),
    ],
)
def test_what_hosts_amount_to(outcomes: list[Outcome], status: Dane, reason: str) -> None:
    hosts = [
        MxHost(f"mx{number}.example", outcome, f"SERVFAIL {number}", f"code {number}")
        for number, outcome in enumerate(outcomes, start=1)
    ]
    # That of the host that the reason names, where the finding is that a look-up failed.
    code = f"code {reason[-1]}" if status is Dane.UNKNOWN else ""
    assert judge_hosts(hosts) == DaneFinding(status, reason, tuple(hosts), code)


def demanded(level: Level, host: Outcome) -> int:
    """Return how much Postfix demands of a host of that kind at that level."""
    nothing, encrypted, verified, skipped = range(4)
    match level, host:
        case (Level.TEMP, _) | (_, Outcome.UNREACHABLE):
            return skipped
        case (Level.SECURE, _) | (Level.DANE | Level.DANE_ONLY, Outcome.USABLE):
            return verified
        case (Level.DANE_ONLY, _) | (Level.DANE, Outcome.FAILED):
            return skipped
        case Level.DANE, Outcome.UNUSABLE:
            return encrypted
    return nothing


KNOWN = [USABLE, UNUSABLE, ABSENT, UNREACHABLE]


@pytest.mark.threat("dns-hides-tlsa")
@pytest.mark.row("D8")
@pytest.mark.parametrize("sts", [ENFORCED, NO_POLICY])
@given(st.sampled_from(KNOWN), st.lists(st.sampled_from([*KNOWN, FAILED]), max_size=4))
def test_whoever_makes_an_address_look_up_fail_gets_no_host_verified_less(
    sts: StsFinding, hidden: Outcome, others: list[Outcome]
) -> None:
    """Postfix may still find the host, since its look-ups are its own."""
    hosts = [MxHost(f"mx{number}.example", outcome) for number, outcome in enumerate(others)]
    truth = decide(judge_hosts([*hosts, MxHost("mx.example", hidden)]), sts)
    forged = decide(judge_hosts([*hosts, MxHost("mx.example", UNFOUND)]), sts)
    for host in (*others, hidden):
        assert demanded(forged.level, host) >= demanded(truth.level, host)
