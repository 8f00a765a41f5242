"""The way to a policy host: an httpx transport that connects to checked addresses only."""

from collections.abc import AsyncIterator

import httpcore
import httpx

from mtasts_resolver.discovery.errors import BodyError, ConnectError
from mtasts_resolver.discovery.network import Network
from mtasts_resolver.discovery.text import printable

Connection = httpcore.AsyncHTTPConnection | httpcore.AsyncHTTPProxy


class PolicyHostTransport(httpx.AsyncBaseTransport):
    """One HTTPS request to one policy host, over a connection that is closed after it.

    Name, SNI and the verified name are the URL's; the connection goes where `network` leads. With
    a `proxy`, the tunnel through it is asked for by name, which the proxy looks up again.
    """

    def __init__(self, network: Network, proxy: httpx.Proxy | None = None) -> None:
        self._network = network
        self._proxy = proxy
        self._connection: Connection | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, its body yet to be read; raise a FetchError if there is none."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        self._connection = self._new_connection(url.origin)
        try:
            response = await self._connection.handle_async_request(
                httpcore.Request(request.method, url, headers=request.headers.raw)
            )
        except httpcore.ProxyError as error:
            raise ConnectError(f"the proxy refuses: {printable(str(error))}") from None
        except (httpcore.ProtocolError, httpcore.NetworkError) as error:
            raise ConnectError(
                f"{request.url.host} does not answer in HTTP: {printable(str(error))}"
            ) from None
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def _new_connection(self, origin: httpcore.Origin) -> Connection:
        if self._proxy is None:
            return httpcore.AsyncHTTPConnection(
                origin, ssl_context=self._network.context, network_backend=self._network
            )
        return httpcore.AsyncHTTPProxy(
            str(self._proxy.url),
            proxy_auth=self._proxy.raw_auth,
            ssl_context=self._network.context,
            network_backend=self._network,
        )

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of a response; a body that is cut short is an error."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._response.aiter_stream():
                yield part
        except (ConnectError, httpcore.ProtocolError) as error:
            raise BodyError(f"the policy was cut short: {printable(str(error))}") from None

    async def aclose(self) -> None:
        await self._response.aclose()
