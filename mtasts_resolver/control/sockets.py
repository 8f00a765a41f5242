"""The sockets that doors listen at."""

import os
import socket
from functools import partial
from pathlib import Path

from mtasts_resolver.config import Config, HttpAddress
from mtasts_resolver.control import door
from mtasts_resolver.control.door import Door, Opened
from mtasts_resolver.server.listeners import bind_each, bind_inet, remedy
from mtasts_resolver.server.unixsocket import bind_unix

BACKLOG = 128  # connections the kernel holds for us: while 32 are served, and at the first import
OWNER_ONLY = 0o600
WITH_GROUP = 0o660
AT_A_PAGER = 3_600.0  # seconds for which somebody may leave a list on the screen
AT_A_BROWSER = 60.0  # seconds that a page may take to leave, over a bad line
SEARCHABLE = 0o755  # of the directory: who may connect, the socket's own mode says


def doors(config: Config, control: Path) -> list[Door]:
    """Return the doors of a daemon whose control socket is at `control`."""
    open_control = partial(_open_control, config, control)
    found = [Door("control", open_control, door.API, stall=AT_A_PAGER)]
    if (address := config.http.address) is not None:
        found.append(Door("http", partial(_open_http, address), door.WEB, stall=AT_A_BROWSER))
    return found


def _open_control(config: Config, file: Path) -> Opened:
    """Listen at the control socket. Raise OSError, whose strerror says what to do."""
    group, root = config.control.group, os.geteuid() == 0
    file.parent.mkdir(mode=SEARCHABLE, parents=True, exist_ok=True)
    sock, bound = bind_unix(
        str(file),
        mode=OWNER_ONLY if group is None else WITH_GROUP,
        owner=config.user if root else None,
        group=group,
        backlog=BACKLOG,
    )
    return Opened(sock, f"unix:{file}", bound)


def _open_http(address: HttpAddress) -> Opened:
    """Listen at the first address of the host that this machine has.

    Raise OSError, whose strerror says what to do.
    """
    host = address.host.encode()  # for text, Python would import its codec for IDNA first
    try:
        found = socket.getaddrinfo(
            host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        sock = next(bind_each(found, bind_inet))
    except OSError as error:
        raise OSError(error.errno, f"{address}: {remedy(error)}") from None
    place, port = sock.getsockname()[:2]
    return Opened(sock, str(HttpAddress(place, port)))
