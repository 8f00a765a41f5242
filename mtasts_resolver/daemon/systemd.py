"""systemd's side of the daemon: readiness, watchdog and socket activation.

The protocols are those of sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3): a few
variables in the environment, datagrams and inherited file descriptors.
"""

import re
import socket
import time
from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack
from typing import NamedTuple, get_args

from mtasts_resolver.base import logs
from mtasts_resolver.config import ProtocolName

PROTOCOLS: tuple[ProtocolName, ...] = get_args(ProtocolName)  # what FileDescriptorName= may say

FIRST_FD = 3  # SD_LISTEN_FDS_START: 0, 1 and 2 are the standard streams
MAX_LISTEN_FDS = 64  # more listeners than anyone has; a larger number is a damaged environment
MAX_STATUS = 200  # characters of the status; `systemctl status` shows one line
SEND_TIMEOUT = 1.0  # seconds; PID 1 empties its queue at once, and a lost READY=1 ends the start

_NUMBER = re.compile(r"[0-9]{1,20}\Z")  # 20 digits hold any 64-bit number
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)

log = logs.get(__name__)


class Notifier:
    """Tells the service manager what the daemon does; does nothing where there is none.

    Nothing here raises for a socket that vanished or is full: the daemon's work matters more. The
    first failure of a row is logged.
    """

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        self._address = _notify_address(environ.get("NOTIFY_SOCKET", ""))
        self._failing = False
        self.watchdog_interval = _watchdog_interval(environ, pid)
        """Seconds between two calls of `watchdog`: half of what systemd allows; None if unasked."""

    def ready(self) -> None:
        """Say that the start, or a reload, is complete."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Say that the configuration is being read again; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the shutdown has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Show `text` in `systemctl status`, as one line of at most MAX_STATUS characters."""
        printable = "".join(char if char.isprintable() else " " for char in text)
        self._send(f"STATUS={' '.join(printable.split())[:MAX_STATUS]}")

    def watchdog(self) -> None:
        """Say that the daemon is alive."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(SEND_TIMEOUT)
                sock.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._failing:
                log.warning("service-manager-unreachable", reason=error.strerror or str(error))
            self._failing = True
        else:
            self._failing = False


def _notify_address(value: str) -> str | None:
    """Return the address for sendto(): a path, or an abstract one, which begins with NUL."""
    if value.startswith("@"):
        return "\0" + value[1:]
    if value.startswith("/"):
        return value
    if value:
        log.warning("notify-socket-unknown", address=value, valid="a path, or @ and a name")
    return None


def _watchdog_interval(environ: Mapping[str, str], pid: int) -> float | None:
    microseconds = environ.get("WATCHDOG_USEC", "")
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid) or not _NUMBER.match(microseconds):
        return None
    return int(microseconds) / 1e6 / 2 or None


class ActivationError(ValueError):
    """The service manager passed something that the daemon cannot listen on; the text says what."""


class ActivatedSocket(NamedTuple):
    """A listening stream socket that the service manager opened."""

    protocol: ProtocolName
    sock: socket.socket


def listen_fds(
    environ: MutableMapping[str, str], pid: int, *, first_fd: int = FIRST_FD
) -> list[ActivatedSocket]:
    """Return the sockets passed to this process `pid`; none where nothing was passed to it.

    The variables are removed from `environ` and the sockets marked close-on-exec, so that no child
    takes them for its own. Whose they are is said by LISTEN_PID alone: LISTEN_PIDFDID, which
    systemd adds since version 258, is not compared. Raise ActivationError where any of them cannot
    be served; the process should then end, and the rest with it.
    """
    owner = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "")
    environ.pop("LISTEN_PIDFDID", None)
    if owner != str(pid):
        return []
    if not _NUMBER.match(count) or int(count) > MAX_LISTEN_FDS:
        raise ActivationError(f"LISTEN_FDS is {count!a}, not a number up to {MAX_LISTEN_FDS}")
    fds = range(first_fd, first_fd + int(count))
    protocols = [_protocol(name) for name in names.split(":")] if fds else []
    if len(protocols) != len(fds):
        raise ActivationError(f"LISTEN_FDNAMES names {len(protocols)} sockets of {len(fds)}")
    with ExitStack() as on_error:
        socks = [on_error.enter_context(_listening_socket(fd)) for fd in fds]
        on_error.pop_all()
    return [ActivatedSocket(*pair) for pair in zip(protocols, socks, strict=True)]


def _protocol(name: str) -> ProtocolName:
    for protocol in PROTOCOLS:
        if name == protocol:
            return protocol
    raise ActivationError(
        f"a passed socket is named {name!a}, which is none of {', '.join(PROTOCOLS)}: "
        "set FileDescriptorName= in its .socket unit"
    )


def _listening_socket(fd: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise ActivationError(f"the passed descriptor {fd}: {error.strerror}") from None
    fault = None
    if sock.family not in _FAMILIES or sock.type != socket.SOCK_STREAM:
        fault = "is no TCP and no unix stream socket: use ListenStream="
    elif not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        fault = "does not listen: use Accept=no"
    if fault:
        sock.close()
        raise ActivationError(f"the passed socket {fd} {fault}")
    sock.set_inheritable(False)
    return sock
