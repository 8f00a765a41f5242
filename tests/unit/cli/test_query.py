"""What `query` shows of whatever listens where the daemon should."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.query import query
from tests.runner import CliRunner

CONTROLS = "\x1b]0;title\x07\x1b[31m\u202eyes\r\nsecure"


@contextmanager
def somebody_answers(reply: bytes) -> Iterator[str]:
    """Have one look-up answered with a netstring of `reply`; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            guest, _ = server.accept()
            with guest:
                guest.recv(4_096)
                guest.sendall(b"%d:%s," % (len(reply), reply))

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"inet:127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.threat("port-stolen")
@pytest.mark.parametrize("status", ["OK", "TEMP", "PERM", "WHAT\x1b]0;title\x07"])
def test_who_has_taken_the_daemons_port_moves_no_cursor(status: str) -> None:
    with somebody_answers(f"{status} {CONTROLS}".encode()) as address:
        result = CliRunner().invoke(query, ["good.example", "--server", address])
    said = result.stdout + result.stderr
    assert "title" in said
    assert said.removesuffix("\n").isprintable()


@pytest.mark.threat("words-at-terminal")
def test_a_command_that_ends_badly_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    CommandError(f"{CONTROLS}\nwhat to do").show()
    said = capsys.readouterr().err
    assert said.splitlines() == [r"\x1b]0;title\x07\x1b[31m\u202eyes", "secure", "what to do"]
