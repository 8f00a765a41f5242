"""Several logs as one: in order, each line once, and what is said of each."""

import bz2
import gzip
import hashlib
import io
import json
import math
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtasts_resolver.evidence.inputs import merging, source
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.logs import LEAD, LogReading, read_logs
from mtasts_resolver.evidence.inputs.source import Span
from mtasts_resolver.evidence.inputs.zones import zone_called
from mtasts_resolver.evidence.report import ReportInput

from .reading import START, PlainReader, line

NOW = START + 10_000_000


def logs(*paths: object, since: float = -math.inf, until: float = math.inf) -> LogReading:
    return LogReading(
        [str(path) for path in paths],
        journal=False,
        new_reader=PlainReader,
        now=NOW,
        span=Span(since, until),
    )


def words(reading: LogReading) -> list[str]:
    return [line.message for line in reading]


def told(reading: LogReading) -> tuple[ReportInput, ...]:
    return reading.inputs(UTC)


class Folder:
    """Writes logs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, name: str, *lines: str, pack: Callable[[bytes], bytes] = bytes) -> Path:
        path = self.path / name
        path.write_bytes(pack("".join(lines).encode()))
        os.utime(path, (NOW, NOW))
        return path


@pytest.fixture
def write(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_rotated_logs_come_in_the_order_of_time(write: Folder) -> None:
    now = write("mail.log", line(20, "e"), line(21, "f"))
    before = write("mail.log.1", line(10, "c"), line(19, "d"))
    oldest = write("mail.log.2.gz", line(0, "a"), line(9, "b"), pack=gzip.compress)
    assert words(logs(now, before, oldest)) == list("abcdef")


def test_hosts_lines_come_in_between_each_other(write: Folder) -> None:
    one = write("one", line(0, "a"), line(2, "c"), line(4, "e"), line(5, "f"))
    two = write("two", line(1, "b", host="mx2"), line(3, "d", host="mx2"), line(6, "g"))
    assert words(logs(two, one)) == list("abcdefg")


def test_a_log_keeps_its_own_order_whatever_its_clock_says(write: Folder) -> None:
    one = write("one", line(10, "b"), line(5, "c"), line(20, "e"))
    two = write("two", line(9, "a", host="mx2"), line(15, "d", host="mx2"))
    assert words(logs(one, two)) == list("abcde")


def test_a_clock_that_was_years_ahead_does_not_hold_a_log_back(write: Folder) -> None:
    one = write("one", line(0, "a"), line(400_000_000, "b"), line(2, "c"), line(4, "e"))
    two = write("two", line(3, "d", host="mx2"))
    assert words(logs(one, two)) == list("abcde")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 100)), min_size=1, max_size=5))
def test_no_line_is_lost_and_none_comes_before_its_time(
    write: Folder, logged: list[list[int]]
) -> None:
    paths = []
    for number, times in enumerate(logged):
        host = f"mx{number}"
        name = f"log-{number}"
        lines = [line(time, f"{number}/{at}", host=host) for at, time in enumerate(sorted(times))]
        paths.append(write(name, *lines))
    read = list(logs(*paths))
    assert sorted(line.message for line in read) == sorted(
        f"{number}/{at}" for number, times in enumerate(logged) for at, _ in enumerate(times)
    )
    times_read = [line.time or 0 for line in read]
    assert times_read == sorted(times_read)


def test_what_is_said_of_a_log(write: Folder) -> None:
    content = line(0), "cron did something\n", line(90)
    path = write("mail.log.gz", *content, pack=gzip.compress)
    reading = logs(path)
    assert len(list(reading)) == 2
    [one] = reading.inputs(timezone(timedelta(hours=1)))
    packed = path.read_bytes()
    assert one == ReportInput(
        name=str(path),
        kind="log",
        sha256=hashlib.sha256(packed).hexdigest(),
        bytes=len(packed),
        lines=3,
        first="2026-11-01T11:00:00+01:00",
        last="2026-11-01T11:01:30+01:00",
    )
    assert reading.lines == 3


def test_a_damaged_log_counts_as_far_as_it_can_be_read(write: Folder) -> None:
    random = Random(5)  # noqa: S311  so that it packs badly
    many = [line(at, f"{random.random()}") for at in range(5_000)]
    path = write("mail.log.gz", *many, pack=lambda data: gzip.compress(data)[:-10_000])
    reading = logs(path)
    read = words(reading)
    assert 0 < len(read) < len(many)
    [one] = told(reading)
    assert one.problem == "it is damaged: it ends before its packed content does"
    assert one.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_the_same_content_under_two_names_is_read_once(
    write: Folder, pack: Callable[[bytes], bytes]
) -> None:
    content = [line(at, f"{at}") for at in range(50)]
    one, two = write("mail.log", *content), write("mail.log.copy", *content, pack=pack)
    reading = logs(one, two)
    assert words(reading) == [f"{at}" for at in range(50)]
    assert [one.left_out for one in told(reading)] == ["", f"all that it has is in {one}, too"]


def test_a_link_to_a_log_is_that_log(write: Folder) -> None:
    path = write("mail.log", *[line(at) for at in range(50)])
    link = write.path / "link"
    link.symlink_to(path)
    assert len(words(logs(path, link))) == 50


def test_a_copy_of_a_log_that_has_grown_since_is_left_out(write: Folder) -> None:
    content = [line(at, f"{at}") for at in range(90)]
    copies = [write(f"copy{size}", *content[:size]) for size in (50, 30, 50)]
    whole = write("mail.log", *content)
    assert words(logs(*copies, whole)) == [f"{at}" for at in range(90)]
    other = write("other", *content[:20], *[line(at, f"other {at}") for at in range(20, 50)])
    assert len(words(logs(other, whole))) == 120


def test_lines_that_a_journal_and_a_file_have_are_there_once(write: Folder) -> None:
    """The file's times lack what is less than a second, and each has lines that the other lacks."""
    lines = [(at / 3, f"{at % 7} did") for at in range(300)]
    file = write("file", *[line(int(at), said) for at, said in lines[:200]])
    journal = write("journal", *[line(at, said, host="mx1.example") for at, said in lines[100:]])
    reading = logs(file, journal)
    read = words(reading)
    assert sorted(read) == sorted(said for _, said in lines)
    assert [one.repeated for one in told(reading)] == [0, 100]


def test_a_line_that_a_log_has_twice_counts_twice(write: Folder) -> None:
    one = write("one", line(0, "a"), line(1, "b"), line(1, "b"), line(1, "c"))
    two = write("two", line(0.5, "x", host="mx2"), line(1.5, "b"), line(1.5, "b"), line(2, "y"))
    assert sorted(words(logs(one, two))) == ["a", "b", "b", "c", "x", "y"]


def test_equal_lines_of_two_hosts_are_two(write: Folder) -> None:
    one = write("one", line(0, "a"), line(2, "a"))
    two = write("two", line(1, "a", host="mx2"))
    assert len(words(logs(one, two))) == 3


def test_two_hosts_may_share_the_first_label_of_their_names(write: Folder) -> None:
    one = write("one", line(0, "a", host="mail.a.example"), line(2, "a", host="mail.a.example"))
    two = write("two", line(1, "a", host="mail.b.example"))
    short = write("short", line(0, "a", host="mail"))
    assert len(words(logs(one, two))) == 3
    assert len(words(logs(one, short))) == 2


def test_since_and_until(write: Folder) -> None:
    hours = [line(3_600 * hour, f"{hour}") for hour in range(48)]
    path = write("mail.log", *hours)
    reading = logs(path, since=START + 10 * 3_600, until=START + 12 * 3_600)
    # An hour more before, for sessions that were begun then.
    assert words(reading) == ["9", "10", "11"]
    assert LEAD == 3_600


def test_logs_of_another_time_are_not_read(write: Folder) -> None:
    names = ["a", "b", "c"]
    paths = [
        write(name, *[line(100_000 * number + at, name) for at in range(20)])
        for number, name in enumerate(names)
    ]
    reading = logs(*paths, since=START + 100_000, until=START + 150_000)
    assert set(words(reading)) == {"b"}
    outside = "none of its lines is of the time in question"
    assert [(one.left_out, one.lines) for one in told(reading)] == [
        *((outside, 0), ("", 20), (outside, 0)),
    ]


def test_a_packed_log_that_ends_before_is_read_past(write: Folder) -> None:
    many = [line(at * 60, f"{at}") for at in range(20_000)]
    path = write("log", *many, pack=gzip.compress)
    reading = logs(path, since=START + 60 * 19_000)
    assert words(reading) == [f"{at}" for at in range(18_940, 20_000)]
    [one] = told(reading)
    assert (one.lines, one.problem) == (20_000, "")


@pytest.mark.parametrize("wrong", [-800_000_000, 900_000_000])
def test_a_clock_that_was_wrong_at_the_edge_leaves_nothing_out(write: Folder, wrong: float) -> None:
    usual = [line(at * 60, f"{at}") for at in range(3_000)]
    begins = write("begins", line(wrong, "wrong"), *usual)
    ends = write("ends", *usual[1_000:], line(wrong, "wrong"))
    for path in (begins, ends):
        reading = logs(path, since=START + 60 * 2_000, until=START + 60 * 2_010)
        assert [word for word in words(reading) if word != "wrong"][60:] == [
            f"{at}" for at in range(2_000, 2_010)
        ]
    other = write("other", line(90, "other", host="mx2"))
    read = words(logs(begins, other))
    assert read.index("other") == read.index("1") + 1


def test_what_comes_behind_is_not_read(write: Folder) -> None:
    many = [line(at * 60, f"{at}") for at in range(20_000)]
    path = write("log", *many)
    reading = logs(path, until=START + 60 * 100)
    assert words(reading) == [f"{at}" for at in range(100)]
    assert told(reading)[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert reading.span()[1] < START + 60 * 10_000


def test_standard_input(write: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("in", line(0, "a"), line(2, "c"), pack=gzip.compress)
    other = write("log", line(1, "b"))
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        reading = logs("-", other)
        assert words(reading) == ["a", "b", "c"]
    assert told(reading)[0].name == "-"
    assert told(reading)[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_named_pipe(write: Folder) -> None:
    pipe = write.path / "pipe"
    os.mkfifo(pipe)
    content = "".join(line(at, f"{at}") for at in range(3_000)).encode()
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    try:
        reading = logs(pipe, write("log", line(5_000, "last")))
        assert words(reading) == [*(f"{at}" for at in range(3_000)), "last"]
    finally:
        writer.join()
    assert told(reading)[0].bytes == len(content)


def test_a_log_that_grows_while_it_is_read(write: Folder) -> None:
    path = write("mail.log", line(0, "a"))
    reading = logs(path)
    lines = iter(reading)
    with path.open("a", encoding="ascii") as file:
        file.write(line(1, "b"))
    assert [line.message for line in lines] == ["a", "b"]
    assert told(reading)[0].bytes == path.stat().st_size


def test_a_log_that_is_rotated_before_its_turn(write: Folder) -> None:
    old, new = write("mail.log.1", line(0, "a")), write("mail.log", line(1, "b"))
    reading = logs(new, old)
    lines = iter(reading)
    assert next(lines).message == "a"
    old.rename(write.path / "mail.log.2")
    new.rename(write.path / "mail.log.1")
    write("mail.log", line(2, "c"))
    assert [line.message for line in lines] == ["b"]


def test_a_log_that_is_cut_before_its_turn_is_told(write: Folder) -> None:
    old, new = write("mail.log.1", line(0, "a")), write("mail.log", line(1, "b"), line(2, "c"))
    reading = logs(new, old)
    lines = iter(reading)
    assert next(lines).message == "a"
    new.write_text(line(1, "b"), encoding="ascii")
    assert [line.message for line in lines] == ["b"]
    assert told(reading)[0].problem.startswith("it was cut while it was read")


def test_a_log_that_goes_away_before_its_turn_is_told(write: Folder) -> None:
    old, new = write("old", line(0, "a")), write("new", line(1, "b"))
    reading = logs(new, old)
    lines = iter(reading)
    assert next(lines).message == "a"
    new.unlink()
    assert list(lines) == []
    assert "it was removed, or replaced, before it was read" in told(reading)[0].problem


@pytest.mark.parametrize("seconds", [400_000, -40_000_000])
def test_times_that_the_file_cannot_have_are_told(write: Folder, seconds: float) -> None:
    path = write("mail.log", line(0), line(seconds))
    os.utime(path, (START + 10, START + 10))
    reading = logs(path)
    list(reading)
    assert "its times have no year" in told(reading)[0].problem


def test_an_empty_log_and_one_of_other_programs(write: Folder) -> None:
    reading = logs(write("empty"), write("syslog", "cron: x\n" * 10), write("mail.log", line(0)))
    assert len(list(reading)) == 1
    assert [(one.lines, one.first, one.problem) for one in told(reading)[:2]] == [
        *((0, None, ""), (10, None, "")),
    ]


def test_few_are_open_at_a_time(write: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "MAX_OPEN", 2)
    one_by_one = [write(f"{at}", line(2 * at), line(2 * at + 1)) for at in range(20)]
    assert len(words(logs(*one_by_one))) == 40
    at_once = [write(f"x{at}", line(at), line(100)) for at in range(3)]
    with pytest.raises(InputError, match="more than 2 of the logs are of the same time"):
        list(logs(*at_once))


def test_progress_comes_to_its_end(write: Folder) -> None:
    seen: list[tuple[int, int | None]] = []
    content = [line(at, "x" * 100) for at in range(20_000)]
    paths = [write("a", *content), write("b", *content), write("c", line(90_000))]
    reading = read_logs(
        list(map(str, paths)),
        zone=UTC,
        now=NOW,
        progress=lambda done, total: seen.append((done, total)),
    )
    list(reading)
    total = sum(path.stat().st_size for path in paths)
    assert seen == sorted(seen)
    assert {of for _, of in seen} == {total}
    assert seen[-1][0] == total
    assert len(seen) > 3


def test_the_window_in_which_a_beginning_is_sought_is_bounded(
    write: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOOKED_AT", 10)
    late = write("syslog", *["cron: x\n"] * 30_000, line(5, "b"))
    assert words(logs(write("mail.log", line(0, "a"), line(9, "c")), late)) == ["a", "b", "c"]


# -- with the reader of Postfix's lines ----------------------------------------------------------


DELIVERY = (
    "postfix/smtp[7]: 4c8vgk2lXhzNcrX: to=<u@rcpt.example>, relay=none, delay=1, status=sent (x)"
)


def real(*paths: Path, zone: str = "Europe/Berlin") -> list[str | None]:
    """Return the times of lines, as they are in a zone."""
    reading = read_logs(list(map(str, paths)), zone=zone_called(zone), now=NOW)
    return [
        None
        if line.time is None
        else datetime.fromtimestamp(line.time, zone_called(zone)).isoformat(" ")
        for line in reading
    ]


def syslog(*times: str, host: str = "mx1") -> list[str]:
    return [
        f"{time} {host} {DELIVERY.replace('vgk', f'v{at:02}')}\n" for at, time in enumerate(times)
    ]


def written(path: Path, moment: str) -> Path:
    stamp = datetime.fromisoformat(moment).timestamp()
    os.utime(path, (stamp, stamp))
    return path


def test_a_year_follows_from_when_the_file_was_written_over_new_year_too(write: Folder) -> None:
    now = write("mail.log", *syslog("Dec 31 23:59:58", "Jan  1 00:00:03", "Jan  2 10:00:00"))
    before = write("mail.log.1", *syslog("Dec 24 10:00:00", "Dec 31 23:59:50"))
    written(now, "2026-01-02 10:00:00+01:00")
    written(before, "2025-12-31 23:59:50+01:00")
    assert real(now, before) == [
        "2025-12-24 10:00:00+01:00",
        "2025-12-31 23:59:50+01:00",
        "2025-12-31 23:59:58+01:00",
        "2026-01-01 00:00:03+01:00",
        "2026-01-02 10:00:00+01:00",
    ]


def test_a_log_of_years_that_names_none_is_told(write: Folder) -> None:
    months = ["Jul  1", "Oct  1", "Jan  1", "Apr  1", "Jul  1", "Oct  1", "Jan  1"]
    path = write("mail.log", *syslog(*(f"{month} 10:00:00" for month in months)))
    written(path, "2026-01-02 10:00:00+01:00")
    reading = read_logs([str(path)], zone=zone_called("Europe/Berlin"), now=NOW)
    assert len(list(reading)) == len(months)
    assert "it is of more than one year" in told(reading)[0].problem


def test_a_year_is_right_though_what_is_before_is_not_wanted(write: Folder) -> None:
    days = [f"{month} {day:2} {hour:02}:00:00" for month, day in DAYS for hour in range(24)]
    path = written(write("mail.log", *syslog(*days)), "2026-01-20 23:00:00+01:00")
    since = datetime(2026, 1, 18, tzinfo=zone_called("Europe/Berlin")).timestamp()
    reading = read_logs([str(path)], zone=zone_called("Europe/Berlin"), now=NOW, since=since)
    assert len(list(reading)) == 3 * 24 + 1


DAYS = [("Dec", day) for day in range(1, 32)] + [("Jan", day) for day in range(1, 21)]


def test_an_hour_that_is_there_twice(write: Folder) -> None:
    path = write(
        "mail.log",
        *syslog("Oct 25 02:10:00", "Oct 25 02:50:00", "Oct 25 02:10:00", "Oct 25 03:00:00"),
    )
    assert real(written(path, "2026-10-25 03:00:00+01:00")) == [
        "2026-10-25 02:10:00+02:00",
        "2026-10-25 02:50:00+02:00",
        "2026-10-25 02:10:00+01:00",
        "2026-10-25 03:00:00+01:00",
    ]


def test_hosts_of_other_zones_come_in_between(write: Folder) -> None:
    local = write("mx1", *syslog("Nov  3 10:00:00", "Nov  3 10:00:02"))
    iso = write(
        "mx2", *syslog("2026-11-03T09:00:01.5+00:00", "2026-11-03T04:00:03-05:00", host="mx2")
    )
    assert real(local, iso) == [
        "2026-11-03 10:00:00+01:00",
        "2026-11-03 10:00:01.500000+01:00",
        "2026-11-03 10:00:02+01:00",
        "2026-11-03 10:00:03+01:00",
    ]


def test_a_file_and_the_journal_as_text_have_the_same_lines_once(write: Folder) -> None:
    entries = [
        {
            "__REALTIME_TIMESTAMP": str(1_793_527_200_500_000 + at * 400_000),
            "_HOSTNAME": "mx1.example",
            "SYSLOG_IDENTIFIER": "postfix/smtp",
            "SYSLOG_PID": "7",
            "MESSAGE": f"4c8v{at:02}2lXhzNcrX: to=<u@rcpt.example>, relay=none, delay=1,"
            " status=sent (x)",
        }
        for at in range(50)
    ]
    journal = write("journal", *[f"{json.dumps(entry)}\n" for entry in entries])
    seconds = [f"Nov  1 11:00:{int(0.5 + at * 0.4):02}" for at in range(40)]
    file = write(
        "mail.log",
        *[
            f"{second} mx1 postfix/smtp[7]: {entry['MESSAGE']}\n"
            for second, entry in zip(seconds, entries, strict=False)
        ],
    )
    assert len(real(journal, file)) == 50
