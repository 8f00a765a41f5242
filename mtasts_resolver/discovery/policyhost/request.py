"""One GET, spoken by httpx and httpcore over the connection that backend.py gives them."""

import ssl
from collections.abc import AsyncIterator

import httpcore
import httpx

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.discovery.errors import BodyError, ConnectError
from mtasts_resolver.discovery.policyhost.backend import PolicyHostBackend, Secured
from mtasts_resolver.discovery.policyhost.proxy import proxy_failure


class PolicyHostTransport(httpx.AsyncBaseTransport):
    """One HTTPS request to one policy host, over a connection that is closed after it.

    Name, SNI and the verified name are the URL's; the connection goes where `backend` leads. With
    its proxy, the tunnel through that is asked for by name, which the proxy looks up again.
    """

    def __init__(self, backend: PolicyHostBackend, context: ssl.SSLContext) -> None:
        self._backend = backend
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            proxy=None if backend.proxy is None else backend.proxy.as_httpcore,
            max_connections=1,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, its body yet to be read; raise a FetchError if there is none."""
        url = request.url
        try:
            response = await self._pool.handle_async_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=url.raw_scheme,
                        host=url.raw_host,
                        port=url.port,
                        target=url.raw_path,
                    ),
                    headers=request.headers.raw,
                )
            )
        except httpcore.ProxyError as error:
            why = f"refuses: {printable(str(error))}"
            if why.startswith("refuses: 407 "):  # it wants to know who we are (RFC 9110 §15.5.8)
                raise proxy_failure(why) from None
            raise ConnectError(f"the proxy {why}") from None
        except httpcore.RemoteProtocolError as error:
            _release(error)
            if self._backend.asks_proxy:
                raise proxy_failure(f"does not answer in HTTP: {printable(str(error))}") from None
            raise ConnectError(
                f"{url.host} does not answer in HTTP: {printable(str(error))}"
            ) from None
        version: bytes = response.extensions["http_version"]
        if not version.startswith(b"HTTP/1."):  # RFC 9112 §2.3
            raise ConnectError(
                f"{url.host} does not answer in HTTP/1.1: {printable(version.decode('latin-1'))}"
            )
        stream: Secured = response.extensions["network_stream"]
        stream.expect_body()
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions={"reason_phrase": response.extensions["reason_phrase"]},
        )

    async def aclose(self) -> None:
        try:
            await self._pool.aclose()
        finally:
            self._backend.close()


class _Body(httpx.AsyncByteStream):
    """The body of a response; a body that is cut short is an error."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._response.aiter_stream():
                yield part
        except (ConnectError, httpcore.RemoteProtocolError) as error:
            _release(error)
            raise BodyError(f"the policy was cut short: {printable(str(error))}") from None

    async def aclose(self) -> None:
        await self._response.aclose()


def _release(error: BaseException) -> None:
    """Let go of what led to `error`.

    An error of h11 holds a frame that holds the error, and with it all that was read and written:
    only the garbage collector would find that.
    """
    while (cause := error.__context__) is not None:
        error = cause.with_traceback(None)
