"""Lines that are JSON: journald's (`journalctl -o json`), mailcow's, Docker's, and collectors'.

There is no standard for what rsyslog, syslog-ng, Fluentd, Vector or a container's image write; but
there are not many names that they give to a program, a host, a time and a message.
"""

from typing import Any, NamedTuple

import msgspec

from mtasts_resolver.maillog.heads import MAX_HOST, PROGRAM_ALONE

# The latest time of a log, the year 3000; what is beyond is of milli- or microseconds.
LATEST = 32_503_680_000
_MICROSECONDS = 1e6
_OCTETS = range(256)
# A process id has up to seven digits.
_LONGEST_PID = 10


class _Entry(msgspec.Struct):
    """journald's. What else an entry has is passed over as it is."""

    MESSAGE: Any = None
    SYSLOG_IDENTIFIER: Any = None
    realtime: Any = msgspec.field(name="__REALTIME_TIMESTAMP", default=None)
    hostname: Any = msgspec.field(name="_HOSTNAME", default=None)
    syslog_pid: Any = msgspec.field(name="SYSLOG_PID", default=None)
    pid: Any = msgspec.field(name="_PID", default=None)


class _Collected(msgspec.Struct):
    """Anybody's: of each kind that which is there counts, the first before the others."""

    message: Any = None
    msg: Any = None
    log: Any = None
    MESSAGE: Any = None

    program: Any = None
    programname: Any = None
    appname: Any = None
    ident: Any = None
    PROGRAM: Any = None
    syslogtag: Any = None
    syslog_tag: Any = msgspec.field(name="syslog-tag", default=None)
    tag: Any = None

    procid: Any = None
    pid: Any = None
    PID: Any = None

    host: Any = None
    hostname: Any = None
    HOST: Any = None
    logsource: Any = None

    time: Any = None
    timestamp: Any = None
    at_timestamp: Any = msgspec.field(name="@timestamp", default=None)
    timereported: Any = None
    ISODATE: Any = None

    def first(self, *names: str) -> object:
        """Return what the first field holds that is there."""
        return next((value for name in names if (value := getattr(self, name)) is not None), None)


class EntryRead(NamedTuple):
    """What an entry says."""

    time: float | None
    stamp: bytes
    """Its time as others write it; empty where it is a number, or there is none."""
    host: bytes
    program: bytes
    """Empty where the message is a line in itself, or alone."""
    pid: bytes
    message: bytes


_journald = msgspec.json.Decoder(_Entry)
_anybody = msgspec.json.Decoder(_Collected)


def entry_in(line: bytes) -> EntryRead | None:
    """Return what a line of JSON says, None if it is no entry of a log."""
    # One entry a line; of an array that is written so, too.
    line = line.strip(b"[], \t\r\n")
    try:
        return _entry(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        text = line.decode("utf-8", "replace").encode()  # rsyslog writes what it gets
    try:
        return _entry(text) if text != line else None
    except (msgspec.MsgspecError, RecursionError):
        return None


def _entry(line: bytes) -> EntryRead | None:
    entry = _journald.decode(line)
    if entry.realtime is None and entry.SYSLOG_IDENTIFIER is None:
        return _collected(_anybody.decode(line))
    program = _octets(entry.SYSLOG_IDENTIFIER)
    if not program or entry.MESSAGE is None:
        return None
    return EntryRead(
        _time(entry.realtime, _MICROSECONDS),
        b"",
        _octets(entry.hostname)[:MAX_HOST],
        program[:MAX_HOST],
        _pid(entry.pid if entry.syslog_pid is None else entry.syslog_pid),
        _octets(entry.MESSAGE),
    )


def _collected(entry: _Collected) -> EntryRead | None:
    message = entry.first("message", "msg", "log", "MESSAGE")
    if not isinstance(message, str):
        return None
    # A tag is whole, where rsyslog has cut a program's name at its slash.
    named = PROGRAM_ALONE.match(
        _octets(
            entry.first("syslogtag", "syslog_tag")
            or entry.first("program", "programname", "appname", "ident", "PROGRAM", "tag")
        )
    )
    when = entry.first("time", "timestamp", "at_timestamp", "timereported", "ISODATE")
    stamp = _octets(when)
    return EntryRead(
        _time(when),
        b"" if stamp.replace(b".", b"").isdigit() else stamp,
        _octets(entry.first("hostname", "HOST", "host", "logsource"))[:MAX_HOST],
        named[1] if named else b"",
        _pid(entry.first("procid", "pid", "PID")) or ((named and named[2]) or b""),
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
    return str(value).encode() if isinstance(value, int | float) else b""


def _pid(value: object) -> bytes:
    digits = _octets(value)
    return digits if digits.isdigit() and len(digits) <= _LONGEST_PID else b""


def _time(value: object, unit: float = 1.0) -> float | None:
    """Return seconds since 1970 of a number, or of its digits."""
    try:
        seconds = float(_octets(value)) / unit
    except ValueError:
        return None
    while LATEST < seconds < LATEST * _MICROSECONDS:
        seconds /= 1000
    return seconds if 0 < seconds < LATEST else None
