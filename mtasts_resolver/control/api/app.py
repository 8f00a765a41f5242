"""The API as an application: requests checked, endpoints asked, values encoded."""

import asyncio
import pwd
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, cast

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mtasts_resolver.base import logs
from mtasts_resolver.base.undecodable import UNDECODABLE
from mtasts_resolver.control.api.endpoint import Call, Endpoint, Peer, RefusedError
from mtasts_resolver.control.api.endpoints import ENDPOINTS
from mtasts_resolver.control.api.openapi import JSON, NDJSON, document
from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.problem import Problem
from mtasts_resolver.server.unixsocket import Credentials

log = logs.get(__name__)

Batches = AsyncGenerator[list[Struct], None]
_ENCODER = msgspec.json.Encoder()

# What is sent at once is a list of domains at most: 10,000 names of 63 characters. What is longer
# comes line by line.
MAX_BODY = 1 << 20
# The longest line is a policy of 64 KiB, each of whose characters JSON may spell with six.
MAX_LINE = 1 << 19
# Lines of one request, blank ones too: what came of them is told when all have been read, so that
# neither side waits for the other.
MAX_LINES = 10_000
# Made when this module is imported, which is done in a thread: it takes milliseconds.
_DOCUMENT = msgspec.json.encode(document(ENDPOINTS))

_BUG = Problem(
    error="internal error",
    action="see the log of mtasts-resolver, and report it with its traceback",
)


def application(sources: Sources) -> Starlette:
    """Return the application behind the control socket."""
    routes = [Route("/v1/openapi.json", _openapi, methods=["GET"])]
    for endpoint in ENDPOINTS:
        answer = partial(_guarded, partial(_answer, endpoint, sources))
        routes.append(Route(endpoint.path, answer, methods=[endpoint.method]))
    return Starlette(routes=routes, exception_handlers={HTTPException: _http_error})


async def _openapi(_request: Request) -> Response:
    return Response(_DOCUMENT, media_type=JSON)


async def _guarded(answer: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    """Answer what is refused with the reason, and a bug with a line in the log."""
    try:
        return await answer(request)
    except RefusedError as refused:
        return _problem(refused.status, refused.problem)
    except Exception as error:  # noqa: BLE001  a bug must cost one answer, not the daemon
        log.bug("internal-error", error, during=f"{request.method} {request.url.path}")
        return _problem(500, _BUG)


async def _answer(endpoint: Endpoint, sources: Sources, request: Request) -> Response:
    call = Call(
        sources=sources,
        params=_params(endpoint, request),
        body=await _body(endpoint, request),
        peer=await _peer(request.state.connection.credentials()),
    )
    if endpoint.stream:
        batches = cast("Batches", endpoint.handle(call))
        return _Stream(await _begun(batches, request))
    result = await cast("Awaitable[Struct]", endpoint.handle(call))
    return Response(msgspec.json.encode(result), media_type=JSON)


async def _peer(found: Credentials) -> Peer:
    """Return who asks; the system's directory of users may take its time to tell."""
    pid, uid, _ = found
    if uid == 0:
        return Peer(pid, uid, "root")
    try:
        account = await asyncio.to_thread(pwd.getpwuid, uid)
    except KeyError:
        return Peer(pid, uid, str(uid))
    return Peer(pid, uid, account.pw_name)


def _params(endpoint: Endpoint, request: Request) -> Struct | None:
    """Return what the path and the query say. Raise RefusedError."""
    query = request.query_params
    if endpoint.params is None:
        unknown = sorted(query)
    else:
        given = {**query, **request.path_params}
        names = {field.encode_name for field in msgspec.structs.fields(endpoint.params)}
        unknown = sorted(given.keys() - names)
        twice = sorted(name for name in query if len(query.getlist(name)) > 1)
        if twice:
            raise RefusedError(400, f"the parameter {twice[0]!a} stands twice")
    if unknown:
        raise RefusedError(400, f"there is no parameter {unknown[0]!a}")
    if endpoint.params is None:
        return None
    try:
        return msgspec.convert(given, endpoint.params, strict=False)
    except msgspec.ValidationError as error:
        raise RefusedError(400, str(error)) from None


async def _body(endpoint: Endpoint, request: Request) -> Any:  # noqa: ANN401  see Call.body
    if endpoint.body is None:
        return None
    if endpoint.lines:
        return _decoded(_lines(request.stream()), endpoint.body)
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MAX_BODY:
            raise RefusedError(413, f"what was sent has more than {MAX_BODY:,} bytes")
    return _decode(bytes(read), endpoint.body)


def _decode(text: bytes, kind: type[Struct], where: str = "") -> Struct:
    try:
        return msgspec.json.decode(text, type=kind)
    except UNDECODABLE as error:
        raise RefusedError(422, f"{where}{error}") from None


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield each line that is sent. Raise RefusedError for one that has no end."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        async for line in bites(lines):
            yield line
        if len(rest) > MAX_LINE:
            raise RefusedError(413, f"a line has more than {MAX_LINE:,} bytes")
    if rest:
        yield rest


async def _decoded(lines: AsyncIterator[bytes], kind: type[Struct]) -> AsyncIterator[Struct]:
    """Yield what the lines say. Raise RefusedError for one that is wrong, and for too many."""
    number = 0
    async for line in lines:
        number += 1
        if number > MAX_LINES:
            action = "send the others in another request"
            raise RefusedError(413, f"there are more than {MAX_LINES:,} lines", action)
        if line.strip():
            yield _decode(line, kind, f"line {number}: ")


async def _begun(batches: Batches, request: Request) -> AsyncGenerator[bytes, None]:
    """Return the stream of `batches`, whose first is there: what is refused is refused by then."""
    try:
        first = [await anext(batches)]
    except StopAsyncIteration:
        first = []
    return _stream(first, batches, request)


async def _stream(
    first: list[list[Struct]], batches: Batches, request: Request
) -> AsyncGenerator[bytes, None]:
    """Yield lines; what fails after the beginning ends the stream with a Problem."""
    try:
        async with aclosing(batches):
            for batch in first:
                yield _ENCODER.encode_lines(batch)
            async for batch in batches:
                yield _ENCODER.encode_lines(batch)
    except RefusedError as refused:
        yield _ENCODER.encode_lines([refused.problem])
    except Exception as error:  # noqa: BLE001  a bug must cost one answer, not the daemon
        log.bug("internal-error", error, during=f"{request.method} {request.url.path}")
        yield _ENCODER.encode_lines([_BUG])


class _Stream(Response):
    """An answer that is sent as it comes to be.

    Starlette's own listens meanwhile for the end of the connection, and takes away what is still
    being sent. Here a request ends with its connection (serving.py).
    """

    media_type = NDJSON

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers()
        self._chunks = chunks

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async with aclosing(self._chunks):
            async for chunk in self._chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _problem(status: int, problem: Problem) -> Response:
    return Response(msgspec.json.encode(problem), status_code=status, media_type=JSON)


async def _http_error(_request: Request, error: Exception) -> Response:
    """Answer for a path that there is not, or a method that it has not."""
    failed = cast("HTTPException", error)
    response = _problem(failed.status_code, Problem(error=failed.detail.lower()))
    response.headers.update(failed.headers or {})
    return response
