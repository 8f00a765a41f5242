"""What of a change weakens protection."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy import (
    Dane,
    Mode,
    Policy,
    Weakening,
    matches,
    outside,
    weakened_by_change,
    weakened_by_dane,
    weakened_by_loss,
)


def policy(mode: str, *mx: str) -> Policy:
    return Policy(Mode(mode), 604_800, mx)


# What a change of mode alone is, by the old and the new one: where a map enforces policies in mode
# testing, and where none does.
MODES = {
    ("enforce", "enforce"): ([], []),
    ("enforce", "testing"): (["mode"], ["mode"]),
    ("enforce", "none"): (["mode"], ["mode"]),
    ("testing", "enforce"): ([], []),
    ("testing", "testing"): ([], []),
    ("testing", "none"): ([], ["mode"]),
    ("none", "enforce"): ([], []),
    ("none", "testing"): ([], []),
    ("none", "none"): ([], []),
}


@pytest.mark.parametrize(("old", "new"), [*product(Mode, Mode)])
def test_a_change_of_mode(old: Mode, new: Mode) -> None:
    for enforce_testing, expected in zip((False, True), MODES[old, new], strict=True):
        found = weakened_by_change(
            policy(old, "mx.a.example"),
            policy(new, "mx.a.example"),
            enforce_testing=enforce_testing,
        )
        assert found == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (["mx.a.example"], ["mx.a.example"], []),
        (["mx.a.example", "mx.b.example"], ["mx.b.example"], []),
        (["mx.b.example"], ["mx.b.example", "mx.c.example"], ["mx.c.example"]),
        (["mx.a.example"], ["mx.evil.example"], ["mx.evil.example"]),
        (["*.a.example"], ["mx.a.example"], []),
        (["*.a.example"], ["*.a.example", "mx1.a.example"], []),
        (["*.a.example"], ["mx.deep.a.example"], ["mx.deep.a.example"]),
        (["*.a.example"], ["a.example"], ["a.example"]),
        (["mx.a.example"], ["*.a.example"], ["*.a.example"]),
        (["mx.a.example", "mx2.a.example"], ["*.a.example"], ["*.a.example"]),
        (["*.a.example"], ["*.b.a.example"], ["*.b.a.example"]),
        (["*.b.a.example"], ["*.a.example"], ["*.a.example"]),
    ],
)
def test_hosts_outside_the_old_ones(old: list[str], new: list[str], expected: list[str]) -> None:
    assert outside(tuple(new), tuple(old)) == expected
    found = weakened_by_change(
        policy("enforce", *old), policy("enforce", *new), enforce_testing=False
    )
    assert found == ([Weakening.MX] if expected else [])


LABELS = st.sampled_from(["a", "b", "c"])
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(".".join)
PATTERNS = NAMES | NAMES.map("*.{}".format)


@given(st.lists(PATTERNS).map(tuple), st.lists(PATTERNS).map(tuple))
def test_it_is_outside_if_some_host_is_verified_anew(
    old: tuple[str, ...], new: tuple[str, ...]
) -> None:
    """Of names with these labels, and with one that no pattern names."""
    labels = ["a", "b", "c", "other"]
    hosts = [".".join(parts) for n in (1, 2, 3, 4) for parts in product(labels, repeat=n)]

    def verified(patterns: tuple[str, ...]) -> set[str]:
        return {host for host in hosts if any(matches(host, mx) for mx in patterns)}

    assert bool(outside(new, old)) == bool(verified(new) - verified(old))


def test_new_hosts_matter_where_hosts_were_verified_and_still_are() -> None:
    for enforce_testing in (False, True):
        for old, new in product(Mode, Mode):
            found = weakened_by_change(
                policy(old, "mx.a.example"),
                policy(new, "mx.b.example"),
                enforce_testing=enforce_testing,
            )
            protects = {Mode.ENFORCE, Mode.TESTING} if enforce_testing else {Mode.ENFORCE}
            assert (Weakening.MX in found) == (old in protects and new in protects)


@pytest.mark.parametrize("loss", [Weakening.EXPIRED, Weakening.RECORD_GONE])
@pytest.mark.parametrize(
    ("mode", "enforce_testing", "weakens"),
    [
        ("enforce", False, True),
        ("enforce", True, True),
        ("testing", False, False),
        ("testing", True, True),
        ("none", False, False),
        ("none", True, False),
    ],
)
def test_the_loss_of_a_policy_that_protects(
    mode: str, enforce_testing: bool, weakens: bool, loss: Weakening
) -> None:
    """Who leaves MTA-STS publishes mode none, and then nothing: no weakening (RFC 8461 §8.3)."""
    found = weakened_by_loss(policy(mode, "mx.a.example"), loss, enforce_testing=enforce_testing)
    assert found == ([loss] if weakens else [])


@pytest.mark.parametrize(("old", "new"), [*product(Dane, Dane)])
def test_dane_is_lost_where_it_was_required_and_is_known_not_to_be(old: Dane, new: Dane) -> None:
    lost = old is Dane.REQUIRED and new in {Dane.PARTIAL, Dane.NONE}
    assert weakened_by_dane(old, new) == ([Weakening.DANE_LOST] if lost else [])
