"""A server that runs out of file descriptors, as a process of its own.

Started with `asyncio` or `uvloop`. It prints its port, then `pause` each time it stops accepting
(`spin` where it did not stop), and at the end of its standard input `end`.
"""

import asyncio
import os
import resource
import sys

import uvloop

from mtasts_resolver.base import logs
from mtasts_resolver.server.accept import Server
from mtasts_resolver.server.listeners import Listener, open_listeners
from tests.unit.server.client import LOOPBACK, echo

SPARE = 10  # descriptors that connections may take


class StarvedServer(Server):
    def _pause(self, listener: Listener, error: OSError) -> None:
        super()._pause(listener, error)
        reading = asyncio.get_running_loop().remove_reader(listener.sock)
        print("spin" if reading else "pause", flush=True)  # noqa: T201  the test reads it


async def main() -> None:
    logs.setup_logging("info", "text")
    loop = asyncio.get_running_loop()
    listeners = await open_listeners([LOOPBACK])
    server = StarvedServer(echo, listeners)
    await server.start()
    print(listeners[0].name.rpartition(":")[2], flush=True)  # noqa: T201  the test reads it
    ended = asyncio.Event()
    loop.add_reader(0, ended.set)
    used = max(int(fd) for fd in os.listdir("/proc/self/fd"))  # noqa: PTH208  numbers are wanted
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + SPARE, hard))
    await ended.wait()
    await server.close()
    print("end", flush=True)  # noqa: T201  the test reads it


if __name__ == "__main__":
    with asyncio.Runner(
        loop_factory=uvloop.new_event_loop if "uvloop" in sys.argv else None
    ) as run:
        run.run(main())
