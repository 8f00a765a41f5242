"""The HTTP proxy that the configuration names, if any, and what is its fault alone.

A proxy that is down says nothing about a policy host: this host lacks something, ShortageError.
"""

import asyncio
import socket
from collections.abc import Sequence

import httpcore
import httpx

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.config.endpoints import MAX_PORT
from mtasts_resolver.discovery.errors import DiscoveryError, ShortageError
from mtasts_resolver.discovery.oserrors import os_reason, shortage
from mtasts_resolver.discovery.policyhost.addresses import is_address
from mtasts_resolver.discovery.policyhost.connect import MAX_ADDRESSES, reach
from mtasts_resolver.discovery.policyhost.wire import Wire
from mtasts_resolver.policy.hostname import is_hostname

HTTP_PORT = 80


class Proxy:
    """The proxy at `url`, to be reached within `timeout` seconds. ValueError where it is none."""

    def __init__(self, url: str, timeout: float) -> None:
        proxy = _parse(url)
        self._host = proxy.url.host
        self._port = proxy.url.port or HTTP_PORT
        self._timeout = timeout
        self.as_httpcore = httpcore.Proxy(
            httpcore.URL(
                scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=self._port, target=b"/"
            ),
            auth=proxy.raw_auth,
        )

    async def reach(self, failures: list[DiscoveryError]) -> Wire:
        """Return a connection to it; its own address is not checked. Raise ShortageError."""
        try:
            async with asyncio.timeout(self._timeout):
                known = is_address(self._host)
                addresses = [self._host] if known else await self._look_up()
                wire = await reach(addresses, self._port, failures)
        except TimeoutError:
            raise proxy_failure(f"{self._host} cannot be reached in time") from None
        if wire is None:
            raise proxy_failure(f"{self._host} cannot be reached: {'; '.join(map(str, failures))}")
        return wire

    async def _look_up(self) -> Sequence[str]:
        """Return its addresses, which the system knows: a shortage is told by each alone."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise (
                shortage(error)
                or proxy_failure(f"{self._host} cannot be looked up: {os_reason(error)}")
            ) from None
        return list(dict.fromkeys(str(info[4][0]) for info in found))[:MAX_ADDRESSES]


def proxy_failure(what: str) -> ShortageError:
    """Return the error to raise where the proxy fails whoever is to be reached through it."""
    return ShortageError(f"the proxy {what} (mend it, or change https.proxy)")


def _parse(url: str) -> httpx.Proxy:
    try:
        proxy = httpx.Proxy(url)
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is None or not _is_http_proxy(proxy.url):
        raise ValueError(f"{printable(url)!r} is no HTTP proxy, as in http://proxy.example:3128")
    return proxy


def _is_http_proxy(url: httpx.URL) -> bool:
    port = url.port if url.port is not None else HTTP_PORT
    return (
        url.scheme == "http"
        and (is_hostname(url.host) or is_address(url.host))
        and 1 <= port <= MAX_PORT
        and url.path == "/"
        and not url.query
        and not url.fragment
    )
