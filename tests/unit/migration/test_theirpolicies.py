"""Policies of another cache: what of them is taken over."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.migration.sqlitecache import read_sqlite_cache
from mtasts_resolver.migration.theirpolicies import (
    CacheFault,
    ExpiredPolicy,
    HeldPolicy,
    PassedOver,
    TheirPolicy,
    UnreadableCacheError,
    judge_entries,
)
from mtasts_resolver.policy import Mode
from mtasts_resolver.store import filecopy

NOW = 1_793_534_400.0
WEEK = 604_800
DOCUMENT = f"version: STSv1\r\nmode: enforce\r\nmx: mx.good.example\r\nmax_age: {WEEK}\r\n"
POLICY = TheirPolicy("good.example", "20261101", DOCUMENT, NOW - 1_000)

# As every released version makes it.
SCHEMA = """
create table proactive_fetch_ts (id integer primary key, last_fetch_ts integer);
create table sts_policy_cache (domain text, ts integer, pol_id text, pol_body text);
create unique index sts_policy_domain on sts_policy_cache (domain);
"""
BODY = {"mx": ["mx.good.example"], "version": "STSv1", "mode": "enforce", "max_age": WEEK}


def judged(entry: TheirPolicy) -> object:
    (one,) = judge_entries([entry], NOW)
    return one


# -- what holds ------------------------------------------------------------------------------------


def test_a_policy_keeps_its_id_and_its_time() -> None:
    one = judged(POLICY)
    assert isinstance(one, HeldPolicy)
    assert (one.domain, one.policy_id, one.mode) == ("good.example", "20261101", Mode.ENFORCE)
    assert one.fetched.timestamp() == NOW - 1_000
    assert one.expires.timestamp() == NOW - 1_000 + WEEK


def test_a_name_in_another_script_is_found_again() -> None:
    one = judged(POLICY._replace(domain="Bücher.example"))
    assert isinstance(one, HeldPolicy)
    assert one.domain == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (POLICY._replace(domain="[192.0.2.1]"), "it is no mail domain"),
        (POLICY._replace(domain="a b"), "it is no mail domain"),
        (POLICY._replace(policy_id="a-b"), "its id is not 1 to 32 letters and digits"),
        (POLICY._replace(document="version: STSv2\n"), "it is no policy: "),
        (POLICY._replace(document="version: STSv1\nmode: enforce\n"), "it is no policy: "),
        (POLICY._replace(document=f"{DOCUMENT}\ud800: x\n"), "it is no policy: "),
        (POLICY._replace(fetched=float("-inf")), "its times are no points in time"),
        (POLICY._replace(until=float("nan")), "its times are no points in time"),
    ],
)
def test_nothing_is_believed(entry: TheirPolicy, reason: str) -> None:
    one = judged(entry)
    assert isinstance(one, CacheFault)
    assert one.reason.startswith(reason)


def test_what_says_that_there_is_no_policy_is_passed_over() -> None:
    none = POLICY._replace(document=DOCUMENT.replace("enforce", "none"))
    assert judged(none) is PassedOver.NO_POLICY
    assert [*judge_entries([PassedOver.DANE], NOW)] == [PassedOver.DANE]


def test_a_policy_ends_when_it_does_there() -> None:
    assert judged(POLICY._replace(fetched=NOW - WEEK)) == ExpiredPolicy("good.example")
    assert judged(POLICY._replace(until=NOW)) == ExpiredPolicy("good.example")
    one = judged(POLICY._replace(until=NOW + 60))
    assert isinstance(one, HeldPolicy)
    assert one.expires.timestamp() == NOW + 60


@pytest.mark.threat("migrate-hostile")
@given(st.floats(), st.none() | st.floats(), st.integers(0, 10**10))
def test_whatever_its_times_say_it_holds_no_longer_than_there_nor_than_its_max_age(
    fetched: float, until: float | None, max_age: int
) -> None:
    document = DOCUMENT.replace(str(WEEK), str(max_age))
    one = judged(POLICY._replace(document=document, fetched=fetched, until=until))
    if isinstance(one, HeldPolicy):
        end = one.expires.timestamp()
        assert one.fetched.timestamp() <= NOW < end + 1
        assert end <= NOW + max_age
        assert end <= fetched + max_age
        assert until is None or end <= until


@given(st.text(), st.text(), st.text())
def test_any_words_are_judged(domain: str, policy_id: str, document: str) -> None:
    judged(TheirPolicy(domain, policy_id, document, NOW))


# -- the SQLite cache ------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    file = tmp_path / "cache.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(SCHEMA)
    return file


def fill(cache: Path, *rows: tuple[object, ...]) -> None:
    with closing(sqlite3.connect(cache)) as connection, connection:
        connection.executemany("insert into sts_policy_cache values (?, ?, ?, ?)", rows)


def test_a_policy_is_read_as_it_was_served(cache: Path) -> None:
    fill(cache, ("good.example", 5, "1", json.dumps({**BODY, "further": "x y", "": ""})))
    assert [*read_sqlite_cache(cache)] == [
        TheirPolicy("good.example", "1", f"{DOCUMENT}further: x y\r\n", 5.0)
    ]


def test_what_is_not_in_the_file_yet_is_read_too_and_theirs_stays_as_it_is(cache: Path) -> None:
    with closing(sqlite3.connect(cache)) as theirs:
        theirs.execute("insert into sts_policy_cache values ('a.example', 5, '1', '{}')")
        theirs.commit()
        assert cache.with_name("cache.db-wal").stat().st_size
        before = {path.name: path.read_bytes() for path in cache.parent.iterdir()}
        assert len([*read_sqlite_cache(cache)]) == 1
        assert {path.name: path.read_bytes() for path in cache.parent.iterdir()} == before


def test_rows_of_which_nothing_can_be_made_are_told_and_cost_no_other(cache: Path) -> None:
    body = json.dumps(BODY)
    fill(
        cache,
        (None, 5, "1", body),
        ("b.example", b"x", "1", body),
        ("c.example", 5, None, body),
        ("d.example", 5, "1", "{"),
        ("e.example", 5, "1", '{"mx": [[]]}'),
        ("f.example", 5, "1", "[" * 400_000),
        ("good.example", 5, "1", body),
    )
    *faults, good = read_sqlite_cache(cache)
    assert isinstance(good, TheirPolicy)
    assert all(isinstance(fault, CacheFault) for fault in faults)
    assert len(faults) == 6


def test_what_is_no_such_cache_is_refused_in_words(tmp_path: Path, cache: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(UnreadableCacheError) as caught:
            list(read_sqlite_cache(path))
        return str(caught.value)

    other = tmp_path / "other"
    assert refused(other) == f"there is no {other}: name the cache by --their-cache"
    other.write_bytes(b"x" * 5_000)
    assert "is no database that can be read" in refused(other)
    os.mkfifo(tmp_path / "fifo")
    assert "is no regular file" in refused(tmp_path / "fifo")
    with closing(sqlite3.connect(tmp_path / "empty")) as connection:
        connection.execute("create table something (a)")
    assert "has no table sts_policy_cache" in refused(tmp_path / "empty")
    cache.write_bytes(cache.read_bytes()[:4_096])
    assert str(cache) in refused(cache)


@pytest.mark.threat("migrate-hostile")
def test_a_view_that_never_ends_is_not_asked(tmp_path: Path) -> None:
    file = tmp_path / "cache.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "create view sts_policy_cache as with recursive n(domain) as"
            " (select 1 union all select domain + 1 from n)"
            " select domain, 1 as ts, '' as pol_id, '' as pol_body from n"
        )
    with pytest.raises(UnreadableCacheError, match="has no table"):
        list(read_sqlite_cache(file))


@pytest.mark.threat("migrate-hostile")
def test_a_column_that_is_computed_is_not_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "cache.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "create table sts_policy_cache (domain text, ts integer, pol_id text,"
            " pol_body text generated always as (instr(zeroblob(9000), zeroblob(4000) || x'01')))"
        )
    with pytest.raises(UnreadableCacheError, match="has no table"):
        list(read_sqlite_cache(file))


def test_what_is_too_long_is_not_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(cache, ("good.example", 5, "1", "x" * 600_000))
    with pytest.raises(UnreadableCacheError, match="too big"):
        list(read_sqlite_cache(cache))
    monkeypatch.setattr(filecopy, "MAX_COPIED", 1_000)
    with pytest.raises(UnreadableCacheError, match="more than 1,000 bytes"):
        list(read_sqlite_cache(cache))
