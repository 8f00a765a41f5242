"""Who listens at a TCP port of this machine, as far as the user who asks may know."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
_LISTENING = "0A"  # TCP_LISTEN of Linux's include/net/tcp_states.h


class PortHolder(NamedTuple):
    """A process that listens; `str` names it."""

    pid: int
    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"

    @property
    def is_expected(self) -> bool:
        """Tell whether it is a daemon of this program, or systemd, which may listen for one."""
        # An interpreter and its options may stand before the program.
        program = {Path(word).name.replace("_", "-") for word in self.arguments[:3]}
        return self.name == "systemd" or "mtasts-resolver" in program


def holders(port: int) -> list[PortHolder]:
    """Return who listens at `port`, whatever the address; nobody where that cannot be known."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    return [
        _process(process)
        for process in PROC.glob("[0-9]*")
        if sockets and not sockets.isdisjoint(_open_files(process))
    ]


def _inodes(port: int) -> Iterator[str]:
    """Yield the inode of each socket that listens at `port`: proc_net_tcp.rst of Linux."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text("ascii").splitlines()
        except OSError:
            continue  # without IPv6 there is no such table
        for line in lines[1:]:
            _, local, _, state, *_rest = fields = line.split()
            if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                yield fields[9]


def _open_files(process: Path) -> Iterator[str]:
    """Yield what a process has open; nothing of one that is another user's, or has ended."""
    with suppress(OSError):
        for file in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                yield str(file.readlink())


def _process(process: Path) -> PortHolder:
    try:
        name = (process / "comm").read_text("utf-8", "replace").strip()
        arguments = (process / "cmdline").read_text("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        name, arguments = "a process", []
    return PortHolder(int(process.name), name, tuple(arguments))
