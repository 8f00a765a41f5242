"""The last configuration that was in force, kept for a start that finds the file faulty.

It is in the directory that the service manager provides, and nowhere else: only there does one
daemon, and only one, find it again whatever the faulty file says of the store. It is the file's own
text, so that a person can compare the two, and it may hold a proxy's password.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock, Thread

from mtasts_resolver.base import logs
from mtasts_resolver.base.ownfiles import UntrustedFileError, read_own, write_own
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
        try:
            return read_own(self.path, MAX_FILE_BYTES, {os.geteuid()})
        except FileNotFoundError:
            return None
        except UntrustedFileError as error:
            raise self._error(str(error)) from None
        except OSError as error:
            raise self._error(f"cannot be read: {error.strerror}") from None

    def _error(self, reason: str) -> ConfigError:
        return ConfigError([Fault(reason, file=str(self.path))])

    def write(self, data: bytes) -> None:
        """Keep `data`, or what another thread wants to keep since. Raise OSError."""
        self._latest = data
        with self._lock:
            data = self._latest
            if self._holds(data):
                return
            write_own(self.path, data)

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
