"""Fetching policies from real HTTPS servers: what they serve."""

import asyncio
import gzip
import ssl
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver import __version__
from mtasts_resolver.discovery.errors import (
    BodyError,
    ConnectError,
    FetchError,
    FetchTimeoutError,
    InvalidPolicyError,
    MediaTypeError,
    StatusError,
)
from mtasts_resolver.discovery.policyhost.backend import MAX_BODY, MAX_HEAD, MAX_INTERIM
from mtasts_resolver.discovery.policyhost.fetch import MAX_PARTS
from mtasts_resolver.discovery.trace import Trace
from mtasts_resolver.policy import Policy
from mtasts_resolver.policy.document import MAX_DOCUMENT_BYTES, Mode
from tests.unit.discovery.policyhost import (
    DOCUMENT,
    DOMAIN,
    HOST,
    breaking_host,
    chunked,
    fetcher_for,
    policy_host,
    response,
    say,
    tls,
    until_closed,
)
from tests.unit.discovery.servers import stream_server


@pytest.fixture(scope="session")
def server_tls(ca: trustme.CA) -> ssl.SSLContext:
    return tls(ca.issue_cert(HOST))


async def fetch(
    answer: bytes,
    context: ssl.SSLContext,
    ca_file: Path,
    *,
    close: bool = True,
    timeout: float = 10.0,  # noqa: ASYNC109 - a setting of the fetcher
    trace: Trace | None = None,
) -> Policy:
    async with (
        policy_host(answer, context, close=close) as server,
        fetcher_for(server.port, ca_file, timeout=timeout) as fetcher,
    ):
        return await fetcher.fetch_policy(DOMAIN, trace)


@pytest.mark.row("P1")
async def test_a_policy_is_fetched(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    policy = await fetch(response(), server_tls, ca_file)
    assert policy.mode is Mode.ENFORCE
    assert policy.mx == ("mx.x.example",)
    assert policy.document == DOCUMENT.decode()


@pytest.mark.row("P1", "P3", "P5", "P13")
async def test_the_request_says_no_more_than_it_must(
    server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    async with (
        policy_host(response(), server_tls) as server,
        fetcher_for(server.port, ca_file) as fetcher,
    ):
        await fetcher.fetch_policy(DOMAIN)
    line, *headers = server.requests[0].decode().rstrip("\r\n").split("\r\n")
    assert line == "GET /.well-known/mta-sts.txt HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity",
        "Accept: text/plain",
        "Connection: close",
        f"Host: {HOST}:{server.port}",
        f"User-Agent: mtasts-resolver/{__version__}",
    ]


@pytest.mark.row("P3", "P13")
async def test_nothing_is_kept_between_fetches(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    cacheable = (
        "Content-Type: text/plain",
        "Cache-Control: max-age=86400, immutable",
        'ETag: "1"',
        "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT",
        "Set-Cookie: tracked=yes; Path=/",
    )
    async with (
        policy_host(response(headers=cacheable), server_tls, close=False) as server,
        fetcher_for(server.port, ca_file) as fetcher,
    ):
        await fetcher.fetch_policy(DOMAIN)
        await fetcher.fetch_policy(DOMAIN)
    first, second = server.requests
    assert first == second
    assert server.connections == 2


@pytest.mark.threat("environment")
@pytest.mark.row("P13")
async def test_the_environment_says_nothing(
    server_tls: ssl.SSLContext, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text(f"machine {HOST} login user password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with (
        policy_host(response(), server_tls) as server,
        fetcher_for(server.port, ca_file) as fetcher,
    ):
        await fetcher.fetch_policy(DOMAIN)
    assert b"authorization" not in server.requests[0].lower()


@pytest.mark.threat("https-leads-on")
@pytest.mark.row("P2")
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 T", "308 P"])
async def test_a_redirect_is_not_followed(
    server_tls: ssl.SSLContext, ca_file: Path, status: str
) -> None:
    headers = ("Content-Type: text/plain", "Location: https://www.x.example/")
    with pytest.raises(StatusError) as caught:
        await fetch(response(status=status, headers=headers), server_tls, ca_file)
    assert str(caught.value) == ("redirect to https://www.x.example/, which RFC 8461 §3.3 forbids")


@pytest.mark.row("P2")
@pytest.mark.parametrize(
    "status",
    ["404 Not Found", "500 Internal Server Error", "204 No Content", "206 Partial", "304 Same"],
)
async def test_only_200_counts(server_tls: ssl.SSLContext, ca_file: Path, status: str) -> None:
    with pytest.raises(StatusError) as caught:
        await fetch(response(status=status), server_tls, ca_file)
    assert str(caught.value) == f"HTTP status {status}"


@pytest.mark.row("P4")
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "text/plain; charset=utf-8", "Text/PLAIN;charset=us-ascii", "text/plain ;x"],
)
async def test_parameters_of_the_media_type_do_not_matter(
    server_tls: ssl.SSLContext, ca_file: Path, media_type: str
) -> None:
    assert await fetch(response(headers=[f"Content-Type: {media_type}"]), server_tls, ca_file)


@pytest.mark.row("P4")
@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        (["Content-Type: text/html; charset=utf-8"], "media type text/html"),
        (["Content-Type: application/octet-stream"], "media type application/octet-stream"),
        (["Content-Type: text/plainer"], "media type text/plainer"),
        (
            ["Content-Type: text/plain", "Content-Type: text/html"],
            "media type text/plain, text/html",
        ),
        (["Content-Type: "], "media type "),
        ([], "no media type"),
        (["Content-Type: \x9b31m" + "x" * 500], "media type \\x9b31m" + "x" * 110 + "..."),
    ],
)
async def test_any_other_media_type_is_an_error(
    server_tls: ssl.SSLContext, ca_file: Path, headers: list[str], shown: str
) -> None:
    with pytest.raises(MediaTypeError) as caught:
        await fetch(response(headers=headers), server_tls, ca_file)
    assert str(caught.value) == f"{shown}, RFC 8461 §3.2 requires text/plain"


LONGEST = DOCUMENT + b"x: " + b"y" * (MAX_DOCUMENT_BYTES - len(DOCUMENT) - 3)
TOO_LONG = "the policy is longer than 65,536 bytes"


@pytest.mark.row("P5")
@pytest.mark.parametrize("shape", [response, chunked, until_closed])
async def test_the_longest_policy_is_accepted(
    server_tls: ssl.SSLContext, ca_file: Path, shape: type[bytes]
) -> None:
    fetched = await fetch(shape(LONGEST), server_tls, ca_file)
    assert len(fetched.document) == MAX_DOCUMENT_BYTES


@pytest.mark.row("P5")
@pytest.mark.parametrize("shape", [response, chunked, until_closed])
async def test_a_longer_policy_is_rejected_whole(
    server_tls: ssl.SSLContext, ca_file: Path, shape: type[bytes]
) -> None:
    with pytest.raises(BodyError) as caught:
        await fetch(shape(LONGEST + b"z"), server_tls, ca_file)
    assert str(caught.value) == TOO_LONG


@pytest.mark.row("P5")
async def test_a_length_that_is_too_much_is_believed(
    server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    with pytest.raises(BodyError) as caught:
        await fetch(response(b"", length=10**15), server_tls, ca_file, close=False)
    assert str(caught.value) == TOO_LONG


@pytest.mark.threat("https-endless")
@pytest.mark.row("P5")
async def test_an_endless_body_ends(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(until_closed(b""))
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with stream_server(serve, server_tls) as port, fetcher_for(port, ca_file) as fetcher:
        with pytest.raises(BodyError, match=TOO_LONG):
            await fetcher.fetch_policy(DOMAIN)


@pytest.mark.threat("https-endless")
@pytest.mark.row("P5")
@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "GZIP"])
async def test_a_content_coding_is_not_accepted(
    server_tls: ssl.SSLContext, ca_file: Path, coding: str
) -> None:
    headers = ("Content-Type: text/plain", f"Content-Encoding: {coding}")
    answer = response(gzip.compress(DOCUMENT), headers=headers)
    with pytest.raises(BodyError) as caught:
        await fetch(answer, server_tls, ca_file)
    assert str(caught.value) == f"content coding {coding.lower()}, although none was asked for"


@pytest.mark.threat("https-cut")
@pytest.mark.row("P5")
@pytest.mark.parametrize(
    "answer",
    [response(length=len(DOCUMENT) + 1), chunked(DOCUMENT)[:-5], chunked(DOCUMENT)[:-9]],
    ids=["length", "no last chunk", "half a chunk"],
)
async def test_a_body_that_is_cut_short_is_rejected(
    server_tls: ssl.SSLContext, ca_file: Path, answer: bytes
) -> None:
    with pytest.raises(BodyError, match="the policy was cut short: "):
        await fetch(answer, server_tls, ca_file)


@pytest.mark.threat("https-cut")
@pytest.mark.row("P14")
@pytest.mark.parametrize("body", [DOCUMENT, DOCUMENT[:-4], DOCUMENT[:-3], b""])
async def test_a_body_without_an_end_must_end_with_tls(
    server_tls: ssl.SSLContext, ca_file: Path, body: bytes
) -> None:
    """Whoever cuts the connection would make `max_age: 604800` one of 60480 or 6 seconds."""
    with breaking_host(until_closed(body), server_tls) as port:
        async with fetcher_for(port, ca_file) as fetcher:
            with pytest.raises(BodyError) as caught:
                await fetcher.fetch_policy(DOMAIN)
    assert str(caught.value) == (
        "the policy was cut short: 127.0.0.1 broke the connection: the connection was closed"
    )


@pytest.mark.row("P14")
@pytest.mark.parametrize("shape", [response, chunked])
async def test_a_body_with_an_end_needs_no_other(
    server_tls: ssl.SSLContext, ca_file: Path, shape: type[bytes]
) -> None:
    with breaking_host(shape(DOCUMENT), server_tls) as port:
        async with fetcher_for(port, ca_file) as fetcher:
            assert await fetcher.fetch_policy(DOMAIN)


@pytest.mark.row("P5")
@pytest.mark.parametrize("status", ["100 Continue", "103 Early Hints"])
async def test_interim_responses_are_passed_over(
    server_tls: ssl.SSLContext, ca_file: Path, status: str
) -> None:
    interim = f"HTTP/1.1 {status}\r\nLink: </x>\r\n\r\n".encode()
    assert await fetch(interim * MAX_INTERIM + response(), server_tls, ca_file)
    with pytest.raises(ConnectError) as caught:
        await fetch(interim * (MAX_INTERIM + 1) + response(), server_tls, ca_file)
    assert str(caught.value) == (
        f"{HOST} does not answer in HTTP: more than {MAX_INTERIM} interim responses"
    )


@pytest.mark.threat("https-endless")
@pytest.mark.row("P5")
@pytest.mark.parametrize(
    "endless",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 100\n\n",
        b"HTTP/1.1 103 \r\nLink: </x>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x:\r\n" * MAX_HEAD,
    ],
    ids=["interim", "short", "long", "headers"],
)
async def test_endless_heads_end(server_tls: ssl.SSLContext, ca_file: Path, endless: bytes) -> None:
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        while True:
            writer.write(endless)
            sent += 1
            await writer.drain()

    async with stream_server(serve, server_tls) as port, fetcher_for(port, ca_file) as fetcher:
        with pytest.raises(ConnectError, match=f"{HOST} does not answer in HTTP: "):
            await fetcher.fetch_policy(DOMAIN)
    assert sent > 0


@pytest.mark.threat("https-endless")
@pytest.mark.row("P5")
async def test_the_parts_of_a_policy_are_bounded(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    longest = DOCUMENT.ljust(MAX_PARTS, b"\n")
    assert await fetch(chunked(longest, size=1), server_tls, ca_file)
    with pytest.raises(BodyError) as caught:
        await fetch(chunked(longest + b"\n", size=1), server_tls, ca_file)
    assert str(caught.value) == f"the policy comes in more than {MAX_PARTS} parts"


@pytest.mark.row("P5")
async def test_what_is_said_beside_a_policy_is_bounded(
    server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    head, _, chunks = chunked(DOCUMENT).partition(b"\r\n\r\n")
    answer = head + b"\r\n\r\n" + chunks[:-2] + b"x: y\r\n" * MAX_BODY + b"\r\n"
    with pytest.raises(BodyError, match="the policy was cut short: "):
        await fetch(answer, server_tls, ca_file)


@pytest.mark.threat("https-costly")
async def test_one_host_does_not_hold_the_event_loop(
    server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    """Others get a turn for each part, however many of them come in one segment."""
    turns = begun = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal begun
        await reader.readuntil(b"\r\n\r\n")
        begun = turns
        interim = b"HTTP/1.1 100 Continue\r\n\r\n" * MAX_INTERIM
        await say(interim + chunked(DOCUMENT.ljust(MAX_PARTS, b"\n"), size=1), writer, reader)

    async with stream_server(serve, server_tls) as port, fetcher_for(port, ca_file) as fetcher:
        task = asyncio.create_task(others())
        await fetcher.fetch_policy(DOMAIN)
        task.cancel()
    assert turns - begun >= MAX_INTERIM + MAX_PARTS - 1


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/0.9", "HTTP/3.1"])
async def test_another_version_of_http_is_none(
    server_tls: ssl.SSLContext, ca_file: Path, version: str
) -> None:
    answer = response().replace(b"HTTP/1.1", version.encode(), 1)
    with pytest.raises(ConnectError) as caught:
        await fetch(answer, server_tls, ca_file)
    assert str(caught.value) == f"{HOST} does not answer in HTTP/1.1: {version}"


@pytest.mark.threat("https-endless")
@pytest.mark.row("P5")
@pytest.mark.parametrize(
    ("answer", "step"),
    [
        (b"", "GET https://"),
        (b"HTTP/1.1 200 OK\r\nContent-", "GET https://"),
        (response(length=1000), "GET https://"),
    ],
    ids=["nothing", "half a header", "half a body"],
)
async def test_a_slow_answer_has_an_end(
    server_tls: ssl.SSLContext, ca_file: Path, answer: bytes, step: str
) -> None:
    with pytest.raises(FetchTimeoutError) as caught:
        await fetch(answer, server_tls, ca_file, close=False, timeout=1.0)
    assert str(caught.value).startswith(f"{HOST} took more than 1 s, the last of them for: {step}")


@pytest.mark.row("P5")
async def test_names_and_headers_are_bounded(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    headers = ["Content-Type: text/plain", *(f"X-{n}: {'x' * 1000}" for n in range(1000))]
    with pytest.raises(ConnectError, match=f"{HOST} does not answer in HTTP: "):
        await fetch(response(headers=headers), server_tls, ca_file)


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00" * 100, b"HTTP/1.1 200\r\n: x\r\n\r\n"],
    ids=["nothing", "ssh", "zeros", "header"],
)
async def test_what_is_no_http_is_said_to_be_none(
    server_tls: ssl.SSLContext, ca_file: Path, answer: bytes
) -> None:
    with pytest.raises(ConnectError, match=f"{HOST} does not answer in HTTP: "):
        await fetch(answer, server_tls, ca_file)


async def test_an_invalid_policy_names_its_line(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    trace = Trace()
    document = b"version: STSv1\nmode: enfroce\nmx: \x1b[2J\nmax_age: 1\n"
    with pytest.raises(InvalidPolicyError) as caught:
        await fetch(response(document), server_tls, ca_file, trace=trace)
    assert str(caught.value).startswith(f"the policy of {HOST} is invalid: line ")
    step = trace.steps[-1]
    assert (step.name, step.ok, step.outcome) == ("policy document", False, str(caught.value))
    assert step.details == (
        "   1 version: STSv1",
        "   2 mode: enfroce",
        "   3 mx: \\x1b[2J",
        "   4 max_age: 1",
    )


async def test_a_trace_shows_every_step(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    trace = Trace()
    await fetch(response(), server_tls, ca_file, trace=trace)
    assert [step.ok for step in trace.steps] == [True] * 5
    looked_up, connected, secured, got, document = trace.steps
    assert (looked_up.name, looked_up.outcome) == (f"A, AAAA {HOST}", "127.0.0.1")
    assert connected.name.startswith(f"connect to {HOST} port ")
    assert connected.outcome == "127.0.0.1"
    assert (secured.name, secured.outcome) == (f"TLS with {HOST}", "TLSv1.3")
    assert secured.details[0] == f"certificate for {HOST}"
    assert secured.details[1].startswith("issued by OU=Testing CA")
    assert secured.details[2] == "valid from 2000-01-01 to 3000-01-01 00:00 UTC"
    assert got.outcome == f"200, text/plain, {len(DOCUMENT)} bytes"
    assert document.outcome == "mode enforce, 1 mx, max_age 604800 s"


PIECES = st.sampled_from(
    [
        *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.0 200 OK\r\n"),
        *(b"HTTP/1.1 302 Found\r\nLocation: /\r\n", b"HTTP/1.1 101 Switching Protocols\r\n"),
        *(b"Content-Type: text/plain\r\n", b"Content-Length: 5\r\n", b"Content-Length: x\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: deflate\r\n", b"\r\n"),
        *(b"5\r\nhello\r\n", b"0\r\n\r\n", b"ffffffffffffffffffff\r\n", DOCUMENT, response()),
    ]
)


@pytest.mark.threat("https-garbage")
@given(st.lists(st.one_of(PIECES, st.binary(max_size=40)), max_size=8).map(b"".join))
def test_whatever_a_server_sends_only_declared_errors_come_out(
    server_tls: ssl.SSLContext, ca_file: Path, answer: bytes
) -> None:
    async def scenario() -> None:
        try:
            fetched = await fetch(answer, server_tls, ca_file)
        except FetchError as error:
            text = str(error)
        else:
            text = fetched.mode
        assert text.isprintable()
        assert len(text) < 500

    asyncio.run(scenario())
