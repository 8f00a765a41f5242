"""The journal of this host, as journalctl(1) writes it.

Postfix logs through syslog(3) with the facility `mail`; what journald has dropped it says itself.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from msgspec import Struct

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.doctor.running import find_program
from mtasts_resolver.evidence.inputs.errors import InputError, LogReadError

NAME = "journal"
_FACILITY_MAIL = "SYSLOG_FACILITY=2"
_OF_JOURNALD = ("_TRANSPORT=driver", "SYSLOG_IDENTIFIER=systemd-journald")
# All that is read of an entry; the time is there always.
_FIELDS = ("MESSAGE", "SYSLOG_IDENTIFIER", "SYSLOG_PID", "_PID", "_HOSTNAME")
# Nothing of the caller's environment, but where a journal may be.
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "SYSTEMD_COLORS": "0"}
_STOPPED_WITHIN = 5.0  # seconds, when told to
_LAST_WORDS = 4_096  # bytes of what it says of errors
_NOT_ALL = "not seeing messages from other users"


class JournalOutput:
    """journalctl at work. It is ended with `close`."""

    def __init__(self, program: Path, arguments: list[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the rest
        try:
            self._process = subprocess.Popen(  # noqa: S603  find_program has found it
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_ENVIRONMENT,
                cwd="/",
            )
        except OSError as error:
            self._errors.close()
            raise InputError(f"{program} cannot be run: {error.strerror}") from None
        self._empty = True

    def read(self, size: int, /) -> bytes:
        """Return some of what it writes. Raise InputError where it did not write all."""
        output = self._process.stdout
        data = b"" if output is None else output.read(size)
        if data:
            self._empty = False
        else:
            self._look_back()
        return data

    def close(self) -> None:
        """End it."""
        with self._errors, self._process:
            self._process.terminate()
            try:
                self._process.wait(_STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _look_back(self) -> None:
        """Look at how it has ended."""
        status = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read(_LAST_WORDS).decode("utf-8", "replace")
        if _NOT_ALL in said or "insufficient permissions" in said:
            raise InputError(
                "you may not read the journal of the whole host: be root, or of the group"
                " systemd-journal or adm"
            )
        words = printable(" ".join(said.split()))
        if status:
            error = InputError if self._empty else LogReadError
            raise error(f"journalctl failed with status {status}: {words}")
        if words:
            raise LogReadError(f"journalctl says: {words}")
        if self._empty:
            raise LogReadError(
                "it has no lines of the facility `mail` from that time: if Postfix logs to a file"
                " (maillog_file), name that"
            )


class JournalInput(Struct, frozen=True):
    """The journal as an input, of a time."""

    since: float | None
    until: float | None
    modified: float
    """When it was named."""
    name: str = NAME
    kind: str = "journal"
    size: int | None = None
    again: bool = False
    """Not twice: it grows all the time."""

    def open(self) -> JournalOutput:
        """Begin to read it. Raise InputError."""
        program, unsafe = find_program("journalctl", os.environ.get("PATH", ""), os.geteuid())
        if program is None:
            unsafe_one = (
                f", but {printable(str(unsafe[0]))}, which others may write" if unsafe else ""
            )
            raise InputError(
                f"there is no journalctl on this host{unsafe_one}: name the logs' files"
            )
        return JournalOutput(program, self.arguments())

    def arguments(self) -> list[str]:
        """Return what journalctl is asked for: whole fields of Postfix's entries, as JSON."""
        wanted = ["--output=json", "--all", "--no-pager", f"--output-fields={','.join(_FIELDS)}"]
        if self.since is not None:
            wanted.append(f"--since=@{max(0, int(self.since))}")
        if self.until is not None:
            wanted.append(f"--until=@{max(0, int(self.until) + 1)}")
        return [*wanted, _FACILITY_MAIL, "+", *_OF_JOURNALD]
