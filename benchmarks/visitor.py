"""`python -m benchmarks.visitor WHERE PATH SECONDS`: asks a way in of the daemon again and again.

WHERE is the path of the control socket, `HOST:PORT`, or `nowhere`: then it only computes. A path
with `limit=` is followed from page to page. What came of it is printed as JSON.
"""

import socket
import sys
import time
from urllib.parse import quote

import msgspec

PATIENCE = 60.0  # seconds for one piece of an answer
PIECE = 1 << 20
PAGED = "limit="
NOWHERE = "nowhere"
BEGUN = b"begun\n"
"""What is printed when Python and this program have started."""


class Visits(msgspec.Struct, frozen=True):
    """What was asked and answered."""

    requests: int
    """Those that were answered whole."""
    answered: int
    """Bytes, of all answers."""
    seconds: float
    """Until the last whole answer."""


class _Next(msgspec.Struct):
    next: str | None = None


def visit(where: str, path: str, seconds: float) -> Visits:
    """Ask one request after the other; the last may be broken off, if another one was answered."""
    begun = time.monotonic()
    deadline = begun + seconds
    requests = answered = 0
    spent, cursor = 0.0, None
    while time.monotonic() < deadline:
        asked = path if cursor is None else f"{path}&after={quote(cursor, safe='')}"
        count, body = ask(where, asked, deadline if requests else deadline + PATIENCE)
        if body is None:
            break
        requests, answered, spent = requests + 1, answered + count, time.monotonic() - begun
        cursor = msgspec.json.decode(body, type=_Next).next if PAGED in path else None
    return Visits(requests, answered, spent)


def compute(seconds: float) -> Visits:
    """Ask nobody, and never rest."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pass
    return Visits(0, 0, 0.0)


def ask(where: str, path: str, deadline: float) -> tuple[int, bytes | None]:
    """Return how long the answer is, and of a page its body; no body where it took too long."""
    keep = PAGED in path
    kept, buffer, count = bytearray(), bytearray(PIECE), 0
    with connected(where) as sock:
        sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        while length := sock.recv_into(buffer):
            if not count and not buffer.startswith(b"HTTP/1.1 200 "):
                sys.exit(f"{path}: {bytes(buffer[:length])!r}")
            count += length
            if keep:
                kept += buffer[:length]
            if time.monotonic() > deadline:
                return count, None
    return count, bytes(kept).partition(b"\r\n\r\n")[2]


def connected(where: str) -> socket.socket:
    if where.startswith("/"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(where)
        return sock
    host, _, port = where.rpartition(":")
    return socket.create_connection((host, int(port)), PATIENCE)


if __name__ == "__main__":
    place, wanted, how_long = sys.argv[1:]
    sys.stdout.buffer.write(BEGUN)
    sys.stdout.buffer.flush()
    seconds = float(how_long)
    told = compute(seconds) if place == NOWHERE else visit(place, wanted, seconds)
    sys.stdout.buffer.write(msgspec.json.encode(told))
