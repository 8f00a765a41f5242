"""Begins TLS with a policy host, trusting the system, when no file can be opened any more."""

import asyncio
import os
import resource
import ssl
import sys

import uvloop

from mtasts_resolver.base.privileges import LATE_IMPORTS, import_now
from mtasts_resolver.discovery.tls.authorities import trusting_context
from mtasts_resolver.discovery.tls.wire import Tls, open_wire


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


async def main(port: int, host: str) -> None:
    import_now(LATE_IMPORTS)
    context = trusting_context(None)
    wire = await open_wire("127.0.0.1", port)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        say("nothing can be opened")
    tls = Tls(wire, context, host)
    try:
        await tls.handshake()
        say(tls.object.version() or "no TLS")
    except ssl.SSLError as error:
        say(str(error))
    finally:
        wire.abort()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), sys.argv[2]))
