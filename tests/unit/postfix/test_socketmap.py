"""The socketmap codec: netstrings in, requests out; replies in, netstrings out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.postfix.codec import MAX_REQUEST, BadRequest, Decoded, Garbage, Request
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.postfix.socketmap import MAX_REPLY, SocketmapCodec
from tests.unit.postfix.fragments import cut


def netstring(payload: bytes) -> bytes:
    return b"%d:%b," % (len(payload), payload)


def decode(*fragments: bytes) -> list[Decoded]:
    codec = SocketmapCodec()
    return [event for fragment in fragments for event in codec.feed(fragment)]


KEYS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
# Bytes that look like the protocol reach deeper than random ones.
NOISE = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from([b"0", b"1", b"9", b":", b",", b" ", b"5:a bcd,", b"0:,", b"\xff", b"\0"])
    ).map(b"".join),
    st.from_regex(rb"[0-9]{0,8}:?[a-z ]{0,12},?", fullmatch=True),
)


class TestRequests:
    def test_one_in_one_piece(self) -> None:
        assert decode(b"19:default example.com,") == [Request("default", "example.com")]

    def test_a_key_may_hold_spaces_and_unicode(self) -> None:
        assert decode(netstring("m bücher beispiel".encode())) == [Request("m", "bücher beispiel")]

    def test_several_in_one_piece(self) -> None:
        assert decode(b"3:a b,3:c d,3:e") == [Request("a", "b"), Request("c", "d")]

    @given(st.lists(st.tuples(NAMES, KEYS), max_size=8), st.lists(st.integers(0), max_size=30))
    def test_fragments_do_not_matter(self, pairs: list[tuple[str, str]], places: list[int]) -> None:
        stream = b"".join(netstring(f"{name} {key}".encode()) for name, key in pairs)
        assert decode(*cut(stream, places)) == [Request(*pair) for pair in pairs]

    def test_byte_by_byte(self) -> None:
        stream = netstring(b"default " + b"k" * 9000) + b"3:a b,"
        events = decode(*(stream[i : i + 1] for i in range(len(stream))))
        assert events == [Request("default", "k" * 9000), Request("a", "b")]

    def test_the_longest(self) -> None:
        key = "k" * (MAX_REQUEST - 2)
        assert decode(netstring(f"m {key}".encode())) == [Request("m", key)]


class TestBadRequests:
    @pytest.mark.parametrize(
        ("payload", "reason"),
        [
            (b"", "map"),
            (b" example.com", "map"),
            (b"default", "key is empty"),
            (b"default ", "key is empty"),
            (b"default \xff.example", "UTF-8"),
            (b"default \xed\xa0\x80", "UTF-8"),
            (b"default a\0b", "control"),
            (b"default a\nb", "control"),
            (b"default a\x7fb", "control"),
            (b"default a\xc2\x85b", "control"),
            (b"def\tault ab", "control"),
        ],
    )
    def test_are_refused_and_the_next_is_read(self, payload: bytes, reason: str) -> None:
        first, second = decode(netstring(payload) + b"3:a b,")
        assert isinstance(first, BadRequest)
        assert reason in first.reason
        assert second == Request("a", "b")


class TestGarbage:
    @pytest.mark.parametrize(
        "data",
        [
            b"x",
            b":a b,",
            b"-3:a b,",
            b"+3:a b,",
            b" 3:a b,",
            b"03:a b,",
            b"00:,",
            b"3 :a b,",
            b"3;a b,",
            b"10000;",
            b"3:a bX",
            b"0:X",
            "٣:a b,".encode(),
            b"\n",
            b"get example.com\n",
        ],
    )
    def test_malformed_netstrings(self, data: bytes) -> None:
        events = decode(b"3:a b," + data, b"3:c d,")
        assert events[0] == Request("a", "b")
        assert len(events) == 2
        assert isinstance(events[1], Garbage)
        assert "netstring" in events[1].reason

    @pytest.mark.parametrize(
        "header", [b"10001:", b"99999:", b"100000:", b"999999:", b"1000000", b"9" * 50]
    )
    def test_too_long_is_told_by_the_length_alone(self, header: bytes) -> None:
        codec = SocketmapCodec()
        request, event = codec.feed(b"3:a b," + header)
        assert request == Request("a", "b")
        assert isinstance(event, Garbage)
        assert "longer than 10,000 bytes" in event.reason
        assert not codec.partial

    def test_too_long_byte_by_byte(self) -> None:
        assert decode(*(b"%c" % c for c in b"99999999999")) == decode(b"99999999999")


class TestArbitraryBytes:
    @pytest.mark.threat("look-up-garbage")
    @given(st.lists(NOISE, max_size=12))
    def test_never_raise_and_stay_bounded(self, fragments: list[bytes]) -> None:
        codec = SocketmapCodec()
        events: list[Decoded] = []
        for fragment in fragments:
            events += codec.feed(fragment)
            assert len(codec._begun) <= MAX_REQUEST + len("10000:,")
        garbage = [i for i, event in enumerate(events) if isinstance(event, Garbage)]
        assert garbage in ([], [len(events) - 1])

    @given(NOISE, st.lists(st.integers(0), max_size=20))
    def test_mean_the_same_in_any_fragments(self, data: bytes, places: list[int]) -> None:
        assert decode(*cut(data, places)) == decode(data)

    @given(st.lists(NOISE, max_size=12))
    def test_what_is_accepted_is_a_look_up(self, fragments: list[bytes]) -> None:
        for event in decode(*fragments):
            if isinstance(event, Request):
                assert event.map_name
                assert event.key
                assert not re.search(r"[\x00-\x1f\x7f-\x9f]", event.map_name + event.key)

    def test_partial_tells_half_a_request(self) -> None:
        codec = SocketmapCodec()
        assert not codec.partial
        for fragment, partial in [(b"3", True), (b":a", True), (b" b,", False), (b"3:a b,1", True)]:
            codec.feed(fragment)
            assert codec.partial is partial


class CountingCodec(SocketmapCodec):
    """Counts the bytes looked at, more than once where they are copied and scanned again."""

    def __init__(self) -> None:
        super().__init__()
        self.scanned = 0

    def _decode(self, data: bytes) -> list[Decoded]:
        self.scanned += len(data)
        return super()._decode(data)


@pytest.mark.parametrize("size", [1, 2, 7, 1_000, 20_000])
def test_no_byte_is_scanned_again_and_again(size: int) -> None:
    codec = CountingCodec()
    stream = netstring(b"m " + b"k" * 9_000) * 10
    for start in range(0, len(stream), size):
        codec.feed(stream[start : start + size])
    assert codec.scanned < 3 * len(stream)


class TestReplies:
    @pytest.mark.parametrize(
        ("reply", "wire"),
        [
            (Reply(Status.OK, "secure match=a.example"), b"25:OK secure match=a.example,"),
            (Reply(Status.NOTFOUND), b"9:NOTFOUND ,"),
            (Reply(Status.TEMP, "DNS failed"), b"15:TEMP DNS failed,"),
            (Reply(Status.PERM, "bücher"), b"12:PERM b\xc3\xbccher,"),
            (Reply(Status.TEMP, "a\udcffb"), b"8:TEMP a?b,"),  # a surrogate has no UTF-8
        ],
    )
    def test_each_status(self, reply: Reply, wire: bytes) -> None:
        assert SocketmapCodec().encode(reply) == wire

    @pytest.mark.row("A3")
    def test_the_longest_that_fits_is_sent_and_one_more_byte_is_not(self) -> None:
        text = "x" * (100_000 - len("OK "))  # socketmap_table(5)
        fallback = Reply(Status.OK, "short")
        assert SocketmapCodec().encode(Reply(Status.OK, text, fallback)) == netstring(
            b"OK " + text.encode()
        )
        assert SocketmapCodec().encode(Reply(Status.OK, text + "x", fallback)) == b"8:OK short,"

    @pytest.mark.row("A3")
    def test_bytes_are_counted_not_characters(self) -> None:
        reply = Reply(Status.OK, "ü" * (MAX_REPLY // 2), Reply(Status.OK, "short"))
        assert SocketmapCodec().encode(reply) == b"8:OK short,"

    @pytest.mark.row("A3")
    def test_the_fallback_of_a_fallback_and_then_temp(self) -> None:
        long = "x" * MAX_REPLY
        chain = Reply(Status.OK, long, Reply(Status.OK, long + "y", Reply(Status.TEMP, "why")))
        assert SocketmapCodec().encode(chain) == b"8:TEMP why,"
        wire = SocketmapCodec().encode(Reply(Status.OK, long, Reply(Status.OK, long)))
        assert re.fullmatch(rb"\d+:TEMP [a-z ]+,", wire)

    @given(
        st.sampled_from(Status),
        st.one_of(st.text(st.characters()), st.text(max_size=3).map(lambda t: t * 40_000)),
    )
    def test_any_text_is_one_netstring_without_line_ends(self, status: Status, text: str) -> None:
        wire = SocketmapCodec().encode(Reply(status, text))
        length, _, rest = wire.partition(b":")
        assert int(length) == len(rest) - 1 <= MAX_REPLY
        assert rest.endswith(b",")
        assert rest.startswith((status.encode() + b" ", b"TEMP "))
        assert not re.search(rb"[\r\n\0]", rest)
        rest.decode("utf-8")

    def test_a_line_end_becomes_a_space(self) -> None:
        assert SocketmapCodec().encode(Reply(Status.TEMP, "a\r\nb\0c")) == b"11:TEMP a  b c,"
