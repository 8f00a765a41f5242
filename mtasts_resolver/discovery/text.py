"""Words of strangers, made fit for a log line."""

import os
import ssl

SHOWN = 120  # characters: enough to recognise what was sent, too little to flood a log


def printable(text: str, limit: int = SHOWN) -> str:
    """Return at most `limit` characters of `text`, with every control character escaped."""
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def os_reason(error: OSError) -> str:
    """Return why the operating system, or TLS, refused, without its numbers and addresses."""
    if isinstance(error, ssl.SSLError):  # its number is one of OpenSSL's
        return printable(error.reason.lower().replace("_", " ") if error.reason else str(error))
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    # asyncio raises a bare ConnectionResetError where the peer closes too early.
    return printable((error.strerror or str(error) or "the connection was closed").lower())
