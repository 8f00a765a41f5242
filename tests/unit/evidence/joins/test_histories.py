"""Whatever becomes of a log: what is told of it is so, or is said to be unknown."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.deliveries import Encryption, Fact, InboundMessage, OutboundDelivery
from mtasts_resolver.evidence.joins.joiner import Joiner
from mtasts_resolver.maillog.events import LogLine, Meaning
from mtasts_resolver.maillog.messages import meaning_of
from tests.unit.evidence.joins.histories import (
    History,
    Line,
    Outcome,
    Truth,
    histories,
    seeded,
)
from tests.unit.evidence.joins.scenes import HOST

IN_DOUBT = Outcome("unknown", "")


def told(lines: Iterable[LogLine]) -> list[tuple[tuple[str, str], Outcome]]:
    """Return what the joins tell of each delivery and message."""
    joiner = Joiner()
    facts: list[Fact] = []
    for line in lines:
        event = meaning_of(line)
        if isinstance(event, Meaning):
            if event is Meaning.UNKNOWN:
                joiner.missed(line)
        else:
            facts += joiner.feed(line, event)
    facts += joiner.finish()
    return [
        (
            (fact.queue_id, fact.recipient if isinstance(fact, OutboundDelivery) else ""),
            Outcome(fact.encryption.value, fact.level),
        )
        for fact in facts
        if isinstance(fact, OutboundDelivery | InboundMessage)
    ]


def check(lines: Iterable[LogLine], truth: Truth) -> None:
    """Hold that nothing is counted twice, and nothing is told that is not so."""
    facts = told(lines)
    assert all(count == 1 for count in Counter(which for which, _ in facts).values())
    for which, outcome in facts:
        true = truth[which]
        assert outcome.encryption in {true.encryption, Encryption.UNKNOWN}, (which, outcome)
        assert outcome.level in {true.level, ""}, (which, outcome)


def check_all(lines: Iterable[LogLine], history: History) -> None:
    """Hold that everything is told as it was.

    What two processes do at once with one host may be in doubt where tlsproxy(8) has a session
    with it: whose it is only the order of lines tells.
    """
    facts = told(lines)
    if any(line.daemon == "tlsproxy" for line in history.lines):
        assert sorted(which for which, _ in facts) == sorted(history.truth)
        for which, outcome in facts:
            assert outcome in {history.truth[which], IN_DOUBT}, which
    else:
        assert sorted(facts) == sorted(history.truth.items())


@given(histories())
def test_a_whole_log_tells_all(history: History) -> None:
    check_all((line.logged() for line in history.lines), history)


@given(histories(), st.integers())
def test_how_the_lines_of_different_processes_mingle_does_not_matter(
    history: History, seed: int
) -> None:
    random = seeded(seed)
    begun, lines = history.lines[:4], history.lines[4:]
    queues: dict[int, list[Line]] = {}
    for line in lines:
        queues.setdefault(line.pid, []).append(line)
    mingled = [*begun]
    while queues:
        pid = random.choice(sorted(queues))
        mingled.append(queues[pid].pop(0))
        if not queues[pid]:
            del queues[pid]
    check_all((line.logged() for line in mingled), history)


@given(histories())
def test_copies_of_a_log_count_once(history: History) -> None:
    twice = [
        line.logged(host) for line in history.lines for host in (HOST, "mail.own.example", HOST)
    ]
    check_all(twice, history)


@pytest.mark.threat("log-lost")
@given(histories(), st.floats(0, 1), st.floats(0, 1))
def test_where_the_log_says_that_lines_are_lost_it_is_in_doubt(
    history: History, begins: float, ends: float
) -> None:
    first, last = sorted(round(place * len(history.lines)) for place in (begins, ends))
    lines = [line.logged() for line in history.lines]
    time = lines[min(last, len(lines) - 1)].time
    lost = "imuxsock lost 9 messages from pid 1 due to rate-limiting"
    lines[first:last] = [LogLine(time, HOST, "", "rsyslogd", 1, lost)]
    check(lines, history.truth)


@pytest.mark.threat("log-lost")
@given(histories(), st.floats(0, 1))
def test_a_log_that_begins_in_the_midst_is_in_doubt(history: History, place: float) -> None:
    first = round(place * len(history.lines))
    check((line.logged() for line in history.lines[first:]), history.truth)


@given(histories(), st.integers())
def test_cut_lines_leave_doubt(history: History, seed: int) -> None:
    random = seeded(seed)
    lines = []
    for line in history.lines:
        cut = random.randint(5, len(line.message)) if random.random() < 0.2 else None
        lines.append(line._replace(message=line.message[:cut]).logged())
    check(lines, history.truth)


@given(histories())
def test_without_processes_only_what_is_beyond_doubt_is_told(history: History) -> None:
    check((line.logged(with_pid=False) for line in history.lines), history.truth)


@given(histories(), st.integers())
def test_whatever_is_missing_nothing_counts_more_than_once(history: History, seed: int) -> None:
    random = seeded(seed)
    kept = [line.logged() for line in history.lines if random.random() < 0.5]
    facts = told([*kept, *kept])
    assert all(count == 1 for count in Counter(which for which, _ in facts).values())
    assert {which for which, _ in facts} <= set(history.truth)


@given(histories(), st.integers())
def test_where_a_session_stands_behind_its_delivery_times_tell(history: History, seed: int) -> None:
    random = seeded(seed)
    lines = [line.logged() for line in history.lines]
    sessions = [place for place, line in enumerate(lines) if " TLS connection " in line.message]
    for place in sessions:
        one, other = lines[place], lines[min(place + 1, len(lines) - 1)]
        if one is not other and one.pid == other.pid and random.random() < 0.5:
            later = LogLine(
                (one.time or 0) + 1, one.host, one.service, one.daemon, one.pid, other.message
            )
            lines[place : place + 2] = [later, one]
    check(lines, history.truth)
