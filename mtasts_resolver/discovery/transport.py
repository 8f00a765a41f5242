"""The way to a policy host: an httpx transport that connects to checked addresses only."""

import base64
from collections.abc import AsyncIterator

import h11
import httpx

from mtasts_resolver.discovery.errors import BodyError, ConnectError
from mtasts_resolver.discovery.network import Network, Stream
from mtasts_resolver.discovery.text import printable

HTTP_PORT = 80
HTTPS_PORT = 443
MAX_HEAD = 102_400  # bytes of a response before its body: many times what any server sends

Headers = list[tuple[bytes, bytes]]


class PolicyHostTransport(httpx.AsyncBaseTransport):
    """One HTTPS request to one policy host, over a connection that is closed after it.

    Name, SNI and the verified name are the URL's; the connection goes where `network` leads. With
    a `proxy`, the tunnel through it is asked for by name, which the proxy looks up again.
    """

    def __init__(self, network: Network, proxy: httpx.Proxy | None = None) -> None:
        self._network = network
        self._proxy = proxy
        self._stream: Stream | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, its body yet to be read; raise a FetchError if there is none."""
        host, port = request.url.host, request.url.port or HTTPS_PORT
        try:
            if self._proxy is None:
                self._stream = await self._network.connect(host, port)
            else:
                self._stream = await self._network.connect(
                    self._proxy.url.host, self._proxy.url.port or HTTP_PORT
                )
                await _tunnel(self._stream, self._proxy, f"{host}:{port}".encode())
            await self._stream.start_tls(host)
            http = _Http(self._stream)
            response = await http.ask(b"GET", request.url.raw_path, request.headers.raw)
        except h11.RemoteProtocolError as error:
            raise ConnectError(f"{host} does not answer in HTTP: {printable(str(error))}") from None
        return httpx.Response(
            response.status_code,
            headers=response.headers.raw_items(),
            stream=_Body(http),
            extensions={"reason_phrase": response.reason},
        )

    async def aclose(self) -> None:
        if self._stream is not None:
            self._stream.abort()


class _Http:
    """One request and its response, as h11 writes and reads them. Raises RemoteProtocolError."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)

    async def ask(self, method: bytes, target: bytes, headers: Headers) -> h11.Response:
        """Return the status and the headers of the response; interim ones are passed over."""
        request = h11.Request(method=method, target=target, headers=headers)
        self._stream.write(self._h11.send(request) or b"")
        self._h11.send(h11.EndOfMessage())
        while not isinstance(event := await self.next_event(), h11.Response):
            pass
        return event

    async def next_event(self) -> object:
        """Return what h11 makes of the next part of the response."""
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            data = await self._stream.read()
            if not data and self._h11.their_state is h11.SEND_RESPONSE:
                raise h11.RemoteProtocolError("Server disconnected without sending a response.")
            self._h11.receive_data(data)
        return event


class _Body(httpx.AsyncByteStream):
    """The body of a response; a body that is cut short is an error."""

    def __init__(self, http: _Http) -> None:
        self._http = http

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while isinstance(event := await self._http.next_event(), h11.Data):
                yield bytes(event.data)
        except (ConnectError, h11.RemoteProtocolError) as error:
            raise BodyError(f"the policy was cut short: {printable(str(error))}") from None


async def _tunnel(stream: Stream, proxy: httpx.Proxy, target: bytes) -> None:
    """Have the proxy connect to `target` (RFC 9110 §9.3.6)."""
    headers = [(b"Host", target)]
    if proxy.raw_auth is not None:
        credentials = base64.b64encode(b":".join(proxy.raw_auth))
        headers.append((b"Proxy-Authorization", b"Basic " + credentials))
    response = await _Http(stream).ask(b"CONNECT", target, headers)
    if not httpx.codes.is_success(response.status_code):
        reason = response.reason.decode("latin-1")
        raise ConnectError(f"the proxy refuses: {response.status_code} {printable(reason)}")
