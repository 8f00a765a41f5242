"""Whether TLS was kept where it was enforced, and what went out otherwise."""

import pytest
from msgspec.structs import replace

from mtasts_resolver.evidence.accounts import enforcement
from mtasts_resolver.evidence.accounts.enforcement import SETTLING
from mtasts_resolver.evidence.accounts.heldmail import SUSPENDED
from mtasts_resolver.evidence.deliveries import Doubt
from mtasts_resolver.evidence.told import Told
from mtasts_resolver.maillog.events import Cause, TlsAttribute
from tests.unit.evidence.accounts.facts import (
    DANE,
    DAY,
    NOON,
    NOTFOUND,
    SECURE,
    Memory,
    account_of,
    deferred,
    figure,
    parts,
    sent,
)

TOLD = Memory(safe_example=SECURE, tlsa_example=DANE, free_example=NOTFOUND)


def wanted(level: str) -> TlsAttribute:
    return TlsAttribute(level, level)


def test_all_that_went_to_enforcing_domains_was_verified() -> None:
    account = account_of(
        [
            sent("safe.example", "verified"),
            sent("tlsa.example", "verified"),
            sent("free.example", "none"),
            sent("free.example", "trusted"),
        ],
        TOLD,
    )
    assert parts(figure(account, "enforced-verified")) == (2, 2, 0)
    assert figure(account, "enforced-verified").aim == 1.0
    assert account.unverified() == ()


def test_what_went_out_unverified_is_listed_with_what_shows_it() -> None:
    account = account_of(
        [
            sent("safe.example", "verified"),
            sent("safe.example", "trusted", queue_id="Q2", mx="mx2.safe.example"),
            sent("tlsa.example", "none", queue_id="Q3"),
        ],
        TOLD,
    )
    assert parts(figure(account, "enforced-verified")) == (1, 3, 0)
    trusted, plain = account.unverified()
    assert (trusted.at, trusted.domain, trusted.mx) == (
        "2026-11-02T13:00:00+01:00",
        "safe.example",
        "mx2.safe.example",
    )
    assert (trusted.queue_id, trusted.level, trusted.enforced) == ("Q2", "trusted", "mta-sts")
    assert trusted.evidence == (
        "The log calls the TLS session (TLSv1.3) `trusted`, not `verified`."
        " Postfix was told to verify safe.example, by mta-sts."
    )
    assert (plain.level, plain.enforced) == ("none", "dane")
    assert plain.evidence == (
        "The log shows no TLS session for this delivery: it went in plain text."
        " Postfix was told to verify tlsa.example, by dane."
    )


def test_what_postfix_wanted_instead_is_part_of_the_evidence() -> None:
    """Another table of its own came first, or the message said TLS-Required: no."""
    account = account_of([sent("safe.example", "trusted", wanted=wanted("may"))], TOLD)
    (row,) = account.unverified()
    assert row.evidence.endswith("was told to verify safe.example, by mta-sts, and wanted tls=may.")


def test_where_sessions_differ_but_in_their_level_that_is_the_evidence() -> None:
    fact = replace(sent("safe.example", "trusted"), tls=None, doubt=Doubt.AMBIGUOUS)
    (row,) = account_of([fact], TOLD).unverified()
    assert row.evidence.startswith("The log calls the TLS session `trusted`, not `verified`.")


def test_where_the_log_names_another_next_hop_that_is_what_postfix_was_told_of() -> None:
    """Mail of all domains goes to a relayhost."""
    facts = [
        sent("free.example", "trusted", reported="safe.example"),
        sent("safe.example", "trusted", reported="free.example"),
    ]
    (row,) = account_of(facts, TOLD).unverified()
    assert (row.domain, row.enforced) == ("free.example", "mta-sts")
    assert "told to verify safe.example" in row.evidence


def test_where_the_log_does_not_tell_it_is_unknown_not_unverified() -> None:
    encrypted = replace(sent("safe.example", "trusted"), level="", doubt=Doubt.AMBIGUOUS)
    facts = [sent("safe.example", ""), encrypted, sent("safe.example", "verified")]
    account = account_of(facts, TOLD)
    assert parts(figure(account, "enforced-verified")) == (1, 1, 2)
    assert account.unverified() == ()


def test_where_nobody_knows_what_was_enforced_a_share_would_be_all_and_so_there_is_none() -> None:
    account = account_of([sent(level="verified"), sent(level="trusted"), sent(level="none")])
    verified = figure(account, "enforced-verified")
    assert (parts(verified), verified.share) == ((0, 0, 2), None)
    assert "known: 1, not counted here" in verified.how


@pytest.mark.parametrize("level", ["secure", "verify", "fingerprint", "dane-only"])
def test_postfix_3_11_says_itself_what_it_enforced(level: str) -> None:
    account = account_of(
        [sent(level="verified", wanted=wanted(level)), sent(level="none", wanted=wanted(level))]
    )
    assert parts(figure(account, "enforced-verified")) == (1, 2, 0)
    (row,) = account.unverified()
    assert row.enforced == ("dane" if level == "dane-only" else "postfix")
    (domain,) = account.outbound_domains()
    assert domain.enforced == row.enforced
    if row.enforced == "postfix":
        assert row.evidence.endswith(f"Postfix itself had to verify it: tls={level}.")


@pytest.mark.parametrize("level", ["none", "may", "encrypt", "dane", "halfdane"])
def test_what_postfix_3_11_did_not_enforce_is_not_unknown(level: str) -> None:
    account = account_of([sent(level="untrusted", wanted=wanted(level))])
    assert parts(figure(account, "enforced-verified")) == (0, 0, 0)


def test_what_postfix_3_11_could_not_find_out_is_unknown() -> None:
    account = account_of([sent(level="trusted", wanted=wanted("unknown"))])
    assert parts(figure(account, "enforced-verified")) == (0, 0, 1)


def test_a_session_may_be_older_than_the_policy() -> None:
    memory = Memory(new_example=NOTFOUND).change("new.example", NOON, SECURE)
    account = account_of(
        [
            sent("new.example", "trusted", at=NOON - 1),
            sent("new.example", "trusted", at=NOON + SETTLING - 1),
            sent("new.example", "trusted", at=NOON + SETTLING - 1, wanted=wanted("may")),
            sent("new.example", "trusted", at=NOON + SETTLING),
        ],
        memory,
    )
    assert parts(figure(account, "enforced-verified")) == (0, 1, 2)
    assert len(account.unverified()) == 1


def test_mail_for_which_postfix_was_told_to_wait_says_nothing_of_what_was_enforced() -> None:
    account = account_of([sent(level="trusted")], Memory(partner_example=Told("temp", "")))
    assert parts(figure(account, "enforced-verified")) == (0, 0, 1)


@pytest.mark.parametrize(("level", "word"), [("dane", "dane"), ("may", "postfix")])
def test_who_verified_is_told_as_far_as_the_log_does(level: str, word: str) -> None:
    (row,) = account_of([sent(level="verified", wanted=wanted(level))]).outbound_domains()
    assert row.enforced == word


def test_who_must_be_verified_only_with_tlsa_records_is_not_enforced_without() -> None:
    memory = Memory(partner_example=Told("dane", "dane"))
    account = account_of([sent(level="verified"), sent(level="trusted")], memory)
    assert parts(figure(account, "enforced-verified")) == (0, 0, 0)
    (row,) = account.outbound_domains()
    assert row.enforced == "dane"


def test_unverified_deliveries_are_all_counted_and_listed_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(enforcement, "MAX_UNVERIFIED", 3)
    account = account_of((sent("safe.example", "none") for _ in range(10)), TOLD)
    assert parts(figure(account, "enforced-verified")) == (0, 10, 0)
    assert len(account.unverified()) == 3


def test_the_success_rate_sets_what_was_verified_against_what_was_held() -> None:
    """An attempt that failed for another reason says nothing of TLS."""
    account = account_of(
        [
            *(sent("safe.example", "verified") for _ in range(6)),
            sent("other.example", "verified"),
            sent("safe.example", "trusted"),
            deferred("safe.example", Cause.EXPIRED),
            deferred("other.example", Cause.NAME_MISMATCH),
            deferred("safe.example", reason="421 too busy"),
            deferred("safe.example", Cause.EXPIRED, reason=f"{SUSPENDED}expired"),
            sent("free.example", "none"),
        ],
        TOLD,
    )
    assert parts(figure(account, "enforcement-success")) == (7, 10, 0)
    assert parts(figure(account, "enforcement-failures")) == (2, 10, 0)


def test_a_handshake_that_fails_holds_opportunistic_mail_too() -> None:
    """Postfix tries plain text only once the message has waited: nothing was enforced."""
    names = ("free", "safe", "unheard", "unheard")
    facts = [deferred(f"{name}.example", Cause.HANDSHAKE) for name in names]
    account = account_of(facts, TOLD)
    assert parts(figure(account, "enforcement-success")) == (0, 1, 2)
    assert parts(figure(account, "messages-held")) == (1, 1, 0)
    rows = {row.domain: row.enforced for row in account.failures()}
    assert rows == {"free.example": "", "safe.example": "mta-sts", "unheard.example": ""}


@pytest.mark.parametrize(
    "cause", [Cause.NO_STARTTLS, Cause.STARTTLS_REFUSED, Cause.NOT_VERIFIED, Cause.POLICY_LOOKUP]
)
def test_other_causes_show_that_tls_was_enforced_whoever_did(cause: Cause) -> None:
    account = account_of([deferred(cause=cause)])
    assert parts(figure(account, "enforcement-success")) == (0, 1, 0)
    assert [row.enforced for row in account.failures()] == ["postfix"]


def test_encrypted_figures_leave_out_what_cannot_be_told_and_say_so() -> None:
    account = account_of([sent(at=NOON + DAY), sent(level="none"), sent(level="")])
    assert parts(figure(account, "outbound-encrypted")) == (1, 2, 1)
    assert parts(figure(account, "inbound-encrypted")) == (0, 0, 0)
