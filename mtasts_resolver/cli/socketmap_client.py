"""A socketmap client, as Postfix is one (socketmap_table(5))."""

import socket

from mtasts_resolver.cli.errors import DaemonUnreachableError, NotPermittedError
from mtasts_resolver.config import Address, InetAddress, UnixAddress
from mtasts_resolver.postfix.reply import Reply, Status
from mtasts_resolver.postfix.socketmap import MAX_REPLY

CONNECT_TIMEOUT = 5.0  # seconds; the daemon is on this machine or near it
REPLY_TIMEOUT = 100.0  # seconds, as long as Postfix waits
MAX_LENGTH_DIGITS = len(str(MAX_REPLY))


def ask(address: Address, map_name: str, key: str) -> Reply:
    """Return the reply of the daemon at `address`."""
    request = f"{map_name} {key}".encode("utf-8", "surrogateescape")  # the bytes that were typed
    try:
        if isinstance(address, InetAddress):
            connection = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT)
        else:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(CONNECT_TIMEOUT)
            connection.connect(address.path)
        with connection:
            connection.settimeout(REPLY_TIMEOUT)
            connection.sendall(b"%d:%s," % (len(request), request))
            return _parse(_read_netstring(connection))
    except OSError as error:
        if isinstance(address, UnixAddress) and isinstance(error, PermissionError):
            raise NotPermittedError(
                f"the socket {address} is not for you: become root, or the user or a member of the"
                " group whose it is"
            ) from None
        raise DaemonUnreachableError(
            f"no answer from the daemon at {address}: {error.strerror or error};"
            " is mtasts-resolver running, and listening there?"
        ) from None
    except ValueError as error:
        raise DaemonUnreachableError(
            f"what answers at {address} does not speak socketmap: {error}"
        ) from None


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


def _parse(data: bytes) -> Reply:
    status, _, text = data.decode("utf-8", "replace").partition(" ")
    return Reply(Status(status), text)
