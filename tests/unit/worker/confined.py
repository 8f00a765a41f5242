"""Gives up what a discoverer does, and tells what it can still do in a directory."""

import ctypes
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from mtasts_resolver.worker.confinement import confine

IO_URING_SETUP = 425  # io_uring_setup(2), on every machine


def main(directory: Path) -> None:
    store, new = directory / "store", directory / "new"
    server = socket.create_server(("127.0.0.1", 0))
    confine()
    tried: dict[str, Callable[[], object]] = {
        "write": lambda: new.write_text("x"),
        "append": lambda: store.open("a"),
        "truncate": lambda: os.truncate(store, 0),
        "remove": store.unlink,
        "rename": lambda: store.rename(new),
        "make": new.mkdir,
        "link": lambda: new.symlink_to("/etc/passwd"),
        "socket-file": lambda: os.mkfifo(new),
        "run": lambda: subprocess.run(["/bin/true"], check=True),
        "unix": lambda: socket.socket(socket.AF_UNIX),
        "io-uring": io_uring,
        "datagrams": lambda: socket.socketpair(type=socket.SOCK_DGRAM),
        "raw-datagrams": lambda: socket.socketpair(type=socket.SOCK_RAW),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "memory": lambda: Path(f"/proc/{os.getppid()}/mem").read_bytes(),
        "signal": lambda: os.kill(os.getppid(), 0),
        "read": store.read_bytes,
        "list": lambda: list(directory.iterdir()),
        "resolve": lambda: socket.getaddrinfo("127.0.0.1", 25),
        "connect": lambda: socket.create_connection(server.getsockname()),
        "pair": socket.socketpair,
        "nonblocking-pair": lambda: socket.socketpair(
            type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        ),
        "stderr": lambda: os.write(2, b"x"),
        "thread": in_a_thread,
    }
    for name, attempt in tried.items():
        try:
            attempt()
        except OSError as error:
            outcome = type(error).__name__
        else:
            outcome = "done"
        sys.stdout.write(f"{name} {outcome}\n")


def io_uring() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    parameters = ctypes.create_string_buffer(120)
    if libc.syscall(IO_URING_SETUP, 1, parameters) < 0:
        raise OSError(ctypes.get_errno(), "io_uring_setup")


def in_a_thread() -> None:
    """See that a thread that is begun later is held as well."""
    opened: list[object] = []

    def attempt() -> None:
        try:
            opened.append(socket.socket(socket.AF_UNIX))
        except PermissionError:
            return

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    if opened:
        raise OSError("it has opened a unix socket")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
