"""Looking at one address of a host, not to get anything from it but to say how it is set up."""

import asyncio

from mtasts_resolver.discovery.oserrors import leads_to, os_reason, shortage
from mtasts_resolver.discovery.tls.wire import Wire, open_wire

# Linux asks for a connection at 0, 1, 3 and 7 seconds: four packets do not get lost.
CONNECT_TIMEOUT = 10.0


class VisitError(Exception):
    """A visit ended before its end; the text says why, the code which kind of end it is."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


async def connect_to(address: str, port: int) -> Wire:
    """Return a connection to `address`. Raise VisitError, or ShortageError."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await open_wire(address, port)
    except TimeoutError as error:
        if error.errno is None:
            why = f"nothing answers at port {port} within {CONNECT_TIMEOUT:g} s"
            raise VisitError("connect-timeout", why) from None
        raise VisitError("connect-timeout", f"port {port}: {os_reason(error)}") from None
    except OSError as error:
        if (lacking := shortage(error, address)) is not None:
            raise lacking from None
        if not leads_to(address):
            family = "IPv6" if ":" in address else "IPv4"
            raise VisitError(
                "no-route", f"this host has no way to it: {family}, {os_reason(error)}"
            ) from None
        raise VisitError("unreachable", f"port {port}: {os_reason(error)}") from None
