"""Asking as Postfix does, where whoever listens may be anybody."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

import pytest

from mtasts_resolver.config import InetAddress
from mtasts_resolver.control.client import NoDaemonError
from mtasts_resolver.control.lookupclient import look_up
from mtasts_resolver.postfix.reply import Reply, Status

PATIENCE = 0.5
Protocol = Literal["socketmap", "tcp_table"]


@contextmanager
def saying(say: Callable[[socket.socket, threading.Event], None]) -> Iterator[InetAddress]:
    """Have somebody listen who says something to one client, until the block ends."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(1_000)
                say(connection, over)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield InetAddress(*listener.getsockname())
        over.set()
    thread.join()


def pieces(*texts: bytes) -> Callable[[socket.socket, threading.Event], None]:
    def say(connection: socket.socket, over: threading.Event) -> None:
        for text in texts:
            connection.sendall(text)
            over.wait(0.02)

    return say


@pytest.mark.parametrize(
    ("protocol", "texts", "reply"),
    [
        ("socketmap", [b"9:NOTFOUND ,"], Reply(Status.NOTFOUND)),
        ("socketmap", [b"1", b"0:OK ", b"secure ", b"x,y"], None),
        ("socketmap", [b"9", b":OK sec", b"ure,"], Reply(Status.OK, "secure")),
        ("socketmap", [b":,"], None),
        ("socketmap", [b"SSH-2.0"], None),
        ("socketmap", [b"999999999999:"], None),
        ("socketmap", [b"9:NOTF"], None),
        ("socketmap", [b"3:abcd"], None),
        ("tcp_table", [b"500 no", b"ne\n"], Reply(Status.NOTFOUND)),
        ("tcp_table", [b"200 secure%20x\n"], Reply(Status.OK, "secure x")),
        ("tcp_table", [b"200 secure"], None),
        ("tcp_table", [b"2" * 100_000], None),
        ("tcp_table", [b""], None),
    ],
)
def test_a_reply_comes_in_pieces_or_is_none(
    protocol: Protocol, texts: list[bytes], reply: Reply | None
) -> None:
    with saying(pieces(*texts)) as address:
        if reply is None:
            with pytest.raises(NoDaemonError):
                look_up(address, "default", "a.example", protocol=protocol)
        else:
            assert look_up(address, "default", "a.example", protocol=protocol) == reply


@pytest.mark.parametrize(("protocol", "text"), [("socketmap", b"9"), ("tcp_table", b"2")])
def test_one_that_says_a_little_now_and_then_holds_nobody_up(
    protocol: Protocol, text: bytes
) -> None:
    """Whoever takes the port while the daemon is down would hold up root's doctor for days."""

    def drip(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"90000:" if protocol == "socketmap" else b"200 ")
        while not over.wait(PATIENCE / 10):
            connection.sendall(text)

    with saying(drip) as address, pytest.raises(NoDaemonError, match="timed out"):
        look_up(address, "default", "a.example", protocol=protocol, timeout=PATIENCE)
