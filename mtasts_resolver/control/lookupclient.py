"""Asking a running daemon as Postfix does: one look-up over socketmap_table(5) or tcp_table(5)."""

import socket
from urllib.parse import quote, unquote

from mtasts_resolver.config import Address, InetAddress, ProtocolName, UnixAddress
from mtasts_resolver.control.client import NoDaemonError, NotAllowedError
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.postfix.socketmap import MAX_REPLY
from mtasts_resolver.postfix.tcp_table import MAX_REPLY as MAX_LINE

CONNECT_TIMEOUT = 5.0  # seconds; the daemon is on this machine or near it
REPLY_TIMEOUT = 100.0  # seconds, as long as Postfix waits
MAX_LENGTH_DIGITS = len(str(MAX_REPLY))
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
                return _parse_line(_read_line(connection))
            connection.sendall(b"%d:%s," % (len(request), request))
            return _parse(_read_netstring(connection))
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


def _read_netstring(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as stream:
        digits = b""
        while (byte := stream.read(1)) != b":":
            digits += byte
            if not byte.isdigit() or len(digits) > MAX_LENGTH_DIGITS:
                raise ValueError("the reply is no netstring")
        length = int(digits or b"0")
        data = stream.read(length + 1)
        if length > MAX_REPLY or len(data) != length + 1 or not data.endswith(b","):
            raise ValueError("the reply is no netstring")
        return data[:-1]


def _read_line(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as stream:
        line = stream.readline(MAX_LINE + 1)
    if not line.endswith(b"\n"):
        raise ValueError("the reply is no line")
    return line


def _parse_line(line: bytes) -> Reply:
    code, _, text = line.decode("utf-8", "replace").strip().partition(" ")
    if code not in _STATUSES:
        raise ValueError(f"no reply begins with {code[:3]!a}")
    status = _STATUSES[code]
    return Reply(status, "" if status is Status.NOTFOUND else unquote(text))


def _parse(data: bytes) -> Reply:
    status, _, text = data.decode("utf-8", "replace").partition(" ")
    return Reply(Status(status), text)
