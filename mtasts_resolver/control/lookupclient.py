"""Asking a running daemon as Postfix does: one look-up over socketmap_table(5) or tcp_table(5)."""

import socket
import time
from collections.abc import Callable
from urllib.parse import quote, unquote

from mtasts_resolver.config import Address, InetAddress, ProtocolName, UnixAddress
from mtasts_resolver.control.client import NoDaemonError, NotAllowedError
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.postfix.socketmap import MAX_REPLY
from mtasts_resolver.postfix.tcp_table import MAX_REPLY as MAX_LINE

CONNECT_TIMEOUT = 5.0  # seconds; the daemon is on this machine or near it
REPLY_TIMEOUT = 100.0  # seconds, as long as Postfix waits
MAX_LENGTH_DIGITS = len(str(MAX_REPLY))
_CHUNK = 65_536  # bytes that are taken at once
_STATUSES = {"200": Status.OK, "400": Status.TEMP, "500": Status.NOTFOUND}  # tcp_table(5)


def look_up(
    address: Address,
    map_name: str,
    key: str,
    *,
    protocol: ProtocolName = "socketmap",
    timeout: float = REPLY_TIMEOUT,
) -> Reply:
    """Return the reply of the daemon at `address`. Raise NoDaemonError or NotAllowedError.

    A tcp_table has no map names.
    """
    request = f"{map_name} {key}".encode("utf-8", "surrogateescape")  # the bytes that were typed
    try:
        with _connected(address) as connection:
            connection.settimeout(timeout)
            if protocol == "tcp_table":
                connection.sendall(f"get {quote(key, errors='surrogateescape')}\n".encode())
                return _parse_line(_read_line(connection, timeout))
            connection.sendall(b"%d:%s," % (len(request), request))
            return _parse(_read_netstring(connection, timeout))
    except OSError as error:
        if isinstance(address, UnixAddress) and isinstance(error, PermissionError):
            raise NotAllowedError(
                f"the socket {address} is not for you: become root, or the user or a member of the"
                " group whose it is"
            ) from None
        raise NoDaemonError(
            f"no answer from the daemon at {address}: {error.strerror or error};"
            " is mtasts-resolver running, and listening there?"
        ) from None
    except ValueError as error:
        raise NoDaemonError(
            f"what answers at {address} does not speak {protocol}: {error}"
        ) from None


def _connected(address: Address) -> socket.socket:
    if isinstance(address, InetAddress):
        return socket.create_connection((address.host, address.port), CONNECT_TIMEOUT)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(CONNECT_TIMEOUT)
        connection.connect(address.path)
    except BaseException:
        connection.close()
        raise
    return connection


def _read_netstring(connection: socket.socket, timeout: float) -> bytes:
    said = _hear(connection, timeout, _is_netstring)
    digits, colon, rest = said.partition(b":")
    if not colon or not digits.isdigit() or len(digits) > MAX_LENGTH_DIGITS:
        raise ValueError("the reply is no netstring")
    length = int(digits)
    if length > MAX_REPLY or rest[length : length + 1] != b",":
        raise ValueError("the reply is no netstring")
    return rest[:length]


def _is_netstring(said: bytes) -> bool:
    """Tell whether all of a netstring has come, or what cannot become one."""
    digits, colon, rest = said.partition(b":")
    if not colon:
        return len(digits) > MAX_LENGTH_DIGITS or (digits != b"" and not digits.isdigit())
    if not digits.isdigit() or len(digits) > MAX_LENGTH_DIGITS:
        return True
    return len(rest) > min(int(digits), MAX_REPLY)


def _read_line(connection: socket.socket, timeout: float) -> bytes:
    said = _hear(connection, timeout, lambda said: b"\n" in said or len(said) > MAX_LINE)
    line, end, _ = said.partition(b"\n")
    if not end or len(line) > MAX_LINE:
        raise ValueError("the reply is no line")
    return line


def _hear(connection: socket.socket, timeout: float, is_all: Callable[[bytes], bool]) -> bytes:
    """Return what is said there until `is_all` of it has come, or its end. Raise OSError.

    The time is for all of it: who listens there may be anybody, and send a byte now and then.
    """
    deadline = time.monotonic() + timeout
    said = b""
    while not is_all(said):
        if (left := deadline - time.monotonic()) <= 0:
            raise TimeoutError("timed out")
        connection.settimeout(left)
        if not (data := connection.recv(_CHUNK)):
            break
        said += data
    return said


def _parse_line(line: bytes) -> Reply:
    code, _, text = line.decode("utf-8", "replace").strip().partition(" ")
    if code not in _STATUSES:
        raise ValueError(f"no reply begins with {code[:3]!a}")
    status = _STATUSES[code]
    return Reply(status, "" if status is Status.NOTFOUND else unquote(text))


def _parse(data: bytes) -> Reply:
    status, _, text = data.decode("utf-8", "replace").partition(" ")
    return Reply(Status(status), text)
