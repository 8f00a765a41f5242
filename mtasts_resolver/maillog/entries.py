"""Lines that are JSON: journald's (`journalctl -o json`), mailcow's, and Docker's json-file."""

from typing import Any

import msgspec

# journald's, with the process as syslog(3) has it or as the kernel does.
_OCTETS = range(256)


class _Entry(msgspec.Struct):
    """All that is read; what else an entry has is passed over as it is."""

    MESSAGE: Any = None
    message: Any = None
    log: Any = None
    SYSLOG_IDENTIFIER: Any = None
    program: Any = None
    realtime: Any = msgspec.field(name="__REALTIME_TIMESTAMP", default=None)
    time: Any = None
    hostname: Any = msgspec.field(name="_HOSTNAME", default=None)
    host: Any = None
    syslog_pid: Any = msgspec.field(name="SYSLOG_PID", default=None)
    pid: Any = msgspec.field(name="_PID", default=None)


class EntryRead(msgspec.Struct, frozen=True):
    """What an entry says."""

    time: float | None
    host: str
    program: str
    pid: int | None
    message: str
    inner: bytes = b""
    """A line in itself, where the entry is only a container's wrapping."""


_decoder = msgspec.json.Decoder(_Entry)
# Seconds since 1970 in milli- and microseconds: what is beyond is no time of a log.
_LATEST = 32_503_680_000  # the year 3000


def entry_in(line: bytes) -> EntryRead | None:
    """Return what a line of JSON says, None if it is no entry of a log."""
    try:
        entry = _decoder.decode(line.strip(b"[], \t\r\n"))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    if isinstance(entry.log, str):
        return EntryRead(None, "", "", None, "", entry.log.encode("utf-8", "replace"))
    message = _text(entry.MESSAGE if entry.MESSAGE is not None else entry.message)
    program = _text(entry.SYSLOG_IDENTIFIER or entry.program)
    if message is None or not program:
        return None
    return EntryRead(
        _microseconds(entry.realtime) if entry.realtime is not None else _seconds(entry.time),
        _text(entry.hostname or entry.host) or "",
        program,
        _number(entry.syslog_pid if entry.syslog_pid is not None else entry.pid),
        message,
    )


def _text(value: object) -> str | None:
    """Return a field's text: journald writes a list of bytes for what is no printable UTF-8."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(octet, int) for octet in value):
        return bytes(o for o in value if o in _OCTETS).decode("utf-8", "backslashreplace")
    if isinstance(value, list) and value:  # a field that the entry has twice
        return _text(value[-1])
    return None


def _number(value: object) -> int | None:
    text = _text(value) if not isinstance(value, int) else str(value)
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else None  # noqa: PLR2004


def _microseconds(value: object) -> float | None:
    return _seconds(value, 1e6)


def _seconds(value: object, unit: float = 1.0) -> float | None:
    try:
        seconds = float(_text(value) or value) / unit  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < _LATEST else None
