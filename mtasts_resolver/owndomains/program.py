"""Running the administrator's program: for a bounded time, with bounded output, without a shell.

All of this blocks, in a thread of its own.
"""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.base.quoting import PRINTED, printable

PATIENCE = 30.0  # seconds: to hand a mail over takes a moment, to wait for a dead host for ever
GRACE = 2.0  # seconds from SIGTERM to SIGKILL
MAX_SAID = 65_536  # bytes of output; what writes more is ended, for nobody reads it
SAID_KEPT = 4_096  # bytes of its end
LOOK = 0.1  # seconds between two looks at whether it has ended
READ_AT_ONCE = 16_384
# What the kernel thinks of it where memory runs out: it is ended before either of our processes.
OOM_SCORE_ADJ = 1_000
# Nothing of ours is in it: no socket of systemd's, no directory, no credentials.
ENVIRON = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}


class Ended(NamedTuple):
    """How the program ended."""

    reason: str
    """What was wrong with that; empty where nothing was."""
    said: str
    """The end of what it wrote, on both of its outputs."""


def run_bounded(
    argv: Sequence[str],
    given: bytes,
    environ: Mapping[str, str],
    stop: threading.Event,
    *,
    patience: float = PATIENCE,
) -> Ended:
    """Run a program with `given` on standard input, until it ends, or must; or `stop` is set."""
    try:
        process = subprocess.Popen(  # noqa: S603  the administrator's own, and no shell
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={**ENVIRON, **environ},
            start_new_session=True,
            umask=0o077,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return Ended(f"it cannot be started: {reason or error}", "")
    with suppress(OSError):  # where /proc is not to be had it is ended all the same, later
        file = Path(f"/proc/{process.pid}/oom_score_adj")
        file.write_bytes(b"%d" % OOM_SCORE_ADJ)
    try:
        conversation = _Conversation(process, given)
        try:
            fault = conversation.hold(stop, time.monotonic() + patience)
        finally:
            conversation.close()
    except OSError as error:  # no more files may be opened
        return Ended(f"it cannot be talked to: {error.strerror}", "")
    finally:
        _close_pipes(process)
        _end(process)
    if not fault and process.returncode:
        status = process.returncode
        fault = f"exit status {status}" if status > 0 else f"ended by signal {-status}"
    return Ended(fault, conversation.said())


class _Conversation:
    """What is written to a program, and read from it, as fast as it takes and gives it."""

    def __init__(self, process: "subprocess.Popen[bytes]", given: bytes) -> None:
        self._process = process
        self._given = memoryview(given)
        self._said = bytearray()
        self._size = 0
        self._selector = selectors.DefaultSelector()
        for pipe, event in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stdout, selectors.EVENT_READ),
        ):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe.fileno(), event, pipe)

    def hold(self, stop: threading.Event, until: float) -> str:
        """Return when the program has ended, with nothing; or why it must end."""
        while True:
            ended = _has_ended(self._process)
            # Once more after its end, for what it has said last; a child of its may go on.
            for key, _ in self._selector.select(0 if ended else LOOK):
                self._write(key) if key.events & selectors.EVENT_WRITE else self._read(key)
            if ended:
                return ""
            if self._size > MAX_SAID:
                return f"it wrote more than {MAX_SAID:,} bytes, and was ended"
            if time.monotonic() >= until:
                return "it took too long, and was ended"
            if stop.is_set():
                return "it was ended with the daemon"

    def said(self) -> str:
        """Return the end of what it wrote, in a line."""
        words = self._said.decode("utf-8", "replace").split()
        return printable(" ".join(words)[-PRINTED:])

    def close(self) -> None:
        self._selector.close()

    def _write(self, key: selectors.SelectorKey) -> None:
        try:
            self._given = self._given[os.write(key.fd, self._given[:READ_AT_ONCE]) :]
        except BlockingIOError:
            return
        except OSError:  # it does not read what it is told, which is its own affair
            self._given = self._given[:0]
        if not self._given:
            self._selector.unregister(key.fd)
            key.data.close()

    def _read(self, key: selectors.SelectorKey) -> None:
        try:
            data = os.read(key.fd, READ_AT_ONCE)
        except BlockingIOError:
            return
        self._size += len(data)
        self._said = (self._said + data)[-SAID_KEPT:]
        if not data:
            self._selector.unregister(key.fd)


def _close_pipes(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Tell whether it has ended. It stays what its group is named by until that is ended, too."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, options) is not None


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """Send a signal to a program and all that it has started."""
    # One that has become another user, as sudo(8) does, is not ours to end: not even its remains
    # are. It ends by itself, or nobody can help it.
    with suppress(PermissionError):
        os.killpg(process.pid, number)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program with all that it has started, and reap it."""
    until = time.monotonic() + GRACE
    if not _has_ended(process):
        _signal(process, signal.SIGTERM)
    while not _has_ended(process) and time.monotonic() < until:
        time.sleep(LOOK)
    _signal(process, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):  # one that waits for a dead disk ends with that
        process.wait(GRACE)
