"""What one peer, and all of them together, may ask of the server; and what it counts."""

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Bounds on connections; the defaults are far beyond what a busy Postfix needs."""

    connections: int = 4_096
    """Open at once over all listeners. Postfix's default_process_limit is 100 smtp(8) processes,
    each with one connection; a relay's is in the thousands."""
    pipelined: int = 128
    """Requests of one connection that wait for their answers, before reading pauses. Postfix sends
    one at a time."""
    idle: float = 300.0
    """Seconds without a request, or without taking its replies. Postfix itself closes after 10."""
    partial: float = 30.0
    """Seconds that a request may be half received. Postfix sends it in one piece."""
    linger: float = 10.0
    """Seconds in which a connection that the server ends may take its last replies."""


class ServerCounters(Struct):
    """Events since the start; `connections_open` rises and falls."""

    connections_open: int = 0
    connections_accepted: int = 0
    connections_rejected: int = 0
    """Closed at once because the limit was reached."""
    requests: int = 0
    """Well-formed ones for which no reply stood ready."""
    failed: int = 0
    """Those of them that a bug left without an answer: a temporary error was sent."""
    bad_requests: int = 0
    """Ill-formed ones, and bytes that were no request."""
