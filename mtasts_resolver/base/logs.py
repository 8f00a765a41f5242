"""Logs: one line per event, as `key=value` or JSON, on standard error.

    log = logs.get(__name__)
    log.info("policy-changed", domain=domain, mode=policy.mode)

The event's name comes first, and what belongs to it follows as keywords. Values may come from
anywhere: none can begin a second line or look like another key. A line that cannot be written is
counted and dropped: the daemon never fails or stands still because nobody reads its log.
"""

import contextlib
import logging
import os
import re
import select
import sys
import threading
import traceback
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO

import msgspec

MAX_VALUE_CHARS = 1_000  # of one value; a reason that an administrator reads is far shorter
MAX_TRACEBACK_CHARS = 2_500  # the end of a traceback, where the fault is; leaves room in the line
# PIPE_BUF less a newline: such a line is written to a pipe whole, unmixed and without waiting.
MAX_LINE_BYTES = 4_095
WRITE_PATIENCE = (
    0.25  # seconds to wait for a reader that is late; once only, then lines are dropped
)

_PACKAGE = __name__.partition(".")[0]
_RESERVED = frozenset({"time", "level", "event"})
_BARE = re.compile(r"[!#-<>-\[\]-~]+\Z")  # printable ASCII without space, ", = and the backslash
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
# sd-daemon(3): SD_CRIT, SD_ERR, SD_WARNING, SD_INFO, SD_DEBUG
_PRIORITIES = {50: "<2>", 40: "<3>", 30: "<4>", 20: "<6>", 10: "<7>"}
_SHORT = 32  # characters of a text that is not worth halving
_MAX_INT = 2**63 - 1  # what readers of JSON can hold

Value = str | int | float | bool | None
Format = Literal["text", "json"]


class EventLogger:
    """Logs the events of one module."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def bug(self, event: str, error: BaseException, /, **fields: object) -> None:
        """Log an exception that nobody foresaw, with its traceback."""
        self._log(logging.ERROR, event, fields, error)

    def error(self, event: str, /, **fields: object) -> None:
        """Log what needs an administrator: something does not work."""
        self._log(logging.ERROR, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Log what an administrator should look at before it becomes an error."""
        self._log(logging.WARNING, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """Log a change of state."""
        self._log(logging.INFO, event, fields)

    def debug(self, event: str, /, **fields: object) -> None:
        """Log a step."""
        self._log(logging.DEBUG, event, fields)

    def many(self, event: str, entries: Sequence[tuple[float, Mapping[str, object]]]) -> int:
        """Log what happened many times, each with its wall time, and return how often was written.

        They are written whatever the level is, many at once, and nobody who is late with reading
        is waited for: what was not written may be tried again.
        """
        counts = [handler.write_many(event, entries) for handler in _handlers()]
        return min(counts, default=len(entries))

    def _log(
        self,
        level: int,
        event: str,
        fields: dict[str, object],
        error: BaseException | None = None,
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, exc_info=error, extra={"fields": fields})


def get(name: str) -> EventLogger:
    """Return the logger of the module `name`."""
    return EventLogger(logging.getLogger(name))


def setup_logging(
    level: str,
    format: Format,  # noqa: A002  the configuration calls it so
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Log events of `level` and above to `stream`, standard error if it is None.

    It may be called again, and the last call counts. Libraries are heard from `warning` up: what
    they tell below, httpx of every request, is no event of ours.
    """
    root = logging.getLogger()
    for handler in _handlers():
        root.removeHandler(handler)
    root.addHandler(_Handler(stream or sys.stderr, format, environ))
    root.setLevel(logging.WARNING)
    logging.getLogger(_PACKAGE).setLevel(level.upper())


def hear_errors_only(library: str) -> None:
    """Leave out a library's warnings."""
    logging.getLogger(library).setLevel(logging.ERROR)


def in_journal(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether standard error goes to the journal, where a line without a level is `info`."""
    return _Sink(sys.stderr).is_journal(environ.get("JOURNAL_STREAM", ""))


def log_uncaught() -> None:
    """Send exceptions that end the process or a thread, and Python's warnings, to the log."""
    log = get(__name__)

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, Exception):
            log.bug("uncaught-exception", error)
        else:
            sys.__excepthook__(kind, error, trace)

    def thread_hook(arguments: threading.ExceptHookArgs) -> None:
        if isinstance(arguments.exc_value, Exception):
            name = arguments.thread.name if arguments.thread else None
            log.bug("uncaught-exception", arguments.exc_value, thread=name)

    def show(  # noqa: PLR0917  Python's signature
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,  # noqa: ARG001
        line: str | None = None,  # noqa: ARG001
    ) -> None:
        place = f"{filename}:{lineno}"
        log.warning("python-warning", kind=category.__name__, message=message, place=place)

    sys.excepthook = hook
    threading.excepthook = thread_hook
    warnings.showwarning = show


def log_loop_error(_loop: object, context: Mapping[str, Any]) -> None:
    """Log what an event loop has nobody to tell: a handler for `loop.set_exception_handler`.

    A connection that breaks is nothing to log: whoever uses it is told, and any peer can break one.
    """
    error = context.get("exception")
    if "transport" in context and isinstance(error, OSError):
        return
    log = get(__name__)
    if error is not None:
        log.bug("uncaught-exception", error, during=context["message"])
    else:
        log.error("event-loop-failed", reason=context["message"])


class _Handler(logging.Handler):
    """Writes records to a stream, and says later how many could not be written."""

    def __init__(self, stream: TextIO | None, style: Format, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._sink = _Sink(stream)
        self._style = style
        self._journal = self._sink.is_journal(environ.get("JOURNAL_STREAM", ""))
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        if self._dropped and self._sink.write(self._report(), patience=0):
            self._dropped = 0
        line = self._line(record.levelno, record.created, *event_of(record))
        if self._dropped or not self._sink.write(line, patience=WRITE_PATIENCE):
            self._dropped += 1

    def write_many(self, event: str, entries: Sequence[tuple[float, Mapping[str, object]]]) -> int:
        """Write lines of level info; return how many of the entries were, from the first on."""
        if self._dropped and self._sink.write(self._report(), patience=0):
            self._dropped = 0
        written, chunk, waiting = 0, b"", 0
        for created, fields in entries:
            values = {name: _value(value) for name, value in fields.items()}
            line = self._line(logging.INFO, created, event, values, late=True)
            # No more than a pipe takes as a whole.
            if len(chunk) + len(line) > MAX_LINE_BYTES + 1:
                if self._dropped or not self._sink.write(chunk, patience=0):
                    return written
                written, chunk, waiting = written + waiting, b"", 0
            chunk += line
            waiting += 1
        if not chunk or self._dropped or not self._sink.write(chunk, patience=0):
            return written
        return written + waiting

    def _report(self) -> bytes:
        now = datetime.now(UTC).timestamp()
        return self._line(logging.WARNING, now, "log-lines-dropped", {"count": self._dropped})

    def _line(
        self,
        level: int,
        created: float,
        event: str,
        fields: Mapping[str, Value],
        *,
        late: bool = False,
    ) -> bytes:
        values: dict[str, Value] = {}
        if late or self._style == "json" or not self._journal:
            time = datetime.fromtimestamp(created, UTC)
            values["time"] = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        values |= {"level": logging.getLevelName(level).lower(), "event": event}
        for name, value in fields.items():
            values[f"{name}_" if name in _RESERVED else name] = value
        prefix = _PRIORITIES.get(level, "<6>") if self._journal else ""
        return _fitting(prefix, values, self._style)


def _handlers() -> list[_Handler]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, _Handler)]


class _Sink:
    """Where lines go. A file descriptor is asked first whether it would make the writer wait."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream  # None: the process was started without standard error
        self._torn = False
        self._fd: int | None = None
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # it is closed, or not a file
                self._fd = stream.fileno()

    def is_journal(self, journal_stream: str) -> bool:
        """Tell whether this is the stream that `$JOURNAL_STREAM` names (systemd.exec(5))."""
        if self._fd is None:
            return False
        try:
            status = os.fstat(self._fd)
        except OSError:
            return False
        return journal_stream == f"{status.st_dev}:{status.st_ino}"

    def write(self, line: bytes, *, patience: float) -> bool:
        """Write one line; tell whether it worked."""
        try:
            if self._fd is not None:
                return self._write_file(self._fd, line, patience)
            if self._stream is None:
                return False
            self._stream.write(line.decode())
            self._stream.flush()
        except (OSError, ValueError):
            return False
        return True

    def _write_file(self, fd: int, line: bytes, patience: float) -> bool:
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        if not poll.poll(patience * 1_000):
            return False
        if self._torn:
            line = b"\n" + line
        written = os.write(fd, line)
        self._torn = written < len(line)
        return not self._torn


def event_of(record: logging.LogRecord) -> tuple[str, dict[str, Value]]:
    """Return the name and the fields of an event, or make them from a library's message."""
    fields: dict[str, object] | None = getattr(record, "fields", None)
    if fields is not None:
        event = str(record.msg)
        values = {name: _value(value) for name, value in fields.items()}
    else:
        event = "message"
        values = {"logger": _value(record.name), "message": _value(_message(record))}
    if record.exc_info and record.exc_info[1] is not None:
        text = "".join(traceback.format_exception(record.exc_info[1]))
        values["traceback"] = text[-MAX_TRACEBACK_CHARS:]
    return event, values


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  a library's record with wrong arguments is still worth a line
        return str(record.msg)


def _value(value: object) -> Value:
    """Return `value` as a scalar of bounded length; items of a collection are joined by commas."""
    if value is None or (isinstance(value, int) and abs(value) <= _MAX_INT):
        return value
    if isinstance(value, float):
        return round(value, 3)
    try:
        if isinstance(value, list | tuple | set | frozenset):
            value = ",".join(map(str, value))
        text = str(value)
    except Exception:  # noqa: BLE001  whatever __str__ raises, the event is worth its line
        text = f"<{type(value).__name__}>"
    return _cut(text, MAX_VALUE_CHARS)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _fitting(prefix: str, values: dict[str, Value], style: Format) -> bytes:
    """Return the line; while it is too long, its longest text is halved, or its last field goes."""
    render = _render_json if style == "json" else _render_text
    while True:
        line = f"{prefix}{render(values)}\n".encode()
        if len(line) <= MAX_LINE_BYTES:
            return line
        texts = {name: value for name, value in values.items() if isinstance(value, str)}
        longest = max(texts, key=lambda name: len(texts[name]))
        if len(texts[longest]) > _SHORT:
            values[longest] = _cut(texts[longest], len(texts[longest]) // 2)
        else:
            values.popitem()


def _render_json(values: Mapping[str, Value]) -> str:
    safe = {
        name: value.encode("utf-8", "backslashreplace").decode()
        if isinstance(value, str)
        else value
        for name, value in values.items()
    }
    return msgspec.json.encode(safe).decode()


def _render_text(values: Mapping[str, Value]) -> str:
    return " ".join(f"{name}={_text(value)}" for name, value in values.items())


def _text(value: Value) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "true" if value else "false"
        case str():
            bare = _BARE.match(value) and value != "-"
            return value if bare else f'"{"".join(map(_escape, value))}"'
    return str(value)


def _escape(character: str) -> str:
    """Escape what is not printable: controls, line separators, marks that reorder text."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"  # noqa: PLR2004
