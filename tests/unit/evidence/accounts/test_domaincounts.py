"""Rows for the most frequent domains, and what is beyond."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.accounts import domaincounts
from mtasts_resolver.evidence.accounts.domaincounts import DomainTally, client_name
from mtasts_resolver.evidence.deliveries import Encryption
from mtasts_resolver.maillog.events import LoggedPeer
from tests.unit.evidence.accounts.facts import SECURE, Memory, account_of, received, sent


def test_a_domain_has_a_row_of_what_went_there() -> None:
    account = account_of(
        [
            *(sent("safe.example", "verified") for _ in range(3)),
            sent("safe.example", ""),
            sent("old.example", "none"),
            sent("old.example", "untrusted"),
        ],
        Memory(safe_example=SECURE),
    )
    rows = [
        (row.domain, row.deliveries, row.encrypted, row.verified, row.plain, row.unknown)
        for row in account.outbound_domains()
    ]
    assert rows == [("safe.example", 4, 3, 3, 0, 1), ("old.example", 2, 1, 0, 1, 0)]
    assert [row.enforced for row in account.outbound_domains()] == ["mta-sts", ""]


def test_a_client_has_a_row_by_its_name_or_its_address() -> None:
    account = account_of([received("a.example"), received("unknown", address="2001:db8::1")])
    assert [row.domain for row in account.inbound_hosts()] == ["a.example", "[2001:db8::1]"]


def test_a_client_of_which_nothing_is_known_is_unknown() -> None:
    assert client_name(LoggedPeer("unknown", "")) == "unknown"


def test_who_has_many_is_not_forgotten_for_any_number_of_others() -> None:
    tally = DomainTally(capacity=100)
    for number in range(10_000):
        for domain in ("much.example", f"d{number}.example"):
            row = tally.rows.get(domain) or tally.begin(domain)
            row.count(Encryption.ENCRYPTED, "trusted")
        assert len(tally.rows) <= 100
    first, *rest = tally.counts()
    assert (first.domain, first.deliveries, first.at_least) == ("much.example", 10_000, False)
    assert rest[-1].domain == "(others)"
    assert first.deliveries + sum(row.deliveries for row in rest) == 20_000


def test_a_row_that_came_after_others_were_forgotten_says_so() -> None:
    tally = DomainTally(capacity=2)
    for domain in ("a", "b", "c"):
        tally.begin(domain).count(Encryption.PLAIN, "none")
    assert [(row.domain, row.at_least) for row in tally.counts()] == [
        ("a", False),
        ("c", True),
        ("(others)", False),
    ]


def test_a_report_has_so_many_rows_and_one_for_all_others() -> None:
    rows = account_of(
        sent(f"d{number}.example", "none") for number in range(5_000)
    ).outbound_domains()
    assert len(rows) == domaincounts.MAX_ROWS + 1
    assert (rows[-1].domain, rows[-1].deliveries) == ("(others)", 4_000)


domains = st.sampled_from([f"{name}.example" for name in "abcdefghij"])


@given(st.lists(domains, max_size=100), st.integers(2, 12))
def test_rows_never_say_more_than_there_was_and_all_of_them_add_up(
    names: list[str], capacity: int
) -> None:
    tally = DomainTally(capacity=capacity)
    for name in names:
        (tally.rows.get(name) or tally.begin(name)).count(Encryption.ENCRYPTED, "verified")
    truth, rows = Counter(names), tally.counts()
    assert sum(row.deliveries for row in rows) == len(names)
    for row in rows:
        assert row.deliveries == row.encrypted == row.verified
        if row.domain == "(others)":
            continue
        assert row.deliveries <= truth[row.domain]
        assert row.deliveries == truth[row.domain] or row.at_least
