"""A server that is measured: how it is started, asked and ended."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .build import ServerError
from .procfs import children
from .world import World

START = 30.0  # seconds for a server to be there, on a busy machine
STOP = 30.0  # seconds to end in good order; then it is killed
POLL = 0.01
LOG_SHOWN = 2_000  # characters of a log, where a server fails


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    address: str
    """`inet:HOST:PORT` or `unix:/PATH`, in the server's own network namespace."""
    map_name: str
    pid: int
    keys: Path
    """Lines of a request, a tab, and the reply that must come."""
    log: Path | None = None

    @property
    def enter(self) -> list[str]:
        """The command that runs another in the network of the server."""
        return ["nsenter", f"--target={self.pid}", "--net", "--"]


@dataclass(frozen=True, slots=True)
class Also:
    """A server that somebody else started: `NAME=host:port:map:pid`."""

    name: str
    host: str
    port: int
    map_name: str
    pid: int

    @classmethod
    def parse(cls, text: str) -> "Also":
        """Read the option. Raise ValueError."""
        name, equals, rest = text.partition("=")
        parts = rest.rsplit(":", 3)
        if not (name and equals and len(parts) == 4):  # noqa: PLR2004  as the message says
            raise ValueError(f"{text!r} is not NAME=host:port:map:pid")
        host, port, map_name, pid = parts
        if not (port.isdecimal() and pid.isdecimal()):
            raise ValueError(f"{text!r}: port and pid are numbers")
        return cls(name, host, int(port), map_name, int(pid))


def child_of(process: subprocess.Popen[bytes], what: str) -> int:
    """Return the process that nsenter(1) has started. Raise ServerError where it has ended."""
    deadline = time.monotonic() + START
    while process.poll() is None and time.monotonic() < deadline:
        if found := children(process.pid):
            return found[0]
        time.sleep(POLL)
    raise ServerError(what, "it has ended at once")


@contextmanager
def running(
    world: World, name: str, *command: str | Path, env: dict[str, str] | None = None
) -> Iterator[tuple[int, Path]]:
    """Run a server in the world; give its process id and its log. It is ended by SIGTERM."""
    log = world.directory / f"{name.replace('/', ' ')}.log"
    process = world.start(*command, log=log, env=env)
    try:
        yield child_of(process, name), log
    except ServerError as error:
        if error.server == name:
            error.add_note(f"Its log ends so:\n{log.read_text()[-LOG_SHOWN:]}")
        raise
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server that nsenter(1) runs."""
    if process.poll() is not None:
        return
    _signal(process, signal.SIGTERM)
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait(STOP)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    for pid in children(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
