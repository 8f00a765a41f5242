"""The HTTP proxy that the configuration names, if any, and what is its fault alone.

A proxy that is down says nothing about a policy host: this host lacks something, ShortageError.
"""

import asyncio
import socket
from collections.abc import Sequence

import httpcore

from mtasts_resolver.config import ProxyUrl
from mtasts_resolver.discovery.addresses import is_address
from mtasts_resolver.discovery.errors import DiscoveryError, ShortageError
from mtasts_resolver.discovery.oserrors import os_reason, shortage
from mtasts_resolver.discovery.policyhost.connect import MAX_ADDRESSES, reach
from mtasts_resolver.discovery.tls.wire import Wire


class Proxy:
    """The proxy at `url`, to be reached within `timeout` seconds."""

    def __init__(self, url: ProxyUrl, timeout: float) -> None:
        self._host = url.host
        self._port = url.port
        self._timeout = timeout
        auth = (url.user.encode(), url.password.encode())
        self.as_httpcore = httpcore.Proxy(
            httpcore.URL(scheme="http", host=url.host, port=url.port, target="/"),
            auth=auth if any(auth) else None,
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
