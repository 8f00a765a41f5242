"""The ports of TCP services that a next hop names: services(5)."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

# Seconds. A file is read in a millisecond; what nsswitch.conf(5) names besides, such as a directory
# server, may be down, and knows no limit of its own.
SERVICES_TIMEOUT = 5.0


class Services:
    """Looks each name up once: as long as this process lives, its port is the same.

    One thread does it, and none of those that others share: it may be held for ever.
    """

    def __init__(self) -> None:
        self._ports: dict[str, str] = {}  # no more than this host knows by name
        self._thread = ThreadPoolExecutor(1, "services")

    async def port_of(self, name: str) -> str:
        """Return the number of a port that may be a service by name, as Postfix does.

        Raise OSError where this host knows no such service, TimeoutError where it does not tell.
        """
        if name.isdigit():
            return name
        port = self._ports.get(name)
        if port is None:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(SERVICES_TIMEOUT):
                port = await loop.run_in_executor(self._thread, self._look_up, name)
        return port

    def _look_up(self, name: str) -> str:
        """Return the port, and keep it, for nobody may wait for it any more."""
        port = self._ports[name] = str(socket.getservbyname(name, "tcp"))
        return port
