"""Starts a discoverer as any user would, and tells what it has not imported before a question."""

import asyncio
import sys

from mtasts_resolver.config import Config
from mtasts_resolver.worker import messages
from mtasts_resolver.worker.channel import Channel, socket_pair
from mtasts_resolver.worker.child import work

# Of what a fetch needs, and of the types of records that are asked for.
NEEDED = ("anyio._backends._asyncio", "sniffio", "dns.rdtypes.ANY.TLSA", "dns.rdtypes.IN.AAAA")


async def main() -> None:
    ours, theirs = socket_pair()
    arrived: asyncio.Queue[messages.ToDaemon] = asyncio.Queue()
    channel = Channel(
        ours, lambda data: arrived.put_nowait(messages.decode_for_daemon(data)), lambda: None
    )
    working = asyncio.create_task(work(theirs, lambda: None, lambda: None))
    channel.send(messages.encode(messages.Configure(Config())))
    channel.send(messages.encode(messages.Ping()))
    while await arrived.get() != messages.Pong():
        pass
    sys.stdout.write(f"missing: {[name for name in NEEDED if name not in sys.modules]}\n")
    channel.close()
    await working


if __name__ == "__main__":
    asyncio.run(main())
