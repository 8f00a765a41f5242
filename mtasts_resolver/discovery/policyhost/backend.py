"""The only connections that httpcore gets: to addresses that were checked before, and into TLS.

PolicyHostBackend ── connect_tcp ──> Unsecured or Tunnel ── start_tls ──> Secured
TCP                                  nothing to read, or a proxy's words  HTTP, for one response
"""

import asyncio
import re
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import httpcore

from mtasts_resolver.discovery.errors import CertificateError, ConnectError, DiscoveryError
from mtasts_resolver.discovery.oserrors import os_reason, shortage
from mtasts_resolver.discovery.policyhost.connect import reach_host
from mtasts_resolver.discovery.policyhost.proxy import Proxy, proxy_failure
from mtasts_resolver.discovery.tls.certificates import (
    describe_rejection,
    parse_certificate,
    read_unchecked_certificate,
)
from mtasts_resolver.discovery.tls.failures import describe_tls_failure
from mtasts_resolver.discovery.tls.wire import Tls, Wire
from mtasts_resolver.discovery.trace import Trace

MAX_HEAD = 16_384  # bytes before the body, as many as Node's clients take; few servers send 2,000
MAX_INTERIM = 8  # responses before the real one (RFC 9110 §15.2); nobody asks for any
# Bytes of a body with its chunks' sizes. Who asks judges the body alone, and by a lower limit.
MAX_BODY = 131_072
# Bytes that are given to HTTP at once: what can be made of them takes less than a millisecond.
READ_BYTES = 2_048
MAX_PROXY_LINES = 100  # of a proxy's answer to CONNECT; proxies send one to ten

# What may follow a response with no body: the next one. A policy has no such line.
_NEXT_RESPONSE = re.compile(rb"\n\r?\n(?=HTTP/)")


class PolicyHostBackend(httpcore.AsyncNetworkBackend):
    """The way of one fetch to its policy host, at one of `addresses` or through `proxy`.

    Never does it go to what the DNS has for the name by then. Raises ConnectError,
    CertificateError and ShortageError. The caller limits the whole time.
    """

    def __init__(self, addresses: Sequence[str], proxy: Proxy | None, trace: Trace) -> None:
        self._addresses = addresses
        self.proxy = proxy
        self.trace = trace
        self.asks_proxy = False
        """Whether it is the proxy's own words that are read: until TLS with the policy host."""
        self.tls: Tls | None = None
        """That with the policy host, as soon as that has shown who it is."""
        self._wire: Wire | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to `host`, which is the policy host or the proxy."""
        failures: list[DiscoveryError] = []
        with self.trace.step(f"connect to {host} port {port}") as step:
            if self.proxy is None:
                wire = await reach_host(host, self._addresses, port, failures)
            else:
                wire = await self.proxy.reach(failures)
            self._wire = wire
            step.outcome = wire.peer
            step.details = tuple(f"not {failure}" for failure in failures)
        self.asks_proxy = self.proxy is not None
        return Tunnel(self, wire, port) if self.asks_proxy else Unsecured(self, wire, port)

    def close(self) -> None:
        """Close the connection, which httpcore forgets where TLS fails or is cancelled."""
        if self._wire is not None:
            self._wire.abort()


class Unsecured(httpcore.AsyncNetworkStream):
    """A connection to a policy host: it cannot be read or written, but TLS can begin."""

    def __init__(self, backend: PolicyHostBackend, wire: Wire, port: int) -> None:
        self._backend = backend
        self._wire = wire
        self._port = port

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Begin TLS; the certificate must be valid for the host (RFC 8461 §3.3)."""
        host = server_hostname or ""
        trace = self._backend.trace
        self._backend.asks_proxy = False
        with trace.step(f"TLS with {host}") as step:
            # No leftover is to be discarded here: what came before is a part of the handshake to
            # TLS, which fails over it, for it reads the very buffer where that waits (see wire.py).
            tls = Tls(self._wire, ssl_context, host)
            await self._handshake(tls, host)
            self._backend.tls = tls
            step.outcome = tls.object.version() or ""
            if trace.kept:
                step.details = _describe(tls.object.getpeercert(binary_form=True))
        return Secured(self._wire, tls, host)

    async def _handshake(self, tls: Tls, host: str) -> None:
        try:
            await tls.handshake()
        except ssl.SSLCertVerificationError as error:
            der = None
            if self._backend.proxy is None:
                der = await read_unchecked_certificate(self._wire.peer, self._port, host)
            # In a thread: the library that reads certificates takes tens of milliseconds to load.
            why = await asyncio.to_thread(describe_rejection, host, error, der)
            raise CertificateError(why) from None
        except OSError as error:
            raise (
                shortage(error, self._wire.peer) or ConnectError(describe_tls_failure(host, error))
            ) from None

    async def aclose(self) -> None:
        self._wire.abort()


class Tunnel(Unsecured):
    """A connection to a proxy, which is asked in plain text for one to the policy host."""

    def __init__(self, backend: PolicyHostBackend, wire: Wire, port: int) -> None:
        super().__init__(backend, wire, port)
        self._lines = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return a line, or the beginning of a long one.

        A head ends with a line, so nothing behind it is ever read here: it stays for TLS.
        """
        self._lines += 1
        if self._lines > MAX_PROXY_LINES:
            raise proxy_failure(f"{self._wire.peer} sends more than {MAX_PROXY_LINES} lines")
        await asyncio.sleep(0)  # others' turn
        line = b""
        while not line.endswith(b"\n") and len(line) < min(max_bytes, READ_BYTES):
            if not (byte := self._wire.incoming.read(1)):
                try:
                    with _broken_connections(self._wire.peer):
                        await self._wire.more()
                except ConnectError as error:
                    raise proxy_failure(f"fails: {error}") from None
            line += byte
        return line

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._wire.send(buffer)


class Secured(httpcore.AsyncNetworkStream):
    """A connection to a policy host that has shown who it is, for one response."""

    def __init__(self, wire: Wire, tls: Tls, host: str) -> None:
        self._wire = wire
        self._tls = tls
        self._host = host
        self._unread = b""
        self._interim = 0
        self._left = MAX_HEAD
        self._too_much = f"{host} does not answer in HTTP: a head of more than {MAX_HEAD:,} bytes"

    def expect_body(self) -> None:
        """Begin to count anew: the head of the response has been read."""
        self._left = MAX_BODY
        self._too_much = f"{self._host} sends more than {MAX_BODY:,} bytes"

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what comes next, but of one response only, and nothing where the peer ends it."""
        if self._unread:
            await asyncio.sleep(0)  # others' turn
        else:
            with _broken_connections(self._wire.peer):
                self._unread = await self._tls.read(min(max_bytes, READ_BYTES))
            self._left -= len(self._unread)
            if self._left < 0:
                raise ConnectError(self._too_much)
        end = len(self._unread)
        if following := _NEXT_RESPONSE.search(self._unread):
            end = following.end()
            self._interim += 1
            if self._interim > MAX_INTERIM:
                raise ConnectError(
                    f"{self._host} does not answer in HTTP:"
                    f" more than {MAX_INTERIM} interim responses"
                )
        data, self._unread = self._unread[:end], self._unread[end:]
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._tls.write(buffer)

    async def aclose(self) -> None:
        self._wire.abort()


@contextmanager
def _broken_connections(peer: str) -> Iterator[None]:
    """Raise ConnectError, or ShortageError, where a connection to `peer` breaks."""
    try:
        yield
    except OSError as error:
        raise (
            shortage(error, peer)
            or ConnectError(f"{peer} broke the connection: {os_reason(error)}")
        ) from None


def _describe(der: bytes | None) -> tuple[str, ...]:
    certificate = parse_certificate(der) if der else None
    return certificate.describe() if certificate is not None else ()
