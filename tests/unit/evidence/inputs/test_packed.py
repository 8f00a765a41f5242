"""What is in files, packed or not, whole or damaged."""

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.inputs import packed
from mtasts_resolver.evidence.inputs.errors import InputError, LogReadError
from mtasts_resolver.evidence.inputs.packed import unpacked_pieces
from mtasts_resolver.evidence.inputs.splitting import MAX_LINE, decoded_lines, lines_in

Pack = Callable[[bytes], bytes]
PACKS: dict[str, Pack] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
PACKED = [name for name in PACKS if name != "plain"]
TEXT = b"".join(b"%d one line of many, and none like it\n" % number for number in range(20_000))


def unpacked(data: bytes) -> bytes:
    return b"".join(unpacked_pieces(io.BytesIO(data)))


def until_damaged(data: bytes, why: str) -> list[bytes]:
    """Return what comes before the error, which says why."""
    pieces = unpacked_pieces(io.BytesIO(data))
    found: list[bytes] = []
    with pytest.raises(LogReadError, match=why):
        found.extend(iter(lambda: next(pieces), None))
    return found


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
def test_what_was_packed_comes_out(pack: Pack) -> None:
    assert unpacked(pack(TEXT)) == TEXT
    assert unpacked(pack(b"x")) == b"x"
    assert unpacked(pack(b"")) == b""


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
def test_a_piece_is_never_much_longer_than_its_bound(pack: Pack) -> None:
    pieces = list(unpacked_pieces(io.BytesIO(pack(bytes(10 * packed.PIECE)))))
    assert b"".join(pieces) == bytes(10 * packed.PIECE)
    # zstd has blocks of 128 KiB, and what is fed to it at once may begin some hundred of them.
    assert max(map(len, pieces)) <= packed.PIECE + 131_072 * (packed.FED_ZSTD // 4)


@pytest.mark.parametrize("name", PACKED)
def test_members_one_after_the_other_are_read_all(name: str) -> None:
    pack = PACKS[name]
    assert unpacked(pack(TEXT) + pack(b"more") + pack(b"") + pack(b"!")) == TEXT + b"more!"


@pytest.mark.parametrize("name", PACKED)
def test_zeros_behind_are_left_alone(name: str) -> None:
    assert unpacked(PACKS[name](TEXT) + bytes(100_000)) == TEXT


@pytest.mark.parametrize("name", PACKED)
def test_of_a_file_that_ends_too_early_all_that_is_there_counts(name: str) -> None:
    data = PACKS[name](TEXT)
    start = b"".join(until_damaged(data[: len(data) * 3 // 4], "it is damaged"))
    assert TEXT.startswith(start)
    if name != "bzip2":  # whose block of 900 kB is all of it
        assert len(start) > len(TEXT) // 3


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("rest", [b"no log", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"])
def test_what_else_stands_behind_is_told(name: str, rest: bytes) -> None:
    assert b"".join(until_damaged(PACKS[name](TEXT) + rest, "it is damaged")) == TEXT


@pytest.mark.parametrize("name", PACKED)
def test_what_is_damaged_within_is_told(name: str) -> None:
    data = bytearray(PACKS[name](TEXT))
    data[len(data) // 2 :] = bytes(255 - byte for byte in data[len(data) // 2 :])
    with pytest.raises(LogReadError, match="it is damaged"):
        unpacked(bytes(data))


@pytest.mark.threat("log-bomb")
@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd"])
def test_a_bomb_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "UNSUSPECTED", 4 * 1024 * 1024)
    data = PACKS[name](bytes(40 * 1024 * 1024))
    pieces = until_damaged(data, "unpacks to more than 500 times its size")
    assert sum(map(len, pieces)) < 32 * 1024 * 1024


def test_a_file_that_asks_for_gigabytes_of_memory_gets_none() -> None:
    greedy = lzma.compress(
        TEXT, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    )
    with pytest.raises(LogReadError, match="Memory usage limit"):
        unpacked(greedy)
    parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    writer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(LogReadError, match="too much memory"):
        unpacked(writer.compress(TEXT) + writer.flush())


def test_without_zstandard_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputError, match="pip install zstandard"):
        unpacked(PACKS["zstd"](TEXT))


class Broken(io.BytesIO):
    """A disk that fails in the middle."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > packed.PIECE:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_disk_that_fails_is_told() -> None:
    with pytest.raises(LogReadError, match=r"\Areading failed: Input/output error\Z"):
        list(unpacked_pieces(Broken(TEXT)))


@given(
    st.binary(), st.sampled_from([b"", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"(\xb5/\xfd"])
)
def test_any_bytes_are_a_log_or_are_told(data: bytes, magic: bytes) -> None:
    with suppress(LogReadError):
        unpacked(magic + data)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)))
def test_lines_do_not_depend_on_where_pieces_end(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(data)]
    pieces = [data[begin:end] for begin, end in pairwise(places)]
    lines = [line for lines in lines_in(pieces) for line in lines]
    whole = data.replace(b"\0", b"").split(b"\n")
    assert lines == whole[: len(whole) - (whole[-1] == b"")]


def test_a_line_without_an_end_is_cut() -> None:
    pieces = [b"x" * 100_000] * 5 + [b"\nshort\n"]
    lines = [line for lines in lines_in(pieces) for line in lines]
    assert lines == [b"x" * MAX_LINE, b"short"]


def test_lines_as_text() -> None:
    assert list(decoded_lines(io.BytesIO(zlib.compress(b"a\n\n\xffb", wbits=31)))) == [
        "a",
        "",
        "�b",
    ]
