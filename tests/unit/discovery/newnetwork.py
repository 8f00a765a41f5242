"""Tells what a connection to each of the given addresses comes to: as of one policy host, or alone.

With `visit` before them each is visited for itself.
"""

import asyncio
import sys
from collections.abc import Sequence

from mtasts_resolver.discovery.errors import ConnectError, ShortageError
from mtasts_resolver.discovery.policyhost.backend import PolicyHostBackend
from mtasts_resolver.discovery.trace import Trace
from mtasts_resolver.discovery.visit import VisitError, connect_to


async def main(addresses: Sequence[str]) -> str:
    backend = PolicyHostBackend(addresses, None, Trace())
    try:
        await backend.connect_tcp("mta-sts.example.com", 443)
    except (ConnectError, ShortageError) as error:
        return f"{type(error).__name__}: {error}\n"
    return "connected\n"


async def visit(addresses: Sequence[str]) -> str:
    codes = []
    for address in addresses:
        try:
            (await connect_to(address, 25)).abort()
        except VisitError as error:
            codes.append(error.code)
        else:
            codes.append("connected")
    return " ".join(codes) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["visit"]:
        sys.stdout.write(asyncio.run(visit(sys.argv[2:])))
    else:
        sys.stdout.write(asyncio.run(main(sys.argv[1:])))
