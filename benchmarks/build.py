"""The C programs of the benchmarks, compiled when they are needed."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FLAGS = ("-O2", "-std=gnu11", "-Wall", "-Wextra")
COMPILERS = ("cc", "gcc", "clang")


class BenchError(Exception):
    """The benchmarks cannot run; the text says what is missing or what failed."""


class ServerError(BenchError):
    """A server does not do what it should."""

    def __init__(self, server: str, what: str) -> None:
        super().__init__(f"{server}: {what}")
        self.server = server


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the compiled programs are."""

    load: Path
    epoll_server: Path
    compiler: str
    """Its name and version, for the page."""


def compile_programs(directory: Path) -> Programs:
    """Compile both programs into `directory`. Raise BenchError."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise BenchError(f"a C compiler is needed ({', '.join(COMPILERS)}); on Debian: gcc")
    version = _output(compiler, "--version").splitlines()[0]
    return Programs(
        load=_compiled(compiler, "load", directory),
        epoll_server=_compiled(compiler, "epoll_server", directory),
        compiler=f"{version}, {FLAGS[0]}",
    )


def _compiled(compiler: str, name: str, directory: Path) -> Path:
    program = directory / name
    _output(compiler, *FLAGS, "-o", str(program), str(HERE / f"{name}.c"))
    return program


def _output(*command: str) -> str:
    done = subprocess.run(  # noqa: S603  the compiler, on our own files
        command, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
    return done.stdout
