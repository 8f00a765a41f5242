"""What the real daemon contributes to a report: while it runs, is restarted, is killed, is down."""

import asyncio
import json
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.counts import DailyCount
from mtasts_resolver.evidence.daemonside import DaemonMemory, DaemonSide, find_history
from mtasts_resolver.evidence.report import ReportPeriod
from mtasts_resolver.evidence.told import UNKNOWN, Told
from mtasts_resolver.store.history import history_path
from tests.system.running import ENFORCED, RunningDaemon

GOOD, ABSENT = "good.example", "[192.0.2.1]"
MINUTE = 60.0


def counts(daemon: RunningDaemon) -> dict[tuple[str, str, str], int]:
    """Return how often the daemon has answered how."""
    with ControlClient(daemon.control) as client:
        found = client.stream("GET", DailyCount, "counts")
        return {(one.subject, one.name, one.outcome): one.count for one in found
                if one.subject == "look-up"}  # fmt: skip


def known(daemon: RunningDaemon, *, days: int = 2) -> DaemonSide:
    """Return what is known of the last days, and of those before."""
    until = datetime.now(UTC) + timedelta(seconds=1)
    stamps = [(until - timedelta(days=number * days)).isoformat() for number in (2, 1, 0)]
    before, period = (
        ReportPeriod(stamps[at], stamps[at + 1], days * 86_400.0, "UTC") for at in (0, 1)
    )
    return DaemonMemory(find_history(daemon.config_file, None, None)).of(period, before)


def stop(daemon: RunningDaemon) -> None:
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0


async def test_counts_add_up_over_restarts_and_kills(daemon: RunningDaemon) -> None:
    await daemon.store({GOOD: ENFORCED})
    secure, notfound = ("look-up", "default", "secure"), ("look-up", "default", "notfound")
    daemon.start()
    for _ in range(3):
        daemon.ask(GOOD)
    assert counts(daemon) == {secure: 3}
    stop(daemon)
    daemon.start()
    daemon.ask(GOOD)
    daemon.ask(ABSENT)
    stop(daemon)  # which writes what nobody has asked for
    daemon.start()
    assert counts(daemon) == {secure: 4, notfound: 1}
    daemon.ask(GOOD)
    assert counts(daemon) == {secure: 5, notfound: 1}
    daemon.ask(ABSENT)
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    daemon.start()
    # What came after the last difference is lost, and nothing else.
    assert counts(daemon) == {secure: 5, notfound: 1}


async def test_discoveries_are_counted_by_how_they_ended(daemon: RunningDaemon) -> None:
    daemon.configure(lookup_timeout="1s")
    daemon.start()
    for number in range(3):
        daemon.ask(f"d{number}.example")  # nobody answers DNS
    deadline = time.monotonic() + MINUTE
    while True:
        found = known(daemon).retrieval
        if found is not None and sum(row.count for row in found.failed) >= 3:
            break
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.1)
    assert found.fetched == 0
    assert {row.name for row in found.failed} <= {"dns-timeout", "dns-server-failure"}
    assert found.source.startswith("the daemon's counts")
    assert found.since is not None  # it did not run two days ago


async def test_it_tells_the_same_while_it_runs_and_when_it_is_down(daemon: RunningDaemon) -> None:
    await daemon.store({GOOD: ENFORCED})
    daemon.start()
    before = time.time()
    daemon.ask(GOOD)
    await asyncio.sleep(0.01)
    asked = time.time()
    running = known(daemon)
    assert (running.problem, running.told.told(GOOD, asked)) == ("", Told("secure", "mta-sts"))
    assert running.told.told("other.example", asked) == UNKNOWN  # nobody has ever got nothing
    assert running.told.told(GOOD, before - MINUTE) == UNKNOWN
    assert running.inputs[0].name == str(daemon.control)

    history = history_path(daemon.store_file)
    beside = DaemonMemory(find_history(None, None, history)).of(
        ReportPeriod(_stamp(before - MINUTE), _stamp(asked + MINUTE), 120.0, "UTC"),
    )
    assert (beside.problem, beside.told.told(GOOD, asked)) == ("", Told("secure", "mta-sts"))
    assert counts(daemon) == {("look-up", "default", "secure"): 1}  # it has its file still
    daemon.ask(ABSENT)
    assert known(daemon).told.told("other.example", time.time()) == Told("notfound", "")
    daemon.signal(signal.SIGKILL)
    daemon.wait()

    down = known(daemon)
    assert down.told.told(GOOD, asked) == Told("secure", "mta-sts")
    assert down.told.told(GOOD, asked + 60 * MINUTE) == UNKNOWN
    assert "nobody listens at" in down.notes[0]
    assert down.inputs[0].name == str(history)
    assert down.retrieval is not None
    assert sorted(path.name for path in history.parent.glob("*-history*")) == [
        *(history.name, f"{history.name}-wal")
    ]
    daemon.start()
    assert counts(daemon)["look-up", "default", "secure"] == 1


def _stamp(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat()


async def test_days_are_told_apart(daemon: RunningDaemon) -> None:
    """What was counted on other days comes to their periods, though it runs today."""
    await daemon.store({GOOD: ENFORCED})
    daemon.start()
    daemon.ask(GOOD)
    stop(daemon)
    with closing(sqlite3.connect(history_path(daemon.store_file))) as connection:
        earlier = int(time.time() // 3_600) - 36
        rows = [("policy", "refresh", "found", 41), ("daemon", "running", "seconds", 3_600)]
        connection.executemany(
            "INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(earlier, *row, earlier * 3_600.0, earlier * 3_600.0 + 3_600) for row in rows],
        )
        connection.commit()
    daemon.start()
    found = known(daemon, days=1)
    assert found.retrieval is not None
    assert found.retrieval_before is not None
    assert (found.retrieval.fetched, found.retrieval_before.fetched) == (0, 41)
    assert "of the 2" in found.retrieval_before.source or found.retrieval_before.since


async def test_by_whose_word_it_is_told(daemon: RunningDaemon) -> None:
    """An override, where one is in force; and what a map that only observes has truly said."""
    await daemon.store({GOOD: ENFORCED, "kept.example": ENFORCED, "open.example": ENFORCED})
    overrides = {
        "kept.example": {"policy": "secure match=mx.good.example"},
        "open.example": {"action": "encrypt"},
    }
    daemon.configure(
        overrides={name: {**what, "reason": "ticket 4711"} for name, what in overrides.items()},
        maps={"pilot": {"answer": "observe"}},
    )
    daemon.start()
    for domain in (GOOD, *overrides):
        daemon.ask(domain)
    daemon.ask(GOOD, "pilot")
    found = known(daemon)
    now = time.time()
    assert [found.told.told(domain, now) for domain in (GOOD, *overrides)] == [
        Told("secure", "mta-sts"),
        Told("secure", "override"),
        Told("encrypt", "override"),
    ]
    assert [note.partition(":")[0] for note in found.notes if "the map" in note] == [
        "the map pilot answers otherwise than default for 1 next hops"
    ]
    place = find_history(daemon.config_file, None, None)
    pilot = DaemonMemory(place, "pilot").of(
        ReportPeriod(_stamp(now - MINUTE), _stamp(now), MINUTE, "UTC")
    )
    assert pilot.told.told(GOOD, now) == Told("notfound", "")


async def test_what_weakened_is_told(daemon: RunningDaemon) -> None:
    daemon.start()
    stop(daemon)
    with closing(sqlite3.connect(history_path(daemon.store_file))) as connection:
        change = {
            "time": time.time() - 10, "domain": GOOD, "subject": "policy", "event": "changed",
            "now": ENFORCED.replace("enforce", "testing"), "was": ENFORCED, "weakened": ["mode"],
        }  # fmt: skip
        text = json.dumps(change).encode()
        connection.execute(
            "INSERT INTO changes (time, domain, subject, weakened, size, change)"
            " VALUES (?, ?, 'policy', 1, ?, ?)",
            (change["time"], GOOD, len(text), text),
        )
        connection.commit()
    daemon.start()
    (weakening,) = known(daemon).weakenings
    assert (weakening.domain, weakening.weakened) == (GOOD, ("mode",))
    assert ("mode: enforce" in weakening.was, "mode: testing" in weakening.now) == (True, True)
