"""The key of the pseudonyms."""

import secrets
from pathlib import Path

LEAST_KEY = 16
"""Bytes: as many as nobody can try out."""
MOST_KEY = 4_096  # bytes: no file with a key is longer, and another one may be as long as it likes


class RedactionKeyError(Exception):
    """The file has no key; the message says which file, why, and how to make one."""


def redaction_key(path: Path | None) -> bytes:
    """Return the key in a file, or, without one, a key of this report alone."""
    if path is None:
        return secrets.token_bytes(32)
    try:
        with path.open("rb") as file:
            key = file.read(MOST_KEY + 1).strip()
    except OSError as error:
        raise RedactionKeyError(f"{path}: {error.strerror}; {_MAKE}") from error
    if not LEAST_KEY <= len(key) <= MOST_KEY:
        raise RedactionKeyError(
            f"{path}: a key has {LEAST_KEY} to {MOST_KEY} bytes, this file has"
            f" {'more' if len(key) > MOST_KEY else len(key)}; {_MAKE}"
        )
    return key


_MAKE = "make one, and keep it to yourself: (umask 077; openssl rand -hex 32 > FILE)"
