"""The last configuration that was in force, kept for a start that finds the file faulty.

It is in the directory that the service manager provides, and nowhere else: only there does one
daemon, and only one, find it again whatever the faulty file says of the store. It is the file's own
text, so that a person can compare the two, and it may hold a proxy's password.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from threading import Lock, Thread

from mtasts_resolver.base import logs
from mtasts_resolver.config import MAX_FILE_BYTES, ConfigError, Fault, state_directory

log = logs.get(__name__)

NAME = "config-in-force.yaml"


class KeptFile:
    """The file; it may not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._latest = b""

    @classmethod
    def of_service(cls, environ: Mapping[str, str]) -> "KeptFile | None":
        """Return the file of a daemon that a service manager started, None of any other."""
        directory = state_directory(environ)
        return None if directory is None else cls(directory / NAME)

    def read(self) -> bytes | None:
        """Return the text, or None where none is kept. Raise ConfigError where it is no use.

        Nobody but the user who reads it may have written it: root, for one, must not be led by
        what a daemon left that had given up being root.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(self.path, flags), "rb") as file:
                status = os.fstat(file.fileno())
                data = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(f"cannot be read: {error.strerror}") from None
        others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if status.st_uid != os.geteuid() or others or not stat.S_ISREG(status.st_mode):
            raise self._error("others than the daemon's user can write it")
        return data

    def _error(self, reason: str) -> ConfigError:
        return ConfigError([Fault(reason, file=str(self.path))])

    def write(self, data: bytes) -> None:
        """Keep `data`, or what another thread wants to keep since. Raise OSError."""
        self._latest = data
        with self._lock:
            data = self._latest
            if self._holds(data):
                return
            new = self.path.with_name(f"{NAME}.new")
            new.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
            directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def write_behind(self, data: bytes) -> None:
        """Keep `data`, without waiting for the disk; where that fails the log says so."""
        Thread(target=self._try_to_write, args=(data,), name="keep", daemon=True).start()

    def _try_to_write(self, data: bytes) -> None:
        try:
            self.write(data)
        except OSError as error:
            log.warning(
                "configuration-not-kept",
                file=self.path,
                reason=error.strerror,
                effect="a faulty file would end the next start",
            )

    def _holds(self, data: bytes) -> bool:
        try:
            return self.read() == data
        except ConfigError:
            return False
