"""The load generator and the C server: compiled, run for a moment, and what they say is read."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from benchmarks.build import COMPILERS, BenchError, Programs, ServerError, compile_programs
from benchmarks.load import Latency, Outcome, Sample, Way, accepted, decode, read_keys, write_keys

PATIENCE = "--patience=20"

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, COMPILERS)), reason="a C compiler is needed"
)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return compile_programs(tmp_path_factory.mktemp("programs"))


@contextmanager
def c_server(programs: Programs, port: int, reply: str) -> Iterator[None]:
    process = subprocess.Popen([programs.epoll_server, str(port), reply])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def saying(*chunks: bytes) -> Iterator[str]:
    """Listen; take each connection's first bytes, send `chunks`, close. Give the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # the listener is closed: the test is over
                    return
                with connection:
                    if connection.recv(4096):
                        for chunk in chunks:
                            connection.sendall(chunk)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"inet:127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def run(programs: Programs, address: str, keys: Path, *options: str) -> Outcome:
    command = [str(programs.load), f"--address={address}", f"--keys={keys}", *options]
    return decode(subprocess.run(command, capture_output=True, text=True, check=False).stdout)


@needs_compiler
@pytest.mark.parametrize(
    "options",
    [
        ["--requests=500"],
        ["--requests=500", "--connections=32"],
        ["--requests=640", "--depth=64"],
        ["--requests=500", "--connections=8", "--reconnect=1"],
    ],
)
def test_every_request_is_answered(
    programs: Programs, free_port: int, tmp_path: Path, options: list[str]
) -> None:
    reply = "OK secure match=mx.good.example"
    keys = write_keys(tmp_path / "keys", "QUERY", [(f"d{n}.example", reply) for n in range(7)])
    with c_server(programs, free_port, reply):
        outcome = run(programs, f"inet:127.0.0.1:{free_port}", keys, PATIENCE, *options)
    assert outcome.errors == 0
    assert outcome.requests == int(options[0].removeprefix("--requests="))
    latency = outcome.microseconds
    assert 0 < latency.p50 <= latency.p90 <= latency.p99 <= latency.p999 <= latency.max


@needs_compiler
def test_one_wrong_reply_among_many_is_found(
    programs: Programs, free_port: int, tmp_path: Path
) -> None:
    answers = [(f"d{n}.example", "OK same") for n in range(50)]
    answers[30] = ("d30.example", "OK other")
    keys = write_keys(tmp_path / "keys", "QUERY", answers)
    with c_server(programs, free_port, "OK same"):
        outcome = run(programs, f"inet:127.0.0.1:{free_port}", keys, PATIENCE, "--once=1")
    assert (outcome.requests, outcome.errors) == (50, 1)
    assert outcome.first_error == "wrong reply: QUERY d30.example: 7:OK same,"


@needs_compiler
@pytest.mark.parametrize("wanted", ["OK same", "TEMP overloaded"])
def test_what_is_put_off_is_no_error(
    programs: Programs, free_port: int, tmp_path: Path, wanted: str
) -> None:
    keys = write_keys(tmp_path / "keys", "QUERY", [(f"d{n}.example", wanted) for n in range(9)])
    with c_server(programs, free_port, "TEMP overloaded"):
        outcome = run(programs, f"inet:127.0.0.1:{free_port}", keys, PATIENCE, "--once=1")
    assert (outcome.requests, outcome.errors) == (9, 0)
    assert outcome.deferred == (0 if wanted.startswith("TEMP") else 9)


@needs_compiler
@pytest.mark.parametrize(
    ("said", "error"),
    [
        ((), "closed before the reply"),
        ((b"7:OK s",), "closed before the reply"),
        ((b"OK same",), "no netstring"),
        ((b"7:OK same,7:OK same,",), "more than was asked for"),
        ((b"8:OK same!,",), "wrong reply"),
        ((b"6:OK sam,",), "wrong reply"),
    ],
)
def test_what_is_no_reply_is_an_error(
    programs: Programs, tmp_path: Path, said: tuple[bytes, ...], error: str
) -> None:
    keys = write_keys(tmp_path / "keys", "QUERY", [("d.example", "OK same")])
    with saying(*said) as address:
        outcome = run(programs, address, keys, "--requests=1")
    assert outcome.errors >= 1
    assert outcome.first_error.startswith(error)


@needs_compiler
def test_what_a_server_says_is_learnt(programs: Programs, free_port: int, tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys", "QUERY", [(f"d{n}.example", "") for n in range(5)])
    with c_server(programs, free_port, "NOTFOUND "):
        address = f"inet:127.0.0.1:{free_port}"
        learning = run(programs, address, keys, PATIENCE, "--once=1", f"--learn={keys}")
        checking = run(programs, address, keys, "--once=1")
    assert read_keys(keys) == {f"QUERY d{n}.example": "NOTFOUND " for n in range(5)}
    assert learning.errors == checking.errors == 0


@needs_compiler
def test_a_unix_socket(programs: Programs, tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys", "QUERY", [("d.example", "OK same")])
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        command = [str(programs.load), f"--address=unix:{path}", f"--keys={keys}", "--requests=1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
            probe, _ = listener.accept()  # it looks first whether anybody is there
            connection, _ = listener.accept()
            with probe, connection:
                assert connection.recv(100) == b"15:QUERY d.example,"
                connection.sendall(b"7:OK ")
                connection.sendall(b"same,")
                outcome = decode(load.communicate()[0])
    assert (outcome.requests, outcome.errors) == (1, 0)


@needs_compiler
@pytest.mark.parametrize(
    "options",
    [
        ["--address=inet:192.0.2.1:80"],
        ["--address=inet:127.0.0.1:99999"],
        ["--address=elsewhere"],
        ["--connections=0"],
        ["--depth=129"],
        ["--seconds=forever"],
        ["--unknown=1"],
        ["--once"],
    ],
)
def test_wrong_usage_is_refused(programs: Programs, tmp_path: Path, options: list[str]) -> None:
    keys = write_keys(tmp_path / "keys", "QUERY", [("d.example", "OK same")])
    command = [str(programs.load), "--address=inet:127.0.0.1:1", f"--keys={keys}", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("load: ")


@needs_compiler
def test_the_c_server_ends_a_connection_that_speaks_something_else(
    programs: Programs, free_port: int, tmp_path: Path
) -> None:
    keys = write_keys(tmp_path / "keys", "QUERY", [("d.example", "OK same")])
    with c_server(programs, free_port, "OK same"):
        run(programs, f"inet:127.0.0.1:{free_port}", keys, PATIENCE, "--requests=1")
        for nonsense in (b"GET / HTTP/1.1\r\n", b":,", b"999999:", b"1:ab"):
            with socket.create_connection(("127.0.0.1", free_port), 20) as connection:
                connection.sendall(nonsense)
                assert connection.recv(100) == b""


@needs_compiler
def test_the_c_server_takes_requests_in_pieces(
    programs: Programs, free_port: int, tmp_path: Path
) -> None:
    keys = write_keys(tmp_path / "keys", "QUERY", [("d.example", "OK same")])
    with c_server(programs, free_port, "OK same"):
        run(programs, f"inet:127.0.0.1:{free_port}", keys, PATIENCE, "--requests=1")
        with socket.create_connection(("127.0.0.1", free_port), 20) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in (b"1", b"1", b":QUERY", b" a.com", b",1:x", b",0:,"):
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as replies:
                received = replies.read()
    assert received == b"7:OK same," * 3


OUTCOME = Outcome(200_000, 0, 0, "", 2.0, 1.0, Latency(1, 2, 3, 4, 5))


def test_which_outcomes_are_accepted() -> None:
    wrong = msgspec.structs.replace(OUTCOME, errors=1, first_error="wrong reply: NOTFOUND")
    put_off = msgspec.structs.replace(OUTCOME, deferred=3)
    assert accepted(OUTCOME, "it", may_defer=False) is OUTCOME
    assert accepted(put_off, "it", may_defer=True) is put_off
    with pytest.raises(ServerError, match="3 look-ups put off"):
        accepted(put_off, "it", may_defer=False)
    for may_defer in (False, True):
        with pytest.raises(ServerError, match="1 errors, the first: wrong reply: NOTFOUND"):
            accepted(wrong, "it", may_defer=may_defer)


def test_a_sample_per_million() -> None:
    assert Sample(OUTCOME, cpu=1.5).per_million == pytest.approx(7.5)


def test_what_the_load_did_not_print() -> None:
    with pytest.raises(BenchError, match="printed"):
        decode("{}")


def test_ways_are_options_of_the_load() -> None:
    assert Way(32, 1, reconnect=True).options() == [
        "--connections=32",
        "--depth=1",
        "--reconnect=1",
    ]
