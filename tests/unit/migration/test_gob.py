"""Caches of postfix-tlspol, in files that Go's own encoding/gob wrote: see tlspolfiles/make.go."""

import gzip
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.migration import gobcache
from mtasts_resolver.migration.gob import GobError, read_map
from mtasts_resolver.migration.gobcache import gob_entries, read_gob_cache
from mtasts_resolver.migration.theirpolicies import (
    NO_ID,
    CacheEntry,
    CacheFault,
    PassedOver,
    TheirPolicy,
    UnreadableCacheError,
)

FILES = Path(__file__).parent / "tlspolfiles"
FETCHED = 1_793_534_400.0  # 2026-11-01T12:00:00Z
JITTER = 7  # seconds that 1.8 adds to each time in make.go, as it does by chance
WEEK, MONTH = 604_800, 2_592_000


def policies(name: str) -> dict[str, TheirPolicy]:
    found = [entry for entry in read_gob_cache(FILES / name) if isinstance(entry, TheirPolicy)]
    return {entry.domain: entry for entry in found}


def others(name: str) -> list[CacheEntry]:
    entries = read_gob_cache(FILES / name)
    return sorted((one for one in entries if not isinstance(one, TheirPolicy)), key=str)


def document(domain: str, max_age: int) -> str:
    fields = ("version: STSv1", "mode: enforce", f"mx: mx.{domain}", f"mx: *.backup.{domain}")
    return "".join(f"{field}\r\n" for field in (*fields, f"max_age: {max_age}"))


@pytest.mark.parametrize("name", ["1.8.0.db", "1.8.17.db"])
def test_what_1_8_wrote(name: str) -> None:
    found = policies(name)
    assert found == {
        "week.example": TheirPolicy(
            *("week.example", NO_ID, document("week.example", WEEK)),
            *(FETCHED, FETCHED + WEEK + JITTER),
        ),
        "year.example": TheirPolicy(
            *("year.example", NO_ID, document("year.example", 31_557_600)),
            *(FETCHED, FETCHED + MONTH + JITTER),
        ),
    }


def test_what_else_is_in_them() -> None:
    doubled = CacheFault("doubled.example ", "the policy itself is not kept with it")
    assert others("1.8.0.db") == [doubled, PassedOver.DANE, PassedOver.NO_POLICY]
    assert others("1.8.17.db") == [PassedOver.DANE, PassedOver.NO_POLICY]
    assert others("1.9.db") == [PassedOver.DANE, PassedOver.NO_POLICY, PassedOver.NO_POLICY]


def test_what_1_9_wrote_has_the_policies_of_domains_with_dane_too() -> None:
    found = policies("1.9.db")
    assert sorted(found) == ["both.example", "old.example", "week.example", "year.example"]
    assert found["both.example"].until == FETCHED + MONTH
    assert found["week.example"] == TheirPolicy(
        *("week.example", NO_ID, document("week.example", WEEK)), *(FETCHED, FETCHED + WEEK)
    )
    assert found["old.example"].until == FETCHED + MONTH + JITTER


def test_a_file_that_is_no_cache_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "cache.db"
    whole = (FILES / "1.9.db").read_bytes()
    for data, why in (
        (b"", "it ends before its end"),
        (b"SQLite format 3\x00", "it is not packed by gzip"),
        (whole[:-20], "it ends before its end"),
        (gzip.compress(b""), "it ends before its end"),
        (gzip.compress(b"\x03\x04\x00\x05"), "it holds no map of texts"),
        (gzip.compress(b"\xf8" + b"\xff" * 8), "it ends before its end"),
    ):
        file.write_bytes(data)
        with pytest.raises(UnreadableCacheError, match=f"{file} cannot be read: {why}"):
            list(read_gob_cache(file))
    with pytest.raises(UnreadableCacheError, match="there is no /none: name the cache by"):
        list(read_gob_cache(Path("/none")))
    with pytest.raises(UnreadableCacheError, match="Is a directory"):
        list(read_gob_cache(tmp_path))


def test_what_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gobcache, "MAX_UNPACKED", 1_000)
    with pytest.raises(GobError, match="longer than 1,000 bytes when unpacked"):
        list(gob_entries(gzip.compress(b"\x00" * 1_001)))


def test_types_that_lead_nowhere_are_refused() -> None:
    # type 65 is a list of 65; the map of type 66 has texts for keys and such lists for values
    deep = b"".join(
        (
            _typed(-65, b"\x02\x01\x02\xff\x82\x00\x01\xff\x82\x00\x00"),
            _typed(-66, b"\x04\x01\x02\xff\x84\x00\x01\x0c\x01\xff\x82\x00\x00"),
            _typed(66, b"\x00\x01\x01a" + b"\x01" * 40),
        )
    )
    with pytest.raises(GobError, match="levels deep"):
        list(read_map(deep))


def _typed(type_id: int, value: bytes) -> bytes:
    signed = ~type_id << 1 | 1 if type_id < 0 else type_id << 1
    number = bytes([signed]) if signed < 128 else b"\xff" + struct.pack(">B", signed)
    body = number + value
    return bytes([len(body)]) + body


@pytest.mark.threat("migrate-hostile")
@given(st.binary(max_size=300))
def test_any_bytes_are_a_map_or_refused(data: bytes) -> None:
    try:
        entries = list(read_map(data))
    except GobError:
        return
    assert all(isinstance(key, bytes) for key, _ in entries)


PLAIN = {file.name: gzip.decompress(file.read_bytes()) for file in FILES.glob("*.db")}


@given(
    st.sampled_from(sorted(PLAIN)),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_file_with_some_bytes_changed_is_read_or_refused(
    name: str, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(PLAIN[name])
    for place, byte in changes:
        data[place % len(data)] = byte
    try:
        entries = list(gob_entries(gzip.compress(bytes(data), compresslevel=1)))
    except GobError:
        return
    assert all(isinstance(one, TheirPolicy | CacheFault | PassedOver) for one in entries)
