"""Who this host is, for EHLO."""

import asyncio
import socket

from mtasts_resolver.policy import is_hostname

LOOK_UP_TIMEOUT = 2.0  # seconds: the name stands in /etc/hosts, or a name server is near
_PLACEHOLDERS = ("localhost", "localdomain", "local", "invalid")  # top-level labels of no real name


async def own_name() -> str | None:
    """Return the full name of this host; None where it has none that others could know.

    Then a client says its address (RFC 5321 §4.1.4).
    """
    name = socket.gethostname().lower()
    if not _is_full(name):
        name = await canonical_name(name)
    return name if _is_full(name) else None


async def canonical_name(name: str) -> str:
    """Return what /etc/hosts or DNS has as the full name of `name`; nothing where they fail."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOK_UP_TIMEOUT):
            found = await loop.getaddrinfo(name, None, flags=socket.AI_CANONNAME)
    except OSError:  # TimeoutError is one
        return ""
    return found[0][3].lower().removesuffix(".") if found else ""


def _is_full(name: str) -> bool:
    return is_hostname(name) and "." in name and name.rpartition(".")[2] not in _PLACEHOLDERS
