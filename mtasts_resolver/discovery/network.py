"""Connections and TLS: asyncio's own, to addresses that were checked before."""

import asyncio
import ssl
from collections.abc import Sequence
from functools import partial

from mtasts_resolver.discovery.certificates import (
    describe_rejection,
    parse_certificate,
    read_unchecked_certificate,
)
from mtasts_resolver.discovery.errors import CertificateError, ConnectError, DiscoveryError
from mtasts_resolver.discovery.race import race
from mtasts_resolver.discovery.steps import Steps
from mtasts_resolver.discovery.text import os_reason, printable

NEXT_ADDRESS_AFTER = 0.25  # seconds: RFC 8305 §5
MAX_ADDRESSES = 6  # tried of one host; a fetch has no time for more
_READ_BYTES = 65_536  # at once: as much as a policy may be long

_TLS_FAILURES = {
    "WRONG_VERSION_NUMBER": "speaks no TLS",
    "HTTP_REQUEST": "speaks no TLS",
    "RECORD_LAYER_FAILURE": "speaks no TLS",
    "PACKET_LENGTH_TOO_LONG": "speaks no TLS",
    "UNSUPPORTED_PROTOCOL": "speaks no TLS of version 1.2 or later",
    "TLSV1_ALERT_PROTOCOL_VERSION": "speaks no TLS of version 1.2 or later",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "refuses the TLS handshake",
    "TLSV1_UNRECOGNIZED_NAME": "refuses the TLS handshake, for it does not know the name",
}


class Network:
    """One fetch's way to its policy host.

    It connects to `targets`, the addresses of the policy host, one after the other until one
    answers; never to what the DNS has for the name by then. With `proxied` the target is the
    proxy. Raises ConnectError and CertificateError. The caller limits the time.
    """

    def __init__(
        self, targets: Sequence[str], context: ssl.SSLContext, steps: Steps, *, proxied: bool
    ) -> None:
        self._targets = targets[:MAX_ADDRESSES]
        self.context = context
        self.steps = steps
        self.proxied = proxied
        self.peer = ""
        """The one of the targets that answered."""

    async def connect(self, host: str, port: int) -> "Stream":
        """Return a connection to the first target that accepts it."""
        failures: list[DiscoveryError] = []
        with self.steps.step(f"connect to {host} port {port}") as note:
            stream = await race(
                [partial(self._open, target, port) for target in self._targets],
                NEXT_ADDRESS_AFTER,
                failures,
                discard=Stream.abort,
            )
            if stream is None:
                raise ConnectError(f"{host} cannot be reached: {'; '.join(map(str, failures))}")
            note.outcome = self.peer = stream.peer
            note.details += [f"not {failure}" for failure in failures]
        return stream

    async def _open(self, target: str, port: int) -> "Stream":
        try:
            reader, writer = await asyncio.open_connection(target, port)
        except OSError as error:
            raise ConnectError(f"{target}: {os_reason(error)}") from None
        return Stream(self, reader, writer, target, port)


class Stream:
    """A connection of asyncio."""

    def __init__(
        self,
        network: Network,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: str,
        port: int,
    ) -> None:
        self._network = network
        self._reader = reader
        self._writer = writer
        self.peer = peer
        self._port = port

    async def read(self) -> bytes:
        """Return what comes next, or nothing where the peer has closed the connection."""
        try:
            return await self._reader.read(_READ_BYTES)
        except OSError as error:
            raise ConnectError(f"{self.peer} broke the connection: {os_reason(error)}") from None

    def write(self, data: bytes) -> None:
        """Send a request. That it could not be sent is found where the response is read."""
        self._writer.write(data)

    async def start_tls(self, host: str) -> None:
        """Begin TLS; the certificate must be valid for `host` (RFC 8461 §3.3)."""
        with self._network.steps.step(f"TLS with {host}") as note:
            await self._handshake(self._network.context, host)
            tls = self._writer.get_extra_info("ssl_object")
            note.outcome = tls.version()
            if self._network.steps.traced:
                note.details += _describe(tls.getpeercert(binary_form=True))

    async def _handshake(self, context: ssl.SSLContext, host: str) -> None:
        try:
            await self._writer.start_tls(context, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            der = None
            if not self._network.proxied:
                der = await read_unchecked_certificate(self.peer, self._port, host)
            # In a thread: the library that reads certificates takes tens of milliseconds to load.
            why = await asyncio.to_thread(describe_rejection, host, error, der)
            raise CertificateError(why) from None
        except ssl.SSLError as error:
            raise ConnectError(_describe_tls_failure(host, error)) from None
        except OSError as error:
            raise ConnectError(f"{host} broke off the TLS handshake: {os_reason(error)}") from None

    def abort(self) -> None:
        """Close at once: nothing is sent any more, and a peer that is silent cannot delay it."""
        self._writer.transport.abort()


def _describe(der: bytes | None) -> list[str]:
    certificate = parse_certificate(der) if der else None
    return certificate.describe() if certificate is not None else []


def _describe_tls_failure(host: str, error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return f"{host} closed the connection during the TLS handshake"
    if words := _TLS_FAILURES.get(reason):
        return f"{host} {words}"
    return f"TLS with {host} failed: {printable(reason.lower().replace('_', ' ') or str(error))}"
