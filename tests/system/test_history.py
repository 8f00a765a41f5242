"""What has changed, and what Postfix got at a time, asked of the real daemon."""

import asyncio
import json
import signal
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click.testing
import pytest

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.base.events import Events
from mtasts_resolver.cli import exit_codes, main
from mtasts_resolver.cli.errors import DaemonUnreachableError
from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.domains import DomainPage
from mtasts_resolver.control.values.history import HistoryPage
from mtasts_resolver.control.values.status import DaemonStatus
from mtasts_resolver.control.values.verdict import worries
from mtasts_resolver.postfix.override import Override
from mtasts_resolver.postfix.reply import Reply
from mtasts_resolver.store.changes import Change, Subject
from mtasts_resolver.store.history import History, history_path
from mtasts_resolver.store.overridefile import OverrideFile
from tests.system.running import ENFORCED, PATIENCE, RunningDaemon

GOOD = "good.example"
TESTED = ENFORCED.replace("enforce", "testing")
SECURE = "secure match=mx.good.example servername=hostname"
HOUR = 3_600.0
NOW = time.time()
REQUIRED = "required\nmx.good.example: usable TLSA records"


def run(daemon: RunningDaemon, *arguments: str) -> click.testing.Result:
    options = ("history", "--config", str(daemon.config_file))
    return click.testing.CliRunner().invoke(main, [*options, *arguments])


def asked_for(daemon: RunningDaemon, *arguments: str) -> dict[str, object]:
    done = run(daemon, *arguments, "--json")
    assert done.exit_code == 0, done.output
    told: dict[str, object] = json.loads(done.output)
    return told


def at(hours_ago: float) -> str:
    return datetime.fromtimestamp(NOW - hours_ago * HOUR, UTC).isoformat()


async def write(file: Path, changes: Iterable[Change]) -> None:
    """Write what happened before to the history of a daemon that does not run."""
    history = History(file, clock=SystemClock(), events=Events())
    history.open()
    for change in changes:
        history.note(change)
    await history.close()


def change(hours_ago: float, subject: Subject, event: str, **more: object) -> Change:
    fields = {"domain": "" if subject is Subject.DAEMON else GOOD, **more}
    return Change(NOW - hours_ago * HOUR, subject=subject, event=event, **fields)  # type: ignore[arg-type]


PAST = [
    change(20, Subject.DAEMON, "started"),
    change(19, Subject.POLICY, "found", now=ENFORCED, now_id="1"),
    change(19, Subject.ANSWER, "secure", now=SECURE, hop=GOOD, map="default"),
    change(16, Subject.POLICY, "changed", was=ENFORCED, now=TESTED, was_id="1", now_id="2",
           weakened=("mode",)),
    change(14, Subject.ANSWER, "notfound", now="notfound", hop=GOOD, map="default"),
    change(12, Subject.DANE, "required", now=REQUIRED, hop=GOOD),
    change(10, Subject.DAEMON, "stopped"),
    change(8, Subject.DAEMON, "started"),
]  # fmt: skip


@pytest.fixture
async def daemon_with_past(daemon: RunningDaemon) -> RunningDaemon:
    daemon.store_file.parent.mkdir()
    await write(history_path(daemon.store_file), PAST)
    await daemon.store({GOOD: TESTED})
    daemon.start()
    return daemon


def answer_in_default(past: dict[str, object]) -> dict[str, object]:
    answers: list[dict[str, object]] = past["answers"]  # type: ignore[assignment]
    (found,) = [answer for answer in answers if "default" in answer["maps"]]  # type: ignore[operator]
    return found


async def test_what_postfix_got_at_a_time(daemon_with_past: RunningDaemon) -> None:
    daemon = daemon_with_past
    given = asked_for(daemon, GOOD, "--at", at(18))
    answer = answer_in_default(given)
    assert (answer["answer"], answer["text"], answer["given"]) == ("secure", SECURE, True)
    assert given["running"] is True
    assert given["policy"]["mode"] == "enforce"  # type: ignore[index]
    assert "MTA-STS decides" in str(answer["why"])

    # Its owner went to testing, and nobody asked before the hour in question.
    turned = asked_for(daemon, GOOD, "--at", at(15))
    answer = answer_in_default(turned)
    assert (answer["answer"], answer["given"]) == ("notfound", False)
    assert turned["policy"]["id"] == "2"  # type: ignore[index]

    asked = answer_in_default(asked_for(daemon, GOOD, "--at", at(13)))
    assert (asked["answer"], asked["given"]) == ("notfound", True)

    later = asked_for(daemon, GOOD, "--at", at(11))
    answer = answer_in_default(later)
    assert (answer["answer"], answer["given"]) == ("dane-only", False)
    assert later["dane"] == [
        {"hop": GOOD, "status": "required", "hosts": ["mx.good.example: usable TLSA records"],
         "since": later["dane"][0]["since"]}  # type: ignore[index]
    ]  # fmt: skip

    assert asked_for(daemon, GOOD, "--at", at(9))["running"] is False
    assert asked_for(daemon, GOOD, "--at", at(7))["running"] is None  # it was killed
    assert asked_for(daemon, GOOD, "--at", at(30))["running"] is None
    before = asked_for(daemon, GOOD, "--at", at(30))
    assert (before["policy"], before["history_begins"]) == (None, before["history_begins"])


async def test_the_first_answers_are_as_overridden_and_missing_nowhere(
    daemon: RunningDaemon,
) -> None:
    await daemon.store({GOOD: ENFORCED, "other.example": ENFORCED})
    override = Override(pattern="other.example", action="skip", reason="ticket 4711")
    OverrideFile(daemon.store_file).write([override])
    daemon.start(ready=False)
    first = [str(first_answer(daemon, domain)) for domain in ("other.example", GOOD)]
    assert first == ["NOTFOUND", f"OK {SECURE}"]
    daemon.notified("READY=1")
    with ControlClient(daemon.control) as client:
        assert client.get(DaemonStatus, "status").lookups.total == 2
        changes = client.get(HistoryPage, "history").changes
    assert {(change.domain, change.event, change.given) for change in changes} == {
        ("", "started", True),
        ("other.example", "in-force", True),
        (GOOD, "secure", True),
    }


def first_answer(daemon: RunningDaemon, domain: str) -> Reply:
    """Return what is answered as soon as somebody listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return daemon.ask(domain)
        except DaemonUnreachableError:
            assert time.monotonic() < deadline, daemon.log


async def test_what_changes_while_it_runs(daemon_with_past: RunningDaemon) -> None:
    daemon = daemon_with_past
    daemon.configure(maps={"strict": {"testing": "enforce"}})
    daemon.signal(signal.SIGHUP)
    daemon.notified("READY=1")
    assert daemon.ask(GOOD, "strict").text == SECURE
    changes = asked_for(daemon, GOOD)["changes"]
    assert isinstance(changes, list)
    assert (changes[0]["subject"], changes[0]["map"], changes[0]["now"]) == (
        "answer", "strict", SECURE
    )  # fmt: skip
    everything = asked_for(daemon, "--limit", "3")["changes"]
    assert [change["event"] for change in everything] == [  # type: ignore[attr-defined]
        "secure",
        "configuration-reloaded",
        "started",
    ]
    assert everything[1]["reason"] == "maps.strict"  # type: ignore[index]
    now = asked_for(daemon, GOOD, "--at", "0s ago")
    answers: list[dict[str, object]] = now["answers"]  # type: ignore[assignment]
    (strict,) = [answer for answer in answers if answer["maps"] == ["strict"]]
    assert (strict["text"], strict["given"]) == (SECURE, True)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    with closing(sqlite3.connect(history_path(daemon.store_file))) as connection:
        (last,) = connection.execute("SELECT change FROM changes ORDER BY id DESC LIMIT 1")
    assert json.loads(last[0])["event"] == "stopped"


async def test_what_was_weakened_is_marked_after_a_restart(daemon_with_past: RunningDaemon) -> None:
    daemon = daemon_with_past
    with ControlClient(daemon.control) as client:
        deadline = time.monotonic() + PATIENCE
        while not (found := client.get(DaemonStatus, "status")).weakened:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert found.weakened_domains == 1
        (weakened,) = found.weakened
        assert (weakened.domain, weakened.weakened) == (GOOD, ("mode",))
        (summary,) = client.get(DomainPage, "domains").domains
        assert summary.weakened == ("mode",)
    runner = click.testing.CliRunner()
    for command, words in (
        (("status",), f"1 domain, the latest {GOOD} (mode)"),
        (("cache", "show", GOOD), f"by mode: 'mtasts-resolver history {GOOD}'"),
        (("cache", "list"), "\tmode\t"),
    ):
        shown = runner.invoke(main, [*command, "--config", str(daemon.config_file)])
        assert words in shown.output


def override(daemon: RunningDaemon, *arguments: str) -> None:
    options = ("--config", str(daemon.config_file))
    done = click.testing.CliRunner().invoke(main, ["override", *arguments, *options])
    assert done.exit_code == 0, done.output


async def test_an_override_is_in_the_history_with_who_and_why(daemon: RunningDaemon) -> None:
    await daemon.store({GOOD: ENFORCED})
    daemon.start()
    assert daemon.ask(GOOD).text == SECURE
    override(daemon, "add", GOOD, "skip", "--reason", "ticket 4711")
    override(daemon, "add", ".example", "encrypt", "--reason", "all of them")
    past = asked_for(daemon, GOOD, "--at", "0s ago")
    answer = answer_in_default(past)
    assert (answer["answer"], answer["given"]) == ("notfound", False)
    assert answer["why"] == f"the override of {GOOD}: ticket 4711"
    assert past["override"]["answer"] == "skip"  # type: ignore[index]
    assert daemon.ask(GOOD).text == ""
    assert answer_in_default(asked_for(daemon, GOOD, "--at", "0s ago"))["given"] is True

    override(daemon, "remove", GOOD)
    past = asked_for(daemon, GOOD, "--at", "0s ago")
    assert past["override"]["pattern"] == ".example"  # type: ignore[index]
    assert answer_in_default(past)["answer"] == "encrypt"
    changes = asked_for(daemon, GOOD)["changes"]
    assert isinstance(changes, list)
    decided = [change for change in changes if change["subject"] == "override"]
    user = decided[0]["by"]
    assert user
    assert [(change["event"], change["by"], change["reason"]) for change in decided] == [
        ("removed", user, ""),
        ("in-force", user, "ticket 4711"),
    ]

    # What is taken back while the daemon does not run has ended, too.
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    for file in daemon.store_file.parent.glob("*overrides*"):
        file.unlink()
    daemon.start()
    deadline = time.monotonic() + PATIENCE
    while asked_for(daemon, GOOD, "--at", "0s ago")["override"] is not None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_of_a_map_that_only_observes_it_is_what_would_be(daemon: RunningDaemon) -> None:
    await daemon.store({GOOD: ENFORCED})
    daemon.configure(answer="observe")
    daemon.start()
    would_be = answer_in_default(asked_for(daemon, GOOD, "--at", "0s ago"))
    assert (would_be["answer"], would_be["given"]) == ("notfound", False)
    assert would_be["text"] == f"notfound; would be OK {SECURE}"
    daemon.ask(GOOD)
    given = answer_in_default(asked_for(daemon, GOOD, "--at", "0s ago"))
    assert (given["answer"], given["given"]) == ("notfound", True)
    assert given["text"] == f"notfound; would be {SECURE}"


async def test_the_differences_and_what_weakens(daemon_with_past: RunningDaemon) -> None:
    daemon = daemon_with_past
    told = asked_for(daemon, "--weakened")["changes"]
    assert isinstance(told, list)
    (weakened,) = told
    assert weakened["weakened"] == ["mode"]
    assert weakened["difference"] == [
        " version: STSv1",
        "-mode: enforce",
        "+mode: testing",
        " mx: mx.good.example",
        " max_age: 604800",
    ]
    lines = run(daemon, GOOD).output.splitlines()
    assert [line.split("\t")[2:4] for line in lines] == [
        [str(kept.subject), kept.event] for kept in PAST if kept.domain
    ]
    assert lines[2].split("\t")[6] == "mode"
    assert run(daemon, GOOD, "--limit", "1").output == lines[-1] + "\n"
    assert run(daemon, GOOD, "--since", at(13)).output == lines[-1] + "\n"


WRONG = [
    ((GOOD, "--at", "teatime"), exit_codes.USAGE, "'teatime' is no time"),
    ((GOOD, "--at", "2999-01-01"), exit_codes.USAGE, "still to come"),
    (("--at", "03:12"), exit_codes.USAGE, "--at needs a DOMAIN"),
    (("192.0.2.1",), exit_codes.USAGE, "is no domain"),
    ((GOOD, "--limit", "0"), exit_codes.USAGE, "0"),
    (("quiet.example",), exit_codes.NEGATIVE, "No change of quiet.example is kept."),
    (("quiet.example", "--weakened"), exit_codes.NEGATIVE, "of that kind is kept."),
]


def test_what_cannot_be_told(daemon: RunningDaemon) -> None:
    daemon.start()
    for arguments, code, words in WRONG:
        done = run(daemon, *arguments)
        assert (done.exit_code, words in done.output) == (code, True), (arguments, done.output)


def test_of_a_daemon_that_is_down_there_is_no_history(daemon: RunningDaemon) -> None:
    done = run(daemon, GOOD, "--json")
    assert done.exit_code == exit_codes.UNAVAILABLE
    assert json.loads(done.output)["exit_code"] == exit_codes.UNAVAILABLE


def test_a_history_that_cannot_be_read_says_so_and_costs_no_answer(daemon: RunningDaemon) -> None:
    asyncio.run(daemon.store({GOOD: ENFORCED}))
    history_path(daemon.store_file).mkdir()
    daemon.start()
    assert daemon.ask(GOOD).text == SECURE
    done = run(daemon, GOOD)
    assert done.exit_code == exit_codes.TEMPORARY
    assert "the history cannot be read; policies.sqlite-history is no regular file" in done.output
    assert "event=history-unavailable" in daemon.log
    with ControlClient(daemon.control) as client:
        found = client.get(DaemonStatus, "status")
    assert "is no regular file" in (found.store.history_trouble or "")
    assert [worry.critical for worry in worries(found) if "history" in worry.words] == [False]
