"""A TCP connection to a policy host: to the first of its addresses that answers (RFC 8305)."""

from collections.abc import Sequence
from functools import partial

from mtasts_resolver.discovery.errors import ConnectError, DiscoveryError
from mtasts_resolver.discovery.oserrors import no_route, os_reason, shortage
from mtasts_resolver.discovery.race import race
from mtasts_resolver.discovery.tls.wire import Wire, open_wire

NEXT_ADDRESS_AFTER = 0.25  # seconds: RFC 8305 §5
MAX_ADDRESSES = 6  # tried of one host; a fetch has no time for more


async def reach_host(
    host: str, addresses: Sequence[str], port: int, failures: list[DiscoveryError]
) -> Wire:
    """Return a connection to `host`. Raise ConnectError, or ShortageError."""
    addresses = addresses[:MAX_ADDRESSES]
    wire = await reach(addresses, port, failures)
    if wire is not None:
        return wire
    if (lacking := no_route(addresses)) is not None:
        raise lacking
    raise ConnectError(f"{host} cannot be reached: {'; '.join(map(str, failures))}")


async def reach(addresses: Sequence[str], port: int, failures: list[DiscoveryError]) -> Wire | None:
    """Return a connection to the first that accepts one, or None. Raise ShortageError."""
    return await race(
        [partial(_open, address, port) for address in addresses],
        NEXT_ADDRESS_AFTER,
        failures,
        discard=Wire.abort,
    )


async def _open(address: str, port: int) -> Wire:
    try:
        return await open_wire(address, port)
    except OSError as error:
        raise (shortage(error, address) or ConnectError(f"{address}: {os_reason(error)}")) from None
