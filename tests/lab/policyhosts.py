"""The HTTPS hosts that publish policies, each on an address of its own."""

import asyncio
import gzip
import ssl
from collections.abc import Callable, Sequence
from http import HTTPStatus

from .events import Event, Fetch
from .published import Framing, PolicyHost

REQUEST_TIMEOUT = 30.0
"""Seconds for a client to send its request."""
PLAIN_ALONE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
"""What a host without TLS says, whatever it is asked."""
PATH = "/.well-known/mta-sts.txt"


class PolicySite:
    """`mta-sts.<domain>`: listens, answers as it is told, and reports who asked."""

    def __init__(
        self,
        domain: str,
        addresses: Sequence[str],
        context: ssl.SSLContext | None,
        tell: Callable[[Event], None],
    ) -> None:
        self._domain = domain
        self._addresses = addresses
        self._context = context
        self._tell = tell
        self._document = b""
        self._does = PolicyHost(up=False)
        self._server: asyncio.Server | None = None
        self._sni: dict[int, str | None] = {}
        if context is not None:
            context.sni_callback = self._remember_sni

    async def become(self, policy_host: PolicyHost, document: bytes) -> None:
        """Do from now on as `policy_host` says."""
        self._does = policy_host
        self._document = document
        if policy_host.up and self._server is None:
            self._server = await asyncio.start_server(
                self._serve, self._addresses, 443, ssl=self._context
            )
        if not policy_host.up and self._server is not None:
            self._server.close()
            self._server = None

    def _remember_sni(
        self, tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> None:
        self._sni[id(tls)] = name

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._context is None:
                writer.write(PLAIN_ALONE)
                return
            async with asyncio.timeout(REQUEST_TIMEOUT):
                request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = request.split()[1]
            self._tell(Fetch(self._domain, _host(request), path, self._sni_of(writer)))
            head, body = response(self._does, self._document_at(writer), path)
            writer.write(head)
            for piece in _paced(body, self._does.pause):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(self._does.pause)
            if not self._does.hangs_up:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass  # A client may go away whenever it likes: some of these hosts give it reason to.
        finally:
            writer.close()

    def _document_at(self, writer: asyncio.StreamWriter) -> bytes:
        """Return what is served at the address that was connected to."""
        other = self._does.document_by_ipv6
        by_ipv6 = ":" in writer.get_extra_info("sockname")[0]
        return other if by_ipv6 and other is not None else self._document

    def _sni_of(self, writer: asyncio.StreamWriter) -> str | None:
        return self._sni.pop(id(writer.get_extra_info("ssl_object")), None)


def response(does: PolicyHost, document: bytes, path: str) -> tuple[bytes, bytes]:
    """Return the head and the body of an HTTP/1.1 response."""
    status = HTTPStatus(does.status if path == PATH else HTTPStatus.NOT_FOUND)
    body = gzip.compress(document) if does.gzip else document
    fields = {"Content-Type": does.media_type, **dict(does.headers)}
    if does.location:
        fields["Location"] = does.location + PATH.removeprefix("/")
    if does.gzip:
        fields["Content-Encoding"] = "gzip"
    if does.framing is Framing.LENGTH:
        fields["Content-Length"] = str(len(body))
    elif does.framing is Framing.CHUNKED:
        fields["Transfer-Encoding"] = "chunked"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        fields["Connection"] = "close"
    lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "\r\n"]).encode(), body


def _host(request: str) -> str:
    fields = (line.partition(":") for line in request.split("\r\n"))
    return next((value.strip() for name, _, value in fields if name.lower() == "host"), "")


def _paced(body: bytes, pause: float) -> list[bytes]:
    return [body[i : i + 1] for i in range(len(body))] if pause else [body]
