"""Commands whose output goes nowhere, that are interrupted, or that get what is no text."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mtasts_resolver.cli import exit_codes

ROOT = Path(__file__).parents[3]
DEADLINE = 60  # seconds; only a broken test waits so long
# SIGINT may be ignored where the tests run, and so in their children.
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from mtasts_resolver.cli import main; main()"
)
NO_PARENT = ".example"  # a key that is not looked up
NOBODY = "inet:127.0.0.1:1"
UNWRITTEN = "Error: the output cannot be written: No space left on device\n"


def run(redirection: str, *words: str | bytes) -> subprocess.CompletedProcess[str]:
    """Return how a command ended, with a redirection of the shell's and a strict stdout."""
    shell = ["sh", "-c", f'exec "$@" {redirection}', "sh"]
    return subprocess.run(
        [*shell, sys.executable, "-m", "mtasts_resolver", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(f"listen: [{{protocol: socketmap, address: '{NOBODY}'}}]\n")
    return str(path)


def begin(server: socket.socket, *words: str | bytes) -> subprocess.Popen[str]:
    """Run `query` with a daemon at `server`."""
    address = f"inet:127.0.0.1:{server.getsockname()[1]}"
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "query", "--server", address, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_the_daemon_is_asked_for_the_bytes_that_were_typed() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        begin(server, "--json", "--map", b"\xfe", b"a\xff.example") as process,
    ):
        server.settimeout(DEADLINE)
        peer, _ = server.accept()
        with peer, peer.makefile("rb") as requests:
            assert requests.read(16) == b"12:\xfe a\xff.example,"
            peer.sendall(b"9:NOTFOUND ,")
            shown, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == exit_codes.NEGATIVE
    assert json.loads(shown)["status"] == "NOTFOUND"


def test_a_name_that_is_no_text_can_be_shown(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.yaml"
    Path(os.fsdecode(name)).touch()
    ended = run("", "config", "check", name)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"{tmp_path}/\\udcff.yaml: valid\n"
    ended = run("", "explain", b"\xff.", "--server", NOBODY)
    assert (ended.returncode, "\\udcff" in ended.stdout) == (exit_codes.NEGATIVE, True)


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("query", NO_PARENT, "--server", NOBODY), exit_codes.UNAVAILABLE),
        (("explain", NO_PARENT), exit_codes.NEGATIVE),
        (("config", "check"), 0),
        (("config", "check", "--no-such-option"), exit_codes.USAGE),
    ],
    ids=["query", "explain", "check", "usage"],
)
def test_who_takes_no_output_gets_the_exit_code(
    file: str, words: tuple[str, ...], code: int, redirection: str
) -> None:
    given = ("--config", file) if words[0] == "explain" else (file,) if "check" in words else ()
    ended = run(redirection, *words, *given)
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr
    if redirection.startswith("2") and words[0] != "query" and code != exit_codes.USAGE:
        assert ended.stdout != ""


@pytest.mark.parametrize("words", [("--help",), ("config", "check"), ("query", "--json")])
def test_an_answer_that_cannot_be_written_is_not_given(file: str, words: tuple[str, ...]) -> None:
    ended = run(">/dev/full", *words, *((file,) if "check" in words else ()))
    assert ended.returncode == exit_codes.TEMPORARY
    assert ended.stderr.endswith(UNWRITTEN)  # after what the check warns of


@pytest.mark.parametrize("as_json", [True, False])
def test_an_interruption_is_no_answer(*, as_json: bool) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        begin(server, "a.example", *(["--json"] if as_json else [])) as process,
    ):
        server.settimeout(DEADLINE)
        peer, _ = server.accept()
        with peer:
            process.send_signal(signal.SIGINT)
            shown, told = process.communicate(timeout=DEADLINE)
    assert process.returncode == exit_codes.INTERRUPTED
    if as_json:
        assert json.loads(shown) == {"error": "interrupted", "exit_code": exit_codes.INTERRUPTED}
        assert told.strip() == ""
    else:
        assert (shown, told.strip()) == ("", "Error: interrupted")
