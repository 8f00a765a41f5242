"""Accepting connections one by one."""

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import suppress

from mtasts_resolver.base.ratelimit import RateLimitedLog

ACCEPT_PAUSE = 1.0  # seconds without accepting, after the system had no descriptor or memory


async def someone_at(sock: socket.socket) -> None:
    """Return when somebody wants to be let in at `sock`."""
    loop = asyncio.get_running_loop()
    knocked = asyncio.Event()
    loop.add_reader(sock, knocked.set)
    try:
        await knocked.wait()
    finally:
        loop.remove_reader(sock)


async def let_in(
    sock: socket.socket, name: str, log: RateLimitedLog, connection: Callable[[], asyncio.Protocol]
) -> None:
    """Have a `connection` with whoever comes to `sock`; `name` is what the log calls that."""
    peer = await _accept(sock, name, log)
    if peer is not None:
        with suppress(OSError):  # it has gone already
            await asyncio.get_running_loop().connect_accepted_socket(connection, peer)


async def _accept(sock: socket.socket, name: str, log: RateLimitedLog) -> socket.socket | None:
    """Return whom to speak with, who came to `sock`.

    None where the peer has gone already, and, after a while, where the system has no room for one:
    the event loop's own server would close it without a word then.
    """
    try:
        peer, _ = await asyncio.get_running_loop().sock_accept(sock)
    except ConnectionAbortedError:
        return None
    except OSError as error:
        log.error(
            "accept-failed",
            listener=name,
            reason=error.strerror or str(error),
            action=f"tried again every {ACCEPT_PAUSE:g} seconds"
            + ("; raise the limit of open files" if error.errno == errno.EMFILE else ""),
        )
        await asyncio.sleep(ACCEPT_PAUSE)
        return None
    return peer
