"""What is of a period, and of the domains that were asked for."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mtasts_resolver.evidence.deliveries import Fact, FailedLookup, FailedSession, MessageGone
from mtasts_resolver.evidence.report import CountedRow, EnforcementFailure, PolicyRetrieval
from mtasts_resolver.maillog.events import Cause, LoggedPeer
from tests.unit.evidence.accounts.facts import (
    DAY,
    HOUR,
    NOON,
    account_of,
    deferred,
    figure,
    parts,
    received,
    sent,
)


def failed_lookup(domain: str, reason: str, cause: Cause = Cause.POLICY_LOOKUP) -> FailedLookup:
    return FailedLookup(time=NOON, host="out", domain=domain, cause=cause, reason=reason)


def failed_session(host: str, reason: str) -> FailedSession:
    peer = LoggedPeer(host, "192.0.2.1")
    return FailedSession(
        time=NOON,
        host="in",
        inbound=True,
        peer=peer,
        domain="",
        cause=Cause.HANDSHAKE,
        reason=reason,
    )


def test_a_period_has_its_beginning_and_not_its_end() -> None:
    facts = [sent(at=NOON + hour * HOUR) for hour in range(5)]
    account = account_of(facts, since=NOON + HOUR, until=NOON + 3 * HOUR)
    assert account.outbound().deliveries == 2


def test_what_has_no_time_is_of_no_period_but_of_all_that_there_is() -> None:
    facts: list[Fact] = [sent(at=None), received(at=None), sent()]
    whole, day = account_of(facts), account_of(facts, since=NOON - DAY, until=NOON + DAY)
    assert (whole.outbound().deliveries, whole.undated) == (2, 0)
    assert (day.outbound().deliveries, day.undated) == (1, 2)
    gone = MessageGone(time=None, host="out", queue_id="Q1", expired=False)
    assert account_of([gone], since=NOON).undated == 0
    assert account_of(facts, since=NOON, domains=["elsewhere.example"]).undated == 0


def test_a_report_on_domains_is_of_these_and_what_is_below_them() -> None:
    facts: list[Fact] = [
        sent("partner.example"),
        sent("sub.partner.example"),
        sent("otherpartner.example"),
        deferred("partner.example", Cause.EXPIRED),
        deferred("otherpartner.example", Cause.EXPIRED),
        received("mx.partner.example"),
        received("mx.otherpartner.example"),
        received("partner.example.net"),
        failed_session("mx.partner.example", "no shared cipher"),
        failed_session("mx.elsewhere.example", "no shared cipher"),
        failed_lookup("partner.example", "timeout"),
        failed_lookup("elsewhere.example", "timeout"),
    ]
    account = account_of(facts, domains=["partner.example"])
    assert account.outbound().deliveries == 2
    assert {row.domain for row in account.outbound_domains()} == {
        "partner.example",
        "sub.partner.example",
    }
    assert [row.domain for row in account.inbound_hosts()] == ["mx.partner.example"]
    assert [row.domain for row in account.failures()] == ["partner.example"]
    assert account.inbound_failures() == (CountedRow("handshake: no shared cipher", 1),)
    assert account.lookups() == (CountedRow("policy-lookup: timeout", 1),)


def test_reasons_are_folded_to_what_they_have_in_common() -> None:
    account = account_of(
        [
            failed_lookup("a.example", 'table lookup error for "a.example"'),
            failed_lookup("b.example", 'table lookup error for  "b.example"'),
            failed_lookup("c.example", "", Cause.POLICY_INVALID),
            failed_session(
                "x.example",
                "-1: 4711:error:140760FC:SSL routines:SSL23_HELLO:no shared cipher:s23.c:1:",
            ),
            failed_session(
                "y.example",
                "-1: error:0A0000C1:SSL routines::no shared cipher:../ssl/statem_srvr.c:",
            ),
            failed_session("z.example", "from z.example[192.0.2.1]:4444: lost\nconnection"),
            failed_session("z.example", "to sub.z.example: TLSv1.3 not supported"),
        ]
    )
    assert account.lookups() == (
        CountedRow("policy-lookup: table lookup error for …", 2),
        CountedRow("policy-invalid", 1),
    )
    assert account.inbound_failures() == (
        CountedRow("handshake: no shared cipher", 2),
        CountedRow("handshake: from …: lost connection", 1),
        CountedRow("handshake: to …: TLSv1.3 not supported", 1),
    )


def test_reasons_without_number_are_counted_in_bounded_memory() -> None:
    words = ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(2_000)]
    rows = account_of(failed_session("x.example", word) for word in words).inbound_failures()
    assert len(rows) == 501
    assert rows[0] == CountedRow("(others)", 1_500)


def test_plain_text_is_listed_by_domain_host_and_direction() -> None:
    account = account_of(
        [
            sent("old.example", "none", mx="mx1.old.example"),
            sent("old.example", "none", mx="mx1.old.example", at=NOON + DAY),
            sent("old.example", "none", mx="mx2.old.example"),
            sent("old.example", "untrusted"),
            received("client.example", "none"),
            received("unknown", "none", address="203.0.113.9"),
            received("unknown", ""),
        ]
    )
    rows = [(row.inbound, row.domain, row.host, row.deliveries) for row in account.unencrypted()]
    assert rows == [
        (False, "old.example", "mx1.old.example", 2),
        (False, "old.example", "mx2.old.example", 1),
        (True, "client.example", "198.51.100.1", 1),
        (True, "[203.0.113.9]", "203.0.113.9", 1),
    ]
    first = account.unencrypted()[0]
    assert (first.first, first.last) == ("2026-11-02T13:00:00+01:00", "2026-11-03T13:00:00+01:00")


def test_policies_that_are_absent_are_no_failure_to_retrieve_them() -> None:
    rows = (CountedRow("sts-policy-fetch-error", 3), CountedRow("sts-policy-invalid", 1))
    retrieval = PolicyRetrieval(fetched=96, failed=rows, absent=1_000, source="history", since=None)
    (told,) = (row for row in account_of([]).figures(retrieval) if row.key == "policies-retrieved")
    assert parts(told) == (96, 100, 0)
    assert figure(account_of([]), "policies-retrieved").share is None


domains = st.sampled_from(["a.example", "b.example"])
HOSTS = ("out1", "out2")


def ended(row: EnforcementFailure) -> tuple[str, int, int, int, int]:
    return row.domain, row.messages, row.delivered, row.bounced, row.waiting


levels = st.sampled_from(["verified", "trusted", "none", ""])
attempts = st.builds(
    lambda domain, cause, queue_id, bounced: deferred(
        domain, cause, queue_id=queue_id, bounced=bounced
    ),
    *(domains, st.sampled_from([None, Cause.EXPIRED]), st.sampled_from("QR"), st.booleans()),
) | st.builds(
    lambda domain, level, queue_id: sent(domain, level, queue_id=queue_id),
    *(domains, levels, st.sampled_from("QR")),
)
facts = st.lists(
    st.builds(sent, domains, levels) | st.builds(received, domains, levels),
    max_size=50,
)


@given(st.lists(st.tuples(st.sampled_from(HOSTS), attempts), max_size=40), st.data())
def test_logs_of_two_hosts_say_the_same_however_their_lines_are_interleaved(
    told: list[tuple[str, Fact]], data: st.DataObject
) -> None:
    """Each log is in order; which of the two a second's lines came from first, nobody knows."""
    logs = {host: [replace(fact, host=host) for of, fact in told if of == host] for host in HOSTS}
    together = [fact for host in HOSTS for fact in logs[host]]
    order = data.draw(st.permutations([fact.host for fact in together]))
    interleaved = [logs[host].pop(0) for host in order]
    one, other = account_of(together), account_of(interleaved)
    assert one.figures(None) == other.figures(None)
    assert one.outbound() == other.outbound()
    assert set(one.outbound_domains()) == set(other.outbound_domains())
    assert {ended(row) for row in one.failures()} == {ended(row) for row in other.failures()}


@given(facts)
def test_domains_add_up_to_the_totals(facts: list[Fact]) -> None:
    account = account_of(facts)
    for counts, rows in (
        (account.outbound(), account.outbound_domains()),
        (account.inbound(), account.inbound_hosts()),
    ):
        for name in ("deliveries", "encrypted", "plain", "unknown"):
            assert sum(getattr(row, name) for row in rows) == getattr(counts, name)
    plain = account.outbound().plain + account.inbound().plain
    assert sum(row.deliveries for row in account.unencrypted()) == plain
    of = [figure.denominator + figure.unknown for figure in account.figures(None)]
    assert max(of) <= len(facts)
