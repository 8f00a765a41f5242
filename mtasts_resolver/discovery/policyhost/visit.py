"""A visit to one address of a policy host: what its TLS shows, and what it answers to a fetch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import NamedTuple

import httpx

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.discovery.errors import BodyError, FetchError
from mtasts_resolver.discovery.policyhost.backend import PolicyHostBackend
from mtasts_resolver.discovery.policyhost.fetch import (
    HTTPS_PORT,
    PATH,
    REQUEST_HEADERS,
    check_length,
    read_body,
)
from mtasts_resolver.discovery.policyhost.proxy import Proxy
from mtasts_resolver.discovery.policyhost.request import PolicyHostTransport
from mtasts_resolver.discovery.tls.authorities import TrustStore
from mtasts_resolver.discovery.tls.shown import ShownTls, look_at_tls, shown_by
from mtasts_resolver.discovery.tls.wire import Tls, Wire
from mtasts_resolver.discovery.trace import Trace
from mtasts_resolver.discovery.visit import VisitError, connect_to

# What says how the document is served, and by whom, and what keeps it for how long.
HEADERS = (
    *("age", "cache-control", "content-length", "content-type", "etag", "expires"),
    *("last-modified", "location", "server", "via"),
)


class Answered(NamedTuple):
    """What a policy host answered to a fetch."""

    status: int
    headers: tuple[tuple[str, str], ...]
    document: str | None = None
    """The body of a status 200, where it can be one."""
    failure: VisitError | None = None
    """Why it cannot."""


class PolicyHostVisit:
    """Visits the policy host `host`: at `address`, or through a proxy.

    `timeout` is for a fetch, and for each handshake with an address; whom to trust `trust` has.
    """

    def __init__(
        self,
        host: str,
        address: str,
        trust: TrustStore,
        *,
        timeout: float,
        proxy: Proxy | None = None,
        port: int = HTTPS_PORT,
    ) -> None:
        self._host = host
        self._address = address
        self._trust = trust
        self._timeout = timeout
        self._port = port
        self._backend = PolicyHostBackend([address], proxy, Trace(kept=False))

    async def look(self) -> ShownTls:
        """Return what TLS shows at the address. Raise VisitError, and ShortageError."""
        return await look_at_tls(self._host, self._approach, await self._trust.context())

    async def fetch(self) -> Answered:
        """Return what it answers. Raise VisitError, and ShortageError."""
        url = httpx.URL(scheme="https", host=self._host, port=self._port, path=PATH)
        try:
            async with (
                asyncio.timeout(self._timeout),
                PolicyHostTransport(self._backend, await self._trust.context()) as transport,
            ):
                response = await transport.handle_async_request(
                    httpx.Request("GET", url, headers=REQUEST_HEADERS)
                )
                async with aclosing(response):
                    return await _read(response)
        except TimeoutError:
            why = f"a fetch takes more than {self._timeout:g} s"
            raise VisitError("policy-fetch-timeout", why) from None
        except FetchError as error:
            raise VisitError(error.code, str(error)) from None

    @property
    def shown(self) -> ShownTls | None:
        """What TLS showed at the fetch; None where it did not come to that."""
        return None if self._backend.tls is None else shown_by(self._backend.tls)

    @asynccontextmanager
    async def _approach(self) -> AsyncIterator["_Connected"]:
        wire = await connect_to(self._address, self._port)
        try:
            async with asyncio.timeout(self._timeout):
                yield _Connected(wire)
        except TimeoutError:
            why = f"the TLS handshake takes more than {self._timeout:g} s"
            raise VisitError("conversation-timeout", why) from None
        finally:
            wire.abort()


class _Connected:
    """A connection to a policy host: TLS can begin."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def leave(self, _tls: Tls) -> None:
        """Say nothing: nothing was asked."""


async def _read(response: httpx.Response) -> Answered:
    headers: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        if name.lower() in HEADERS:
            headers.setdefault(name.lower(), printable(value))
    answered = Answered(response.status_code, tuple(headers.items()))
    if response.status_code != httpx.codes.OK:
        return answered
    try:
        check_length(response)
        body = await read_body(response)
    except BodyError as error:
        return answered._replace(failure=VisitError(error.code, str(error)))
    try:
        return answered._replace(document=body.decode())
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        why = f"line {line} of the document is not UTF-8"
        return answered._replace(failure=VisitError(BodyError.code, why))
