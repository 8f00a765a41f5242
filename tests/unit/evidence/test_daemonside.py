"""What the daemon contributes, from its history's file, and what is said where it cannot."""

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from mtasts_resolver.cli import main
from mtasts_resolver.evidence import daemonsources
from mtasts_resolver.evidence.daemonside import (
    DaemonMemory,
    DaemonSide,
    HistoryPlace,
    find_history,
)
from mtasts_resolver.evidence.report import CountedRow, ReportPeriod
from mtasts_resolver.evidence.told import UNKNOWN, Told
from mtasts_resolver.store.changes import Change, Subject
from mtasts_resolver.store.errors import DamagedError
from mtasts_resolver.store.history import history_path
from mtasts_resolver.store.historycopy import HistoryCopy
from mtasts_resolver.store.hourcounts import HOUR, HourCount
from tests.runner import CliRunner
from tests.unit.store.history import opened
from tests.unit.store.support import WALL

A, DAY = "a.example", 86_400.0
MIDNIGHT = WALL // DAY * DAY


def period(since: float, until: float) -> ReportPeriod:
    first, last = (datetime.fromtimestamp(each, UTC).isoformat() for each in (since, until))
    return ReportPeriod(first, last, until - since, "UTC")


TODAY, YESTERDAY = period(MIDNIGHT, MIDNIGHT + DAY), period(MIDNIGHT - DAY, MIDNIGHT)


def change(hours: float, subject: Subject, event: str, domain: str = A, **more: Any) -> Change:
    return Change(MIDNIGHT + hours * HOUR, domain, subject, event, **more)


def counted(hours: int, subject: str, name: str, outcome: str, number: int) -> HourCount:
    hour = int(MIDNIGHT // HOUR) + hours
    return HourCount(hour, subject, name, outcome, number, hour * HOUR, hour * HOUR + 300)


POLICY = "version: STSv1\r\nmode: enforce\r\nmx: m.example\r\nmax_age: 9\r\n"
CHANGES = [
    change(-24, Subject.DAEMON, "started", ""),
    change(-20, Subject.POLICY, "found", now=POLICY),
    change(-20, Subject.ANSWER, "secure", now="secure match=m.example", hop=A, map="default"),
    change(2, Subject.DANE, "partial", now="partial", was="required", hop=A,
           weakened=("dane-lost",)),
    change(3, Subject.OWN_MX, "changed", "own.example", now="mx.own.example"),
    change(4, Subject.ANSWER, "notfound", now="notfound", hop=A, map="default"),
]  # fmt: skip
COUNTS = [
    counted(-24, "daemon", "running", "seconds", 3_600),
    counted(-24, "look-up", "default", "secure", 70),
    counted(-23, "policy", "look-up", "found", 7),
    counted(0, "daemon", "running", "seconds", 3_600),
    counted(1, "policy", "look-up", "found", 2),
    counted(1, "policy", "refresh", "policy-body", 1),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return history_path(tmp_path / "policies.sqlite")


def write(
    file: Path, changes: Iterable[Change] = CHANGES, counts: list[HourCount] = COUNTS
) -> None:
    async def written() -> None:
        async with opened(file) as kept:
            for each in changes:
                kept.note(each)
            await kept.flush()
            kept.count(counts)

    asyncio.run(written())


def known(place: HistoryPlace, map_name: str | None = None) -> DaemonSide:
    return DaemonMemory(place, map_name).of(TODAY, YESTERDAY)


def test_all_of_it_comes_from_a_file_that_is_named(file: Path) -> None:
    write(file)
    for named in (file, file.with_name("policies.sqlite")):  # who knows the names of our files?
        found = known(find_history(None, None, named))
        assert (found.problem, found.notes) == ("", ())
        told = [found.told.told(A, MIDNIGHT + hours * HOUR) for hours in (-30, -1, 5)]
        # It is not known to have run any longer than it has told of something.
        assert told == [UNKNOWN, Told("secure", "mta-sts"), UNKNOWN]
        assert found.told.told(A, MIDNIGHT + 4 * HOUR) == Told("notfound", "")
        assert found.retrieval is not None
        assert found.retrieval_before is not None
        assert (found.retrieval.fetched, found.retrieval.failed) == (
            2,
            (CountedRow("policy-body", 1),),
        )
        assert (found.retrieval_before.fetched, found.retrieval_before.failed) == (7, ())
        assert found.retrieval_problem == ""
        (weakening,) = found.weakenings
        assert (weakening.domain, weakening.weakened) == (A, ("dane-lost",))
        assert (weakening.was, weakening.now) == ("required", "partial")
        assert [(own.domain, own.what, own.event) for own in found.own_domains] == [
            ("own.example", "mx", "changed")
        ]
        (read,) = found.inputs
        assert (read.name, read.kind, read.lines) == (str(file), "history", len(CHANGES))
        assert (len(read.sha256), read.bytes) == (64, file.stat().st_size)


def test_a_log_of_less_than_an_hour_has_the_counts_of_the_hours_that_it_touches(file: Path) -> None:
    write(file)
    place = find_history(None, None, file)
    minutes = MIDNIGHT + HOUR + 600, MIDNIGHT + HOUR + 1_200
    found = DaemonMemory(place).of(period(*minutes)).retrieval
    assert found is not None
    assert (found.fetched, found.failed) == (2, (CountedRow("policy-body", 1),))


def test_the_history_is_read_once_and_tells_of_any_time(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file)
    memory = DaemonMemory(find_history(None, None, file))
    first = memory.of(period(0.0, MIDNIGHT + DAY))
    assert first.retrieval is not None
    assert (first.retrieval.fetched, len(first.weakenings), len(first.own_domains)) == (9, 1, 1)

    def read_again(_: HistoryCopy) -> Iterable[object]:
        raise AssertionError("its changes are known")

    monkeypatch.setattr(HistoryCopy, "changes", read_again)
    before = memory.of(YESTERDAY)
    assert before.told is first.told
    assert before.retrieval is not None
    assert (before.retrieval.fetched, before.weakenings, before.own_domains) == (7, (), ())


def test_a_daemon_that_ends_meanwhile_has_told_what_it_told(file: Path) -> None:
    write(file)
    memory = DaemonMemory(find_history(None, None, file))
    assert memory.of(TODAY).problem == ""
    file.unlink()
    later = memory.of(YESTERDAY)
    assert later.told.told(A, MIDNIGHT).action == "secure"
    assert later.retrieval is not None
    assert "no counts" in later.retrieval.source
    assert "no daemon keeps a history there" in later.problem


def test_a_map_that_nobody_asked_is_told(file: Path) -> None:
    write(file)
    found = known(find_history(None, None, file), map_name="pilot")
    assert found.told.told(A, MIDNIGHT) == UNKNOWN
    assert found.notes == ("nobody is known to have asked the map pilot; asked were: default",)


def test_maps_that_differ_are_told(file: Path) -> None:
    more = change(1, Subject.ANSWER, "secure", now="secure match=x", hop=A, map="pilot")
    write(file, [*CHANGES, more])
    (note,) = known(find_history(None, None, file)).notes
    assert note.startswith("the map pilot answers otherwise than default for 1 next hops")


def test_of_a_time_before_it_counted_its_changes_tell(file: Path) -> None:
    write(file, counts=[])
    found = known(find_history(None, None, file))
    assert found.retrieval is not None
    assert found.retrieval_before is not None
    assert (found.retrieval.fetched, found.retrieval_before.fetched) == (0, 1)
    assert "no counts" in found.retrieval_before.source


def test_a_history_of_another_time_says_when_it_begins(file: Path) -> None:
    write(file, [change(30, Subject.ANSWER, "dane", now="dane", hop=A, map="default")], [])
    there = "2026-11-21T00:00:00+01:00", "2026-11-22T00:00:00+01:00", DAY
    for zone in ("Europe/Berlin", "no such zone"):
        found = DaemonMemory(find_history(None, None, file)).of(ReportPeriod(*there, zone))
        assert found.retrieval is None
        assert "begins at 2026-11-22T07:00:00+01:00" in found.retrieval_problem
        assert found.notes == ("what Postfix was told is known since 2026-11-22T07:00:00+01:00",)
        assert found.inputs[0].first == "2026-11-22T07:00:00+01:00"


def test_a_daemon_that_nobody_asked_knows_nothing_of_answers(file: Path) -> None:
    write(file, CHANGES[:1], COUNTS[:1])
    found = known(find_history(None, None, file))
    assert found.told.told(A, MIDNIGHT) == UNKNOWN
    assert "nobody is known to have asked" in found.notes[0]


def test_what_is_damaged_is_told_and_what_could_be_read_counts(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file)
    whole = HistoryCopy.changes

    def broken(copy: HistoryCopy) -> Iterable[object]:
        for number, each in enumerate(whole(copy)):
            if number == 3:
                raise DamagedError("FILE is damaged: x")
            yield each

    monkeypatch.setattr(HistoryCopy, "changes", broken)
    found = known(find_history(None, None, file))
    assert found.problem == "FILE is damaged: x"
    assert found.inputs[0].problem == "FILE is damaged: x"
    assert found.told.told(A, MIDNIGHT + 4 * HOUR) == Told("notfound", "")
    assert found.told.told("b.example", MIDNIGHT + 4 * HOUR) == UNKNOWN


def test_where_nothing_is_to_be_had_both_ways_say_why(tmp_path: Path) -> None:
    place = HistoryPlace(tmp_path / "control.sock", tmp_path / "history", "a doubt")
    found = known(place)
    assert found.told.told(A, MIDNIGHT) == UNKNOWN
    assert (found.retrieval, found.retrieval_before) == (None, None)
    assert "there is no control socket" in found.problem
    assert "no daemon keeps a history there" in found.problem
    assert found.problem.endswith("a doubt")
    assert found.notes == (f"what Postfix was told is not known, or not all: {found.problem}",)
    assert "there is no control socket" in found.retrieval_problem


def test_where_the_daemon_is_down_its_file_is_read(file: Path, tmp_path: Path) -> None:
    write(file)
    found = known(HistoryPlace(tmp_path / "control.sock", file))
    assert found.told.told(A, MIDNIGHT).action == "secure"
    assert found.problem == ""
    assert found.notes[0].startswith(
        f"the history was read from {file}: there is no control socket"
    )


class Stranger:
    """Listens at a control socket, and answers each request with the same bytes, or none."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._held: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._held.append(connection)
                if self._answer is not None and connection.recv(4_096):
                    connection.sendall(self._answer)
                    connection.close()

    def close(self) -> None:
        self._socket.close()
        for connection in self._held:
            connection.close()


OLDER = b'{"error": "there is nothing at /v1/counts", "action": ""}'


def response(body: bytes, *, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (response(OLDER, status="404 Not Found"), "there is nothing at"),
        (response(b"<html>"), "no mtasts-resolver of this version"),
        (response(b"", length=99), "broke off the conversation"),
        (b"220 mail.example ESMTP\r\n", "broke off the conversation"),
        (None, "does not answer within"),
    ],
    ids=["older", "another program", "cut off", "another protocol", "silent"],
)  # fmt: skip
def test_whatever_answers_in_its_place_costs_the_report_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes | None, says: str
) -> None:
    write(file)
    if answer is None:
        monkeypatch.setattr(daemonsources, "READ_PATIENCE", 0.2)
    listening = Stranger(tmp_path / "control.sock", answer)
    try:
        found = known(HistoryPlace(tmp_path / "control.sock", file))
    finally:
        listening.close()
    assert found.told.told(A, MIDNIGHT).action == "secure"
    assert says in found.notes[0]
    assert [read.name for read in found.inputs] == [str(file)]


def test_a_daemon_that_never_ends_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemonsources, "ALL_PATIENCE", -1.0)
    line = (
        b'{"day":"2026-11-21","subject":"policy","name":"look-up","outcome":"found","count":1,'
        b'"since":"2026-11-21T00:00:00Z","until":"2026-11-21T00:00:00Z"}\n'
    )
    listening = Stranger(tmp_path / "control.sock", response(line * 3))
    try:
        found = known(HistoryPlace(tmp_path / "control.sock", tmp_path / "none"))
    finally:
        listening.close()
    assert "to tell its history" in found.problem


def test_it_is_found_where_the_configuration_says(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"store: {{url: 'sqlite://{tmp_path}/p.sqlite'}}\ncontrol: {{socket: {tmp_path}/c.sock}}\n"
    )
    place = find_history(config, None, None)
    assert place == HistoryPlace(tmp_path / "c.sock", tmp_path / "p.sqlite-history")
    other = find_history(config, tmp_path / "other.sock", None)
    assert other.control == tmp_path / "other.sock"
    config.write_text("nonsense: [")
    assert "the configuration is of no use" in find_history(config, None, None).doubt
    assert os.geteuid() != 0 or find_history(config, None, None).control is not None


LINES = """\
2026-11-21T10:00:00+00:00 mail postfix/smtp[100]: Verified TLS connection established to\
 m.example[192.0.2.1]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
2026-11-21T10:00:01+00:00 mail postfix/smtp[100]: 4Xyz12345zABC: to=<u@a.example>, relay=m.example\
[192.0.2.1]:25, delay=1, delays=0/0/0.5/0.5, dsn=2.0.0, status=sent (250 ok)
"""


def test_a_history_that_is_named_is_meant(file: Path, tmp_path: Path) -> None:
    """A report can do without a daemon; a slip of the pen must not go unnoticed."""

    def run(history: Path) -> Result:
        (log := tmp_path / "mail.log").write_text(LINES)
        named = ("--elsewhere", "--history", str(history), str(log), "--json")
        return CliRunner().invoke(main, ["report", "logs", *named])

    write(file, [*CHANGES[:3], change(14, Subject.ANSWER, "dane", "b.example", hop="b.example")])
    report = json.loads(run(file).stdout)
    assert [row["enforced"] for row in report["outbound_domains"]] == ["mta-sts"]
    assert {read["kind"] for read in report["inputs"]} == {"log", "history"}
    for wrong, words in (("nothing", "there is no"), ("mail.log", "is no history"), (".", "is no")):
        result = run(tmp_path / wrong)
        assert (result.exit_code, words in result.stdout) == (2, True), result.stdout
