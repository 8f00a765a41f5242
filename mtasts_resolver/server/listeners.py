"""Listening sockets: opened by address, or taken over already open from the service manager."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct

from mtasts_resolver.config import InetAddress, ListenerConfig, ProtocolName, UnixAddress
from mtasts_resolver.postfix.codec import Codec
from mtasts_resolver.postfix.socketmap import SocketmapCodec
from mtasts_resolver.postfix.tcp_table import TcpTableCodec
from mtasts_resolver.server.unixsocket import BoundPath, bind_unix

BACKLOG = 1_024  # connections the kernel holds for us: a burst of mail, while the loop is busy

CODECS: Mapping[ProtocolName, Callable[[], Codec]] = MappingProxyType(
    {"socketmap": SocketmapCodec, "tcp_table": TcpTableCodec}
)

_REMEDIES = {
    errno.EADDRINUSE: "another process listens there ('ss -lntp' names it): stop it, or choose"
    " another port",
    errno.EACCES: "ports below 1024 need root, CAP_NET_BIND_SERVICE or socket activation",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EAFNOSUPPORT: "this machine does not speak that version of IP",
}
# Why one of several addresses of a name may be left out: localhost without IPv6, for example.
_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

_SocketAddress = tuple[object, ...]
_AddressInfo = tuple[int, int, int, str, _SocketAddress]  # as getaddrinfo() has it


class ListenError(Exception):
    """An address cannot be listened on; the text names it, and says what to do."""


class Listener(Struct, frozen=True, eq=False):
    """A socket that listens."""

    protocol: ProtocolName
    sock: socket.socket
    name: str
    """The address as it is spelled in the configuration, with the port that was chosen for 0."""
    bound: BoundPath | None = None
    """The file of a unix socket that was opened here, to be removed at the end."""
    passed: bool = False
    """It belongs to the service manager, who keeps it for the next process."""

    @property
    def closed(self) -> bool:
        return self.sock.fileno() < 0

    def hide(self) -> None:
        """Remove the file: nobody else connects to a unix socket, and it may be closed then."""
        if self.bound is not None and not self.closed:
            self.bound.remove()  # while the socket is open, its inode is not used again

    def close(self) -> None:
        """Stop listening; a second time does nothing."""
        self.hide()
        self.sock.close()


async def open_listeners(configured: Iterable[ListenerConfig]) -> list[Listener]:
    """Open all that are configured, or none: raise ListenError.

    A host name is looked up, and each of its addresses that the machine has is listened on.
    """
    with contextlib.ExitStack() as opened:
        listeners: list[Listener] = []
        for config in configured:
            for listener in await _open(config):
                opened.callback(listener.close)
                listeners.append(listener)
        opened.pop_all()
    return listeners


def adopt_socket(protocol: ProtocolName, sock: socket.socket) -> Listener:
    """Take over a listening stream socket. Its file, if it has one, belongs to whoever made it."""
    sock.setblocking(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Listener(protocol, sock, _name(sock), passed=True)


async def _open(config: ListenerConfig) -> list[Listener]:
    if isinstance(config.address, UnixAddress):
        return [_open_unix(config, config.address)]
    return await _open_inet(config, config.address)


def _open_unix(config: ListenerConfig, address: UnixAddress) -> Listener:
    try:
        sock, bound = bind_unix(
            address.path, mode=config.mode, owner=config.owner, group=config.group, backlog=BACKLOG
        )
    except OSError as error:
        raise ListenError(f"cannot listen on {address}: {error.strerror or error}") from None
    return Listener(config.protocol, sock, str(address), bound)


async def _open_inet(config: ListenerConfig, address: InetAddress) -> list[Listener]:
    listeners: list[Listener] = []
    with contextlib.ExitStack() as opened:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for sock in bind_each(found, bind_inet):
                opened.callback(sock.close)
                listeners.append(Listener(config.protocol, sock, _name(sock)))
        except OSError as error:
            raise ListenError(f"cannot listen on {address}: {remedy(error)}") from None
        opened.pop_all()
    return listeners


def try_inet(host: str, port: int) -> None:
    """Raise OSError where nobody could listen at an address now.

    Nothing listens meanwhile: no client comes, and no other process is hindered.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for sock in bind_each(found, _bound):
        sock.close()


def bind_each(
    found: Iterable[_AddressInfo], bind: Callable[[int, _SocketAddress], socket.socket]
) -> Iterator[socket.socket]:
    """Yield what `bind` makes for each of the addresses that the machine has. Raise OSError."""
    absent: OSError | None = None
    present = False
    for family, _, _, _, sockaddr in dict.fromkeys(found):
        try:
            sock = bind(family, sockaddr)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            absent = error
        else:
            present = True
            yield sock
    if absent and not present:
        raise absent


def bind_inet(family: int, sockaddr: _SocketAddress) -> socket.socket:
    """Return a non-blocking socket that listens there. Raise OSError."""
    sock = _bound(family, sockaddr)
    try:
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _bound(family: int, sockaddr: _SocketAddress) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it, from whichever event loop.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(sockaddr)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def remedy(error: OSError) -> str:
    """Return what is wrong with an address, and what to do."""
    if isinstance(error, socket.gaierror):
        return f"its name has no address: {error.strerror}"
    return _REMEDIES.get(error.errno or 0, error.strerror or str(error))


def _name(sock: socket.socket) -> str:
    """Return the address on which `sock` listens, as the configuration would spell it."""
    address = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{os.fsdecode(address)}"
    return str(InetAddress(address[0], address[1]))
