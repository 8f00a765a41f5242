"""The tcp_table codec: lines in, requests out; replies in, lines out."""

import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.postfix.codec import MAX_REQUEST, BadRequest, Decoded, Garbage, Request
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.postfix.tcp_table import MAX_REPLY, TcpTableCodec
from tests.unit.postfix.fragments import cut


def decode(*fragments: bytes) -> list[Decoded]:
    codec = TcpTableCodec()
    return [event for fragment in fragments for event in codec.feed(fragment)]


KEYS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)
NOISE = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [b"get ", b"put ", b"a.example", b"\n", b"\r\n", b"%", b"%4", b"1", b"\xff"]
        )
    ).map(b"".join),
)


class TestRequests:
    def test_one_in_one_piece(self) -> None:
        assert decode(b"get example.com\n") == [Request("", "example.com")]

    def test_percent_encoding_in_either_case(self) -> None:
        assert decode(b"get b%C3%bccher%20%25.example\n") == [Request("", "bücher %.example")]

    def test_a_telnet_client_is_understood(self) -> None:
        assert decode(b"get example.com\r\n") == [Request("", "example.com")]

    @given(st.lists(KEYS, max_size=8), st.lists(st.integers(0), max_size=30))
    def test_fragments_do_not_matter(self, keys: list[str], places: list[int]) -> None:
        stream = b"".join(f"get {quote(key, safe='')}\n".encode() for key in keys)
        assert decode(*cut(stream, places)) == [Request("", key) for key in keys]

    def test_the_longest(self) -> None:
        key = "k" * (MAX_REQUEST - len("get "))
        assert decode(f"get {key}\n".encode()) == [Request("", key)]
        assert decode(f"get {key}".encode(), b"\n") == [Request("", key)]


class TestBadRequests:
    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"put example.com secure", "put is not supported"),
            (b"", "not 'get'"),
            (b"GET / HTTP/1.1", "not 'get'"),
            (b"getexample.com", "not 'get'"),
            (b"get", "key is empty"),
            (b"get ", "key is empty"),
            (b"get  example.com", "space"),
            (b"get a b", "space"),
            (b"get a%", "%"),
            (b"get a%4", "%"),
            (b"get a%ZZ", "%"),
            (b"get a%+1", "%"),
            (b"get a\tb", "control"),
            (b"get a\rb", "control"),
            (b"get a%00b", "control"),
            (b"get a%0ab", "control"),
            (b"get a\0b", "control"),
            (b"get %FF", "UTF-8"),
            (b"get \xff", "UTF-8"),
        ],
    )
    def test_are_refused_and_the_next_is_read(self, line: bytes, reason: str) -> None:
        first, second = decode(line + b"\nget b\n")
        assert isinstance(first, BadRequest)
        assert reason in first.reason
        assert second == Request("", "b")


class TestGarbage:
    @pytest.mark.parametrize(
        "fragments",
        [
            [b"get " + b"k" * MAX_REQUEST + b"\n"],
            [b"get " + b"k" * MAX_REQUEST],
            [b"k" * 6_000, b"k" * 6_000],
            [b"k" * 6_000, b"k" * 6_000 + b"\n"],
            [b"k"] * (MAX_REQUEST + 1),
        ],
    )
    def test_a_line_that_is_too_long(self, fragments: list[bytes]) -> None:
        codec = TcpTableCodec()
        events = [event for data in [b"get a\n", *fragments] for event in codec.feed(data)]
        assert events[0] == Request("", "a")
        assert len(events) == 2
        assert isinstance(events[1], Garbage)
        assert "longer than 10,000 bytes" in events[1].reason
        assert codec.feed(b"get b\n") == []
        assert not codec.partial


class TestArbitraryBytes:
    @pytest.mark.threat("look-up-garbage")
    @given(st.lists(st.one_of(NOISE, st.just(b"k" * 4_000)), max_size=12))
    def test_never_raise_and_stay_bounded(self, fragments: list[bytes]) -> None:
        codec = TcpTableCodec()
        for fragment in fragments:
            for event in codec.feed(fragment):
                if isinstance(event, Request):
                    assert event.key
                    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", event.key)
            assert len(codec._begun) <= MAX_REQUEST
            assert codec.partial is bool(codec._begun)

    @given(NOISE, st.lists(st.integers(0), max_size=20))
    def test_mean_the_same_in_any_fragments(self, data: bytes, places: list[int]) -> None:
        assert decode(*cut(data, places)) == decode(data)


class TestReplies:
    @pytest.mark.parametrize(
        ("reply", "wire"),
        [
            (Reply(Status.OK, "secure match=a.b:.c"), b"200 secure%20match=a.b:.c\n"),
            (Reply(Status.OK, "ü 100%"), b"200 %C3%BC%20100%25\n"),
            (Reply(Status.NOTFOUND), b"500 not%20found\n"),
            (Reply(Status.TEMP, "DNS failed"), b"400 DNS%20failed\n"),
            (Reply(Status.PERM, "bad"), b"400 bad\n"),
            (Reply(Status.TEMP, "a\udcffb"), b"400 a?b\n"),  # a surrogate has no UTF-8
        ],
    )
    def test_each_status(self, reply: Reply, wire: bytes) -> None:
        assert TcpTableCodec().encode(reply) == wire

    @pytest.mark.row("A3")
    def test_the_longest_that_fits_is_sent_and_one_more_character_is_not(self) -> None:
        text = "x" * (4_096 - len("200 \n"))  # tcp_table(5)
        fallback = Reply(Status.OK, "short")
        assert TcpTableCodec().encode(Reply(Status.OK, text, fallback)) == f"200 {text}\n".encode()
        assert TcpTableCodec().encode(Reply(Status.OK, text + "x", fallback)) == b"200 short\n"

    @pytest.mark.row("A3")
    def test_characters_are_counted_after_encoding(self) -> None:
        reply = Reply(Status.OK, " " * (MAX_REPLY // 3), Reply(Status.OK, "short"))
        assert TcpTableCodec().encode(reply) == b"200 short\n"

    @pytest.mark.row("A3")
    def test_what_does_not_fit_at_all_is_never_not_found(self) -> None:
        wire = TcpTableCodec().encode(Reply(Status.OK, "x" * MAX_REPLY))
        assert re.fullmatch(rb"400 [a-z%0-9]+\n", wire)

    @given(st.sampled_from(Status), st.one_of(st.text(st.characters()), st.text(min_size=2_000)))
    def test_any_text_is_one_line_of_printable_ascii(self, status: Status, text: str) -> None:
        wire = TcpTableCodec().encode(Reply(status, text))
        assert len(wire) <= MAX_REPLY + 1
        assert re.fullmatch(rb"(200|400|500) (?:[!-$&-~]|%[0-9A-F]{2})*\n", wire)
        assert (wire[:3] == b"500") is (status is Status.NOTFOUND)
        assert not re.search(r"[\r\n\0]", unquote(wire[4:-1].decode()))
