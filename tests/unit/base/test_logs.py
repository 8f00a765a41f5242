"""Log lines: one an event, unforgeable, bounded, and never in the way."""

import ast
import asyncio
import fcntl
import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.base import logs
from mtasts_resolver.base.logs import MAX_LINE_BYTES, MAX_VALUE_CHARS

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "mtasts_resolver"
log = logs.get("mtasts_resolver.test")

PAIR = re.compile(r'([A-Za-z_0-9]+)=("(?:[^"\\]|\\.)*"|[^\s"=]+)(?: |\Z)')


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, package = logging.getLogger(), logging.getLogger("mtasts_resolver")
    levels = root.level, package.level
    hooks = sys.excepthook, threading.excepthook
    yield
    for handler in [handler for handler in root.handlers if isinstance(handler, logs._Handler)]:
        root.removeHandler(handler)
    root.setLevel(levels[0])
    package.setLevel(levels[1])
    sys.excepthook, threading.excepthook = hooks


def parse(line: str) -> dict[str, str]:
    """Read a text line as a logfmt reader does."""
    pairs = PAIR.findall(line)
    assert "".join(f"{name}={value} " for name, value in pairs).rstrip() == line
    return {
        name: json.loads(re.sub(r"\\U(.{8})", "?", value)) if value.startswith('"') else value
        for name, value in pairs
    }


def one_line(stream: io.StringIO) -> str:
    text = stream.getvalue()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    stream.seek(0)
    stream.truncate()
    return text[:-1]


def text_stream(level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    logs.setup_logging(level, "text", stream, {})
    return stream


def json_stream() -> io.StringIO:
    stream = io.StringIO()
    logs.setup_logging("info", "json", stream, {})
    return stream


def test_text() -> None:
    stream = text_stream()
    log.info("policy-changed", domain="a.example", mode="enforce", max_age=604800, mx=["a", "b"])
    line = one_line(stream)
    assert re.fullmatch(
        r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info event=policy-changed"
        r" domain=a\.example mode=enforce max_age=604800 mx=a,b",
        line,
    )


def test_json() -> None:
    stream = json_stream()
    log.warning("policy-expired", domain="a.example", seconds=1.23456, known=True, reason=None)
    told = json.loads(one_line(stream))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("time"))
    assert list(told) == ["level", "event", "domain", "seconds", "known", "reason"]
    assert told == {
        "level": "warning",
        "event": "policy-expired",
        "domain": "a.example",
        "seconds": 1.235,
        "known": True,
        "reason": None,
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a b", '"a b"'),
        ("", '""'),
        ("-", '"-"'),
        (None, "-"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (0.5, "0.5"),
        ("a=b", '"a=b"'),
        ('say "x"', r'"say \"x\""'),
        ("back\\slash", r'"back\\slash"'),
        ("x\nevent=forged", r'"x\nevent=forged"'),
        ("x\r\n\t", r'"x\r\n\t"'),
        ("\x1b[31m", r'"\u001b[31m"'),
        ("\u202e\u2028\x85", r'"\u202e\u2028\u0085"'),
        ("\ud800", r'"\ud800"'),
        ("\U000e0001", r'"\U000e0001"'),
        ("RFC 8461 §3.3", '"RFC 8461 §3.3"'),
        ((), '""'),
    ],
)
def test_values_in_text(value: object, shown: str) -> None:
    stream = text_stream()
    log.info("x", value=value)
    assert one_line(stream).endswith(f" event=x value={shown}")


HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["x level=error", '" event="forged', "\\", '\\"', "\n<0>event=forged", "\0", "=", "\ud800\n"]
)


@pytest.mark.threat("words-in-log")
@given(HOSTILE, HOSTILE)
def test_text_from_anywhere_makes_neither_a_line_nor_a_key(first: str, second: str) -> None:
    stream = text_stream()
    log.info("x", first=first, second=second)
    line = one_line(stream)
    assert line.splitlines() == [line]
    assert list(parse(line)) == ["time", "level", "event", "first", "second"]
    assert line.isprintable()


@given(HOSTILE)
def test_text_can_be_read_back(value: str) -> None:
    stream = text_stream()
    log.info("x", value=value)
    read = parse(one_line(stream))["value"]
    assert read == re.sub(r"[\U00010000-\U0010ffff]", lambda c: _astral(c[0]), value)


def _astral(character: str) -> str:
    return character if character.isprintable() else "?"


@given(HOSTILE, HOSTILE)
def test_json_is_one_line_from_anywhere(first: str, second: str) -> None:
    stream = json_stream()
    log.info("x", first=first, second=second)
    told = json.loads(one_line(stream))
    assert list(told) == ["time", "level", "event", "first", "second"]
    assert told["first"] == first.encode("utf-8", "backslashreplace").decode()


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("filler", ["x", "\0", "é", "\U000e0001", '"'])
def test_length_is_bounded(style: Any, filler: str) -> None:
    stream = io.StringIO()
    logs.setup_logging("info", style, stream, {})
    log.info("x", domain="a.example", **{f"f{n}": filler * 100_000 for n in range(30)})
    line = one_line(stream)
    assert 1_000 < len(line.encode()) + 1 <= MAX_LINE_BYTES
    if style == "json":
        assert json.loads(line)["domain"] == "a.example"
    else:
        assert parse(line)["domain"] == "a.example"


def test_a_value_is_bounded() -> None:
    stream = text_stream()
    log.info("x", value="v" * 5_000)
    assert parse(one_line(stream))["value"] == "v" * (MAX_VALUE_CHARS - 3) + "..."


def test_hundreds_of_fields_are_bounded() -> None:
    stream = text_stream()
    log.info("x", **{f"field{n}": n for n in range(2_000)})
    line = one_line(stream)
    assert len(line.encode()) < MAX_LINE_BYTES
    assert parse(line)["field0"] == "0"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_nothing_that_is_logged_raises() -> None:
    stream = json_stream()
    log.info("x", a=Unprintable(), b=10**5_000, c=float("nan"), d=[Unprintable()], e=2**64)
    told = json.loads(one_line(stream))
    assert (told["a"], told["b"], told["c"], told["d"]) == (
        "<Unprintable>",
        "<int>",
        None,
        "<list>",
    )
    assert told["e"] == str(2**64)


def test_a_field_cannot_replace_what_each_line_has() -> None:
    stream = text_stream()
    log.info("x", time=1, level=2, event=3)
    assert one_line(stream).endswith("Z level=info event=x time_=1 level_=2 event_=3")


def test_levels() -> None:
    stream = text_stream("warning")
    log.info("quiet")
    log.debug("quiet")
    assert stream.getvalue() == ""
    log.warning("loud")
    assert " level=warning event=loud" in one_line(stream)
    stream = text_stream("debug")
    log.debug("loud")
    assert " level=debug event=loud" in one_line(stream)


def test_a_second_call_takes_the_place_of_the_first() -> None:
    first, second = text_stream(), json_stream()
    log.info("x")
    assert first.getvalue() == ""
    assert json.loads(one_line(second))["event"] == "x"


def test_a_bug_has_its_traceback_in_one_line() -> None:
    stream = text_stream()
    try:
        raise KeyError("x" * 10_000)  # noqa: TRY301  the traceback is wanted
    except KeyError as error:
        log.bug("internal-error", error, domain="a.example")
    fields = parse(one_line(stream))
    assert (fields["level"], fields["event"], fields["domain"]) == (
        "error",
        "internal-error",
        "a.example",
    )
    assert len(fields["traceback"]) <= logs.MAX_TRACEBACK_CHARS
    assert fields["traceback"].endswith("x'\n")


def test_libraries_are_heard_from_warning_up(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = text_stream("debug")
    root = logging.getLogger()
    # pytest's own handlers raise where arguments do not fit.
    ours = [handler for handler in root.handlers if isinstance(handler, logs._Handler)]
    monkeypatch.setattr(root, "handlers", ours)
    library = logging.getLogger("httpx")
    library.info("HTTP Request: %s", "GET")
    assert stream.getvalue() == ""
    library.warning("two\nlines %s", "x")
    assert one_line(stream).endswith(
        r' level=warning event=message logger=httpx message="two\nlines x"'
    )
    library.error("%d", "no number")
    assert one_line(stream).endswith(" message=%d")


def test_uncaught_exceptions(capsys: pytest.CaptureFixture[str]) -> None:
    stream = text_stream()
    logs.log_uncaught()
    error = ValueError("unforeseen")
    sys.excepthook(ValueError, error, None)
    fields = parse(one_line(stream))
    assert fields["event"] == "uncaught-exception"
    assert fields["traceback"] == "ValueError: unforeseen\n"

    thread = threading.Thread(target=[].pop, name="writer")
    thread.start()
    thread.join()
    fields = parse(one_line(stream))
    assert (fields["event"], fields["thread"]) == ("uncaught-exception", "writer")

    quitting = threading.Thread(target=sys.exit)
    quitting.start()
    quitting.join()
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert stream.getvalue() == ""
    assert "KeyboardInterrupt" in capsys.readouterr().err


def test_warnings_are_lines() -> None:
    stream = text_stream()
    with warnings.catch_warnings(action="always"):
        logs.log_uncaught()
        warnings.warn("odd", UserWarning, stacklevel=1)
    fields = parse(one_line(stream))
    assert (fields["event"], fields["level"]) == ("python-warning", "warning")
    assert (fields["kind"], fields["message"]) == ("UserWarning", "odd")
    assert __file__ in fields["place"]


async def test_what_the_event_loop_cannot_tell_anybody_is_a_line() -> None:
    stream = text_stream()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.log_loop_error)
    loop.call_soon([].pop)
    await asyncio.sleep(0)
    assert parse(one_line(stream))["event"] == "uncaught-exception"
    loop.call_exception_handler({"message": "odd"})
    assert parse(one_line(stream))["reason"] == "odd"
    broken = {"message": "x", "exception": ConnectionResetError(), "transport": object()}
    loop.call_exception_handler(broken)
    assert stream.getvalue() == ""


@pytest.fixture
def pipe() -> Iterator[tuple[int, IO[str]]]:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        yield reader, stream
    try:
        os.close(reader)
    except OSError:  # the test closed it
        return


def journal_stream(stream: IO[str]) -> dict[str, str]:
    status = os.fstat(stream.fileno())
    return {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}


def test_the_journal_gets_priorities_and_no_time(pipe: tuple[int, Any]) -> None:
    reader, stream = pipe
    logs.setup_logging("debug", "text", stream, journal_stream(stream))
    log.error("a")
    log.warning("b")
    log.info("c")
    log.debug("d")
    assert os.read(reader, 4_096).decode().splitlines() == [
        "<3>level=error event=a",
        "<4>level=warning event=b",
        "<6>level=info event=c",
        "<7>level=debug event=d",
    ]
    logs.setup_logging("info", "json", stream, journal_stream(stream))
    log.error("a")
    line = os.read(reader, 4_096).decode()
    assert line.startswith("<3>{")
    assert set(json.loads(line[3:])) == {"time", "level", "event"}


def test_what_is_logged_late_says_when_it_was_also_in_the_journal(pipe: tuple[int, Any]) -> None:
    reader, stream = pipe
    logs.setup_logging("error", "text", stream, journal_stream(stream))
    assert log.many("a", [(1_800_000_000.25, {"n": 1}), (1_800_000_001.5, {"n": 2})]) == 2
    assert os.read(reader, 4_096).decode().splitlines() == [
        "<6>time=2027-01-15T08:00:00.250Z level=info event=a n=1",
        "<6>time=2027-01-15T08:00:01.500Z level=info event=a n=2",
    ]


def test_many_lines_are_written_in_pieces_that_a_pipe_takes_whole(pipe: tuple[int, Any]) -> None:
    reader, stream = pipe
    fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, 16_384)
    logs.setup_logging("info", "text", stream, {})
    entries: list[tuple[float, dict[str, object]]] = [
        (1_800_000_000.0, {"number": number, "filler": "f" * 80}) for number in range(1_000)
    ]
    got, written = b"", 0
    while written < len(entries):
        some = log.many("x", entries[written:])
        assert some > 0
        written += some
        got += os.read(reader, 65_536)
    lines = got.decode().splitlines()
    assert [f"number={number} " in line for number, line in enumerate(lines)] == [True] * 1_000


def test_a_stream_that_is_not_the_journals_has_the_time(pipe: tuple[int, Any]) -> None:
    reader, stream = pipe
    logs.setup_logging("info", "text", stream, {"JOURNAL_STREAM": "1:2"})
    log.info("a")
    assert os.read(reader, 4_096).startswith(b"time=")


def test_a_reader_that_stands_still_stops_nobody(pipe: tuple[int, Any]) -> None:
    reader, stream = pipe
    fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, 16_384)
    logs.setup_logging("info", "text", stream, {})
    for number in range(1_000):
        log.info("x", number=number, filler="f" * 80)
    waiting = os.read(reader, 65_536)
    assert waiting.endswith(b"\n")
    written = waiting.count(b"\n")
    assert 0 < written < 200
    log.info("y")
    report, line = os.read(reader, 65_536).decode().splitlines()
    assert report.endswith(f" level=warning event=log-lines-dropped count={1_000 - written}")
    assert line.endswith(" event=y")
    log.info("z")
    assert os.read(reader, 65_536).decode().endswith(" event=z\n")


def test_a_reader_that_went_away_stops_nobody(pipe: tuple[int, Any]) -> None:
    reader, stream = pipe
    logs.setup_logging("info", "text", stream, {})
    os.close(reader)
    for _ in range(10):
        log.error("x")


def test_a_closed_stream_stops_nobody() -> None:
    stream = text_stream()
    stream.close()
    log.error("x")


def test_a_full_disk_loses_lines_and_says_so(tmp_path: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        logs.setup_logging("info", "text", full, {})
        log.error("x")
        log.error("x")
        (handler,) = (h for h in logging.getLogger().handlers if isinstance(h, logs._Handler))
        with (tmp_path / "log").open("w", encoding="utf-8") as disk:
            handler._sink = logs._Sink(disk)
            log.error("y")
    lines = (tmp_path / "log").read_text().splitlines()
    assert [parse(line)["event"] for line in lines] == ["log-lines-dropped", "y"]
    assert parse(lines[0])["count"] == "2"


def test_a_torn_line_is_ended_before_the_next(tmp_path: Path) -> None:
    script = """
import resource, signal, sys
from mtasts_resolver.base import logs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open(sys.argv[1], "w") as stream:
    logs.setup_logging("info", "text", stream, {})
    log = logs.get("mtasts_resolver.test")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    log.info("torn", filler="f" * 200)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.info("whole")
"""
    target = tmp_path / "log"
    subprocess.run([sys.executable, "-c", script, str(target)], check=True, cwd=ROOT)
    torn, report, whole = target.read_text().splitlines()
    assert len(torn) == 100
    assert parse(report)["event"] == "log-lines-dropped"
    assert parse(whole)["event"] == "whole"


def test_a_process_without_standard_error() -> None:
    script = """
from mtasts_resolver.base import logs
logs.setup_logging("info", "text")
logs.get("mtasts_resolver.x").error("x")
print("alive")
"""
    command = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, script]
    done = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert done.stdout == "alive\n"


METHODS = {"bug", "error", "warning", "info", "debug", "many"}


def is_log_method(node: ast.expr) -> bool:
    """Tell whether the node is such as `log.info`, or a choice between two such."""
    if isinstance(node, ast.IfExp):
        return is_log_method(node.body) and is_log_method(node.orelse)
    return (
        isinstance(node, ast.Attribute)
        and node.attr in METHODS
        and ast.unparse(node.value).rpartition(".")[2] in {"log", "_log", "_domains"}
    )


def log_calls(function: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of `log.info` and the like, also through a variable of the function."""
    variables = {
        ast.unparse(node.targets[0])
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and is_log_method(node.value)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and (
            is_log_method(node.func) or ast.unparse(node.func) in variables
        ):
            yield node


def logged_events() -> Iterator[tuple[str, str | None]]:
    """Yield the place and the event of each call of an EventLogger; None if it is not literal."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for call in log_calls(function):
                    place = f"{path.relative_to(ROOT)}:{call.lineno}"
                    for event in names(call.args[0], function, tree):
                        yield place, event


def names(
    expression: ast.expr, function: ast.FunctionDef | ast.AsyncFunctionDef, tree: ast.Module
) -> list[str | None]:
    """Return the event names that the expression can have.

    Where it is a parameter of the function, they are what the module's calls of it pass.
    """
    match expression:
        case ast.Constant(value=str() as name):
            return [name] if name else []
        case ast.IfExp(body=body, orelse=orelse):
            return names(body, function, tree) + names(orelse, function, tree)
        case ast.Name(id=parameter):
            positions = [arg.arg for arg in function.args.args if arg.arg != "self"]
            if parameter in positions:
                passed = [
                    names(node.args[positions.index(parameter)], function, ast.Module([], []))
                    for node in ast.walk(tree)
                    if isinstance(node, ast.Call)
                    and ast.unparse(node.func).rpartition(".")[2] == function.name
                ]
                return [name for found in passed for name in found] or [None]
    return [None]


def test_every_event_is_documented() -> None:
    page = (ROOT / "docs/logs.md").read_text("utf-8")
    table = page.partition("## Events")[2]
    documented = set(re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE))
    found = {"message", "log-lines-dropped", "events-left-out"}  # by what writes the others
    assert found <= documented
    for place, event in logged_events():
        assert event is not None, f"{place}: the event's name is no literal"
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", event), f"{place}: {event}"
        assert event in documented, f"{place}: {event} is not in docs/logs.md"
        found.add(event)
    assert documented <= found, "docs/logs.md knows events that are logged nowhere"
