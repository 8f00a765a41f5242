"""Messages between two processes on this host, over one end of a socket pair."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable

# A policy document has 64 KiB at most, and is sent with what was read from it.
MAX_MESSAGE = 200_000

# Bytes of a socket's buffer that a message cannot use: unix_dgram_sendmsg() wants 32 of them.
SNDBUF_OVERHEAD = 1_024


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a new channel: SOCK_SEQPACKET keeps each message apart."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MAX_MESSAGE)
    return ends


class Channel:
    """One end. It calls `on_message` for each message, and `on_end` once when the other is gone.

    Up to `at_once` messages are taken in each turn of the event loop: one, where a hundred that
    come at once must not hold up what else waits. The memory that `on_message` is given is used
    again after it.
    """

    def __init__(
        self,
        end: socket.socket,
        on_message: Callable[[memoryview], None],
        on_end: Callable[[], None],
        *,
        at_once: int = 1,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = end
        self._on_message = on_message
        self._on_end = on_end
        self._at_once = at_once
        self._waiting: deque[bytes] = deque()
        self._most = min(
            MAX_MESSAGE, end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - SNDBUF_OVERHEAD
        )
        self._memory = memoryview(bytearray(MAX_MESSAGE))
        end.setblocking(False)
        self._loop.add_reader(end, self._read)

    def send(self, message: bytes) -> None:
        """Send 1 to MAX_MESSAGE bytes, after what was sent before; ValueError beyond.

        It is a ValueError, too, where the kernel's limit is lower (net.core.wmem_max). What the
        other end has not taken in waits; it is for the caller to bound what is under way.
        """
        if not 0 < len(message) <= self._most:
            raise ValueError(f"a message of {len(message):,} bytes")
        if self._waiting:
            self._waiting.append(message)
        elif not self._sent(message):
            self._waiting.append(message)
            self._loop.add_writer(self._end, self._write)

    def close(self) -> None:
        """End it, without calling `on_end`; may be called again."""
        if self._end.fileno() >= 0:
            self._loop.remove_reader(self._end)
            self._loop.remove_writer(self._end)
            self._end.close()

    def _read(self) -> None:
        for _ in range(self._at_once):
            if self._end.fileno() < 0:  # closed by what the last message led to
                return
            try:
                size = self._end.recv_into(self._memory)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # reset: the other end has died with messages unread
                size = 0
            if not size:
                self.close()
                self._on_end()
                return
            self._on_message(self._memory[:size])

    def _write(self) -> None:
        while self._waiting and self._sent(self._waiting[0]):
            self._waiting.popleft()
        if not self._waiting:
            self._loop.remove_writer(self._end)

    def _sent(self, message: bytes) -> bool:
        """Tell whether the message need not be kept."""
        try:
            self._end.send(message)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True  # the other end is gone, as the reader will find
        return True
