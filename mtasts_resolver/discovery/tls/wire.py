"""A TCP connection whose bytes have one way only: into TLS.

What arrives waits in a buffer of OpenSSL's, and TLS reads that very buffer. So what came before the
handshake, or behind a proxy's head, is a part of the handshake to TLS, which fails over it: there
is no other place from which anybody could read it (RFC 8461 §3.3). Only the lines of a proxy's head
are taken from there before (backend.py).
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

from mtasts_resolver.discovery.errors import ConnectError

# A policy host sends a chain of certificates, of which OpenSSL takes 100 KiB, a head of 16 KiB and
# a policy of 64 KiB, each in records of TLS. This is twice as much.
MAX_BYTES = 524_288
# How often one fetch may wait for more, since that is what costs us time: the longest policy behind
# the longest chain, in packets as small as IPv4 allows everywhere (536 bytes), comes close to it.
MAX_WAITS = 384
_MAX_UNREAD = 65_536  # bytes that wait for TLS before the system is left to hold the peer back

T = TypeVar("T")


async def open_wire(address: str, port: int) -> "Wire":
    """Connect to `address`. Raise OSError."""
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(partial(Wire, address), address, port)
    return wire


class Wire(asyncio.Protocol):
    """The connection: what came from `peer` is in `incoming`, unread and untrusted."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.incoming = ssl.MemoryBIO()
        self._transport: asyncio.Transport | None = None
        self._received = 0
        self._waits = 0
        self._waiter: asyncio.Future[None] | None = None
        self._end: OSError | None = None

    @property
    def own_literal(self) -> str:
        """This end's address, as a client says it who has no name (RFC 5321 §4.1.3)."""
        name = None if self._transport is None else self._transport.get_extra_info("sockname")
        address = "0.0.0.0" if name is None else str(name[0]).partition("%")[0]  # noqa: S104
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += self.incoming.write(data)
        if self._transport is not None and self.incoming.pending > _MAX_UNREAD:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is None:
            self._end = exc if isinstance(exc, OSError) else ConnectionResetError()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def more(self) -> None:
        """Wait until more is in `incoming`.

        Raise OSError where nothing more can come, and ConnectError where the peer sends too much.
        """
        self._waits += 1
        if self._received > MAX_BYTES or self._waits > MAX_WAITS:
            raise ConnectError(
                f"{self.peer} sends more than {MAX_BYTES:,} bytes,"
                f" or in more than {MAX_WAITS} pieces"
            )
        if self._end is not None:
            # Not the very one: its traceback would hold whoever asks, who holds this connection.
            raise type(self._end)(*self._end.args)
        if self._transport is not None:
            self._transport.resume_reading()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def send(self, data: bytes) -> None:
        """Send `data`. That it could not be sent is found where the response is read."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Close at once: nothing is sent any more, and a peer that is silent cannot delay it."""
        if self._transport is not None:
            self._transport.abort()


class Tls:
    """TLS over a wire. Raises ssl.SSLError, and what Wire.more raises."""

    def __init__(self, wire: Wire, context: ssl.SSLContext, host: str) -> None:
        self._wire = wire
        self._outgoing = ssl.MemoryBIO()
        self._broken: list[ssl.SSLError] = []
        self.object = context.wrap_bio(wire.incoming, self._outgoing, server_hostname=host)

    async def handshake(self) -> None:
        """Begin TLS; the certificate must be valid for the host, if the context says so."""
        await self._perform(self.object.do_handshake)

    async def read(self, size: int) -> bytes:
        """Return what comes next, at most `size` bytes; nothing where the peer has ended it.

        That is said in TLS, by close_notify. A connection that breaks off is an OSError: anybody on
        the path can do that (RFC 9112 §9.8).
        """
        if self._broken:
            raise self._broken.pop()
        data = await self._perform(partial(self.object.read, size))
        # As much as there is: records of a single byte each are not worth a turn each. What is
        # wrong with the next one is told when that is read; OpenSSL itself says it but once.
        try:
            while data and (more := self.object.read(size - len(data))):
                data += more
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._broken.append(error.with_traceback(None))
        return data

    def write(self, data: bytes) -> None:
        self.object.write(data)
        self._wire.send(self._outgoing.read())

    async def _perform(self, step: Callable[[], T]) -> T:
        """Do `step`, as soon as enough has come for it.

        What TLS has to say goes out before it waits, or with the next data: the end of a handshake
        in one packet with the request.
        """
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._wire.send(self._outgoing.read())
            await self._wire.more()
