"""Tells what a connection to each of the given addresses, together one policy host's, comes to."""

import asyncio
import sys
from collections.abc import Sequence

from mtasts_resolver.discovery.errors import ConnectError, ShortageError
from mtasts_resolver.discovery.policyhost.backend import PolicyHostBackend
from mtasts_resolver.discovery.trace import Trace


async def main(addresses: Sequence[str]) -> str:
    backend = PolicyHostBackend(addresses, None, Trace())
    try:
        await backend.connect_tcp("mta-sts.example.com", 443)
    except (ConnectError, ShortageError) as error:
        return f"{type(error).__name__}: {error}\n"
    return "connected\n"


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(main(sys.argv[1:])))
