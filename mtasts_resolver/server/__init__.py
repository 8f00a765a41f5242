"""The sockets on which Postfix asks, and the connections over which it is answered."""

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
from mtasts_resolver.server.accept import Server

__all__ = [
    "Answer",
    "Limits",
    "ListenError",
    "Listener",
    "ListenerSpec",
    "ProtocolName",
    "Server",
    "ServerCounters",
    "adopt_socket",
    "open_listeners",
]
