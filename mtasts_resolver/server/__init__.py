"""The sockets on which Postfix asks, and the connections over which it is answered."""

from mtasts_resolver.server.address import Address, InetAddress, UnixAddress, parse_address
from mtasts_resolver.server.connection import Answer
from mtasts_resolver.server.limits import Limits, ServerCounters
from mtasts_resolver.server.listeners import (
    Listener,
    ListenError,
    ListenerSpec,
    ProtocolName,
    adopt_socket,
    open_listeners,
)
from mtasts_resolver.server.server import Server

__all__ = [
    "Address",
    "Answer",
    "InetAddress",
    "Limits",
    "ListenError",
    "Listener",
    "ListenerSpec",
    "ProtocolName",
    "Server",
    "ServerCounters",
    "UnixAddress",
    "adopt_socket",
    "open_listeners",
    "parse_address",
]
