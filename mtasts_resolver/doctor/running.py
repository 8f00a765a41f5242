"""Running a program of the system, with a bound on its time and on what it says.

Root may run `doctor`: no program is run from where others than root could put one.
"""

import os
import selectors
import stat
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from mtasts_resolver.base.quoting import printable

RUN_TIME = 20.0  # seconds; postconf takes 0.02, and two more where main.cf was changed just now
RUN_OUTPUT = 4 << 20  # bytes; `postconf -x` says 40 kB, and maps may be written into main.cf
_CHUNK = 1 << 16
_SLOW = f"did not end within {RUN_TIME:g} s"

# Where a Postfix is that the user's PATH does not name: a plain user's has no sbin in Debian.
_USUAL_PLACES = ("/usr/sbin", "/usr/local/sbin", "/sbin")

# Nothing of the caller's environment: MAIL_CONFIG would name another Postfix, and LANG other words.
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


class RunError(Exception):
    """A program could not be run to its end; the text says why."""


class Ran(Struct, frozen=True):
    """What a program said before it ended."""

    status: int
    output: str
    errors: str


def find_program(name: str, path: str, uid: int) -> tuple[Path | None, list[Path]]:
    """Return where a program is that may be run, and those places that were passed over.

    `path` is as in PATH. What is passed over is one that others than root and `uid` could replace.
    """
    unsafe = []
    for directory in dict.fromkeys([*path.split(os.pathsep), *_USUAL_PLACES]):
        program = Path(directory, name)
        # What is relative depends on the working directory, which anybody may have filled.
        if not program.is_absolute() or not os.access(program, os.X_OK) or program.is_dir():
            continue
        real = program.resolve()  # once: what was looked at is what is run
        if _replaceable((program, real), uid):
            unsafe.append(program)
        else:
            return real, unsafe
    return None, unsafe


def run_program(program: Path, *arguments: str) -> Ran:
    """Run a program by its path, without a shell; raise RunError."""
    argv = [program.name, *arguments]
    try:
        process = subprocess.Popen(  # noqa: S603  find_program has found it
            argv,
            executable=program,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd="/",
        )
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        raise RunError(f"{program} cannot be run: {why}") from None
    with process:
        try:
            output, errors = _hear(process)
            status = process.wait(RUN_TIME)
        except (RunError, subprocess.TimeoutExpired) as error:
            process.kill()
            why = str(error) if isinstance(error, RunError) else _SLOW
            raise RunError(f"`{printable(' '.join(argv))}` {why}") from None
    return Ran(status, output, errors)


def text_lines(text: str) -> list[str]:
    """Return the lines of what a program said: only a line feed ends one, whatever values hold."""
    return text.removesuffix("\n").split("\n") if text else []


def _hear(process: subprocess.Popen[bytes]) -> tuple[str, str]:
    """Return what a process says on both streams, until it has closed them."""
    deadline = time.monotonic() + RUN_TIME
    output, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, heard in ((process.stdout, output), (process.stderr, errors)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, heard)
        while selector.get_map():
            if (left := deadline - time.monotonic()) <= 0:
                raise RunError(_SLOW)
            for key, _ in selector.select(left):
                if not (chunk := os.read(key.fd, _CHUNK)):
                    selector.unregister(key.fileobj)
                key.data.extend(chunk)
            if len(output) + len(errors) > RUN_OUTPUT:
                raise RunError(f"said more than {RUN_OUTPUT >> 20} MiB")
    return output.decode("utf-8", "replace"), errors.decode("utf-8", "replace")


def _replaceable(names: Iterable[Path], uid: int) -> bool:
    """Tell whether others than root and `uid` could put another program in place of one."""
    try:
        return any(_open_to_others(path, uid) for path in names)
    except OSError:  # it has just been replaced
        return True


def _open_to_others(path: Path, uid: int) -> bool:
    """Tell whether others may write to a file, or to a directory above it."""
    for place in (path, *path.parents):
        found = place.stat()
        if found.st_uid not in (0, uid):
            return True
        shared = stat.S_IWOTH | (stat.S_IWGRP if found.st_gid != 0 else 0)
        sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if found.st_mode & shared and not (sticky and place != path.parent):
            return True
    return False
