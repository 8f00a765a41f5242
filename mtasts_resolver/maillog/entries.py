"""Lines that are JSON: journald's (`journalctl -o json`), mailcow's, and Docker's json-file."""

from typing import Any, NamedTuple

import msgspec

# The latest time of a log; what is beyond is of another unit: the year 3000.
LATEST = 32_503_680_000
_OCTETS = range(256)
# A process id has up to seven digits.
_LONGEST_PID = 10


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


class EntryRead(NamedTuple):
    """What an entry says."""

    time: float | None
    host: bytes
    program: bytes
    """Empty where the entry has only a message."""
    pid: bytes
    message: bytes
    inner: bytes = b""
    """A line in itself, where the entry is but what a container's log is wrapped in."""


_decoder = msgspec.json.Decoder(_Entry)


def entry_in(line: bytes) -> EntryRead | None:
    """Return what a line of JSON says, None if it is no entry of a log."""
    try:
        # One entry a line; of an array that is written so, too.
        entry = _decoder.decode(line.strip(b"[], \t\r\n"))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    if isinstance(entry.log, str):
        return EntryRead(None, b"", b"", b"", b"", _octets(entry.log))
    message = entry.message if entry.MESSAGE is None else entry.MESSAGE
    if message is None:
        return None
    pid = _octets(entry.pid if entry.syslog_pid is None else entry.syslog_pid)
    return EntryRead(
        _time(entry.time) if entry.realtime is None else _time(entry.realtime, 1e6),
        _octets(entry.hostname or entry.host),
        _octets(entry.SYSLOG_IDENTIFIER or entry.program),
        pid if pid.isdigit() and len(pid) <= _LONGEST_PID else b"",
        _octets(message),
    )


def _octets(value: object) -> bytes:
    """Return a field's bytes: journald writes a list of them for what is no printable UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace")
    if isinstance(value, list):
        if all(isinstance(octet, int) and octet in _OCTETS for octet in value):
            return bytes(value)
        return _octets(value[-1]) if isinstance(value[-1], str) else b""  # a field twice
    return str(value).encode() if isinstance(value, int) else b""


def _time(value: object, unit: float = 1.0) -> float | None:
    """Return seconds since 1970 of a number, or of its digits."""
    try:
        seconds = (
            float(_octets(value) or value) / unit if isinstance(value, int | float | str) else 0.0
        )
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < LATEST else None
