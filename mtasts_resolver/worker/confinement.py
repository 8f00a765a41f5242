"""What the discoverer gives up before it reads what strangers send.

It has the daemon's user, and the unit's sandbox holds both. So whoever got to run code in it could
write the store, speak to the control socket, or reach into the daemon. From here on the kernel
refuses that:

    Landlock        to write, make or remove a file, whatever is open already; to run a program; to
                    trace another process, or touch its memory; since 4 to listen, since 6 to signal
    filters of      to open a unix socket, which is a way to all who listen at one; an io_uring,
    system calls    through which one could be opened; or a pair of sockets for datagrams, which go
                    to whatever path they name

An event loop opens an io_uring as soon as it is made, so that is refused before.

What remains is to read files, and to speak IP, which it is there for. Where the kernel or a sandbox
around it has neither, it works as before, and the log says so.
"""

import contextlib
import os
import struct
from collections.abc import Sequence

from mtasts_resolver.base import logs

try:
    import ctypes
except (ImportError, MemoryError) as error:  # an older libffi, where no memory may be executed
    WITHOUT_CTYPES = repr(error)
else:
    WITHOUT_CTYPES = ""

log = logs.get(__name__)

# System calls whose numbers are those of every machine.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF, _IO_URING_SETUP = 444, 446, 425
_ABI = 1  # the flag by which the first one tells which version there is

# landlock(7): all of version 1 but to read files and directories; and what came later.
_FILES, _TRUNCATE = 0x1FFF & ~0b1100, 1 << 14
_LISTEN = 1 << 0
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1
_TRUNCATE_SINCE, _LISTEN_SINCE, _SCOPED_SINCE = 3, 4, 6  # the versions

# prctl(2)
_SET_SECCOMP, _FILTER, _SET_NO_NEW_PRIVS = 22, 2, 38

# seccomp(2) and the classic BPF that it runs: code, steps if true, steps if false, operand.
_INSTRUCTION = struct.Struct("HBBI")
_LOAD, _IF_EQUAL, _IF_NO_LESS, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER_AT, _MACHINE_AT, _FIRST_ARGUMENT_AT, _SECOND_ARGUMENT_AT = 0, 4, 16, 24
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # 1 is EPERM
_AF_UNIX = 1
_SOCKET_TYPE, _SOCK_STREAM = 0xF, 1  # the other bits are flags
_POINTER = 8  # bytes
_X32 = 0x40000000  # from this number on they are those of another way to call the kernel
# What the kernel calls the machine, and the numbers of socket(2) and socketpair(2). All have the
# low byte first.
_MACHINES = {
    "x86_64": (0xC000003E, 41, 53),
    "aarch64": (0xC00000B7, 198, 199),
    "riscv64": (0xC00000F3, 198, 199),
}

_Instruction = tuple[int, int, int, int]


def refuse_io_uring() -> None:
    """Give up io_uring, which event loops do without. To be called before there is one.

    Where it cannot be given up, `confine` says so.
    """
    if not WITHOUT_CTYPES:
        with contextlib.suppress(OSError):
            kernel = _Kernel()
            kernel.forbid_privileges()
            kernel.filter_calls(_NO_IO_URING)


def confine() -> None:
    """Give up what discovery does not need, for good. To be called while there is one thread."""
    held, lacking = ([], [WITHOUT_CTYPES]) if WITHOUT_CTYPES else _confined()
    if held:
        log.info("discoverer-confined", by=held)
    if lacking:
        log.info("discoverer-less-confined", reason="; ".join(lacking))


def _confined() -> tuple[list[str], list[str]]:
    """Return by what it is held now, and why by nothing else."""
    try:
        kernel = _Kernel()
    except OSError as error:
        return [], [str(error)]
    held, lacking = [], []
    for name, step in (("landlock", kernel.restrict_files), ("seccomp", kernel.refuse_unix)):
        try:
            kernel.forbid_privileges()
            step()
        except OSError as error:
            lacking.append(f"{name}: {error.strerror}")
        else:
            held.append(name)
    return held, lacking


class _Kernel:
    """The calls for which Python has no function. All raise OSError."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def restrict_files(self) -> None:
        """Have Landlock refuse what it can."""
        version = self._call(_LANDLOCK_CREATE_RULESET, None, 0, _ABI)
        rules = landlock_rules(version)
        opened = self._call(_LANDLOCK_CREATE_RULESET, rules, len(rules), 0)
        try:
            self._call(_LANDLOCK_RESTRICT_SELF, opened, 0)
        finally:
            os.close(opened)

    def forbid_privileges(self) -> None:
        """Gain none by running a program; without this neither of the two is for a plain user."""
        self.prctl(_SET_NO_NEW_PRIVS, 1)

    def refuse_unix(self) -> None:
        """Have the kernel refuse unix sockets."""
        machine = os.uname().machine
        # To the kernel, a Python of 32 bits is another machine: the filter would refuse it all.
        if machine not in _MACHINES or struct.calcsize("P") != _POINTER:
            raise OSError(0, f"no filter is known for {machine}")
        self.filter_calls(_no_unix(machine))

    def filter_calls(self, instructions: Sequence[_Instruction]) -> None:
        """Have the kernel ask these at each system call, beside those that it has."""
        packed = b"".join(_INSTRUCTION.pack(*instruction) for instruction in instructions)
        program = ctypes.create_string_buffer(packed, len(packed))
        address = ctypes.addressof(program)
        self.prctl(_SET_SECCOMP, _FILTER, struct.pack("@HP", len(instructions), address))

    def prctl(self, option: int, *arguments: int | bytes) -> None:
        filled = (*arguments, 0, 0, 0, 0)[:4]
        self._checked(self._libc.prctl(option, *map(self._word, filled)))

    def _call(self, number: int, *arguments: int | bytes | None) -> int:
        return self._checked(self._libc.syscall(number, *map(self._word, arguments)))

    def _word(self, argument: int | bytes | None) -> object:
        """Return an argument as wide as a register: what is less wide leaves the rest undefined."""
        return ctypes.c_long(argument) if isinstance(argument, int) else argument

    def _checked(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result


def landlock_rules(version: int) -> bytes:
    """Return what a version of Landlock is to refuse: of all that is named there nothing is let."""
    files = _FILES | (_TRUNCATE if version >= _TRUNCATE_SINCE else 0)
    words = [files]
    if version >= _LISTEN_SINCE:
        words.append(_LISTEN)
    if version >= _SCOPED_SINCE:
        words.append(_ABSTRACT_SOCKETS | _SIGNALS)
    return struct.pack(f"{len(words)}Q", *words)


# Steps count from the next instruction.
_NO_IO_URING: tuple[_Instruction, ...] = (
    (_LOAD, 0, 0, _NUMBER_AT),
    (_IF_EQUAL, 0, 1, _IO_URING_SETUP),
    (_RETURN, 0, 0, _REFUSE),
    (_RETURN, 0, 0, _ALLOW),
)


def _no_unix(machine: str) -> tuple[_Instruction, ...]:
    """Return the filter for a machine, which refuses io_uring by its other numbers, too."""
    name, socket, pair = _MACHINES[machine]
    return (
        (_LOAD, 0, 0, _MACHINE_AT),
        (_IF_EQUAL, 0, 10, name),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IF_NO_LESS, 8, 0, _X32),
        (_IF_EQUAL, 7, 0, _IO_URING_SETUP),
        (_IF_EQUAL, 3, 0, pair),
        (_IF_EQUAL, 0, 6, socket),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_IF_EQUAL, 3, 4, _AF_UNIX),
        (_LOAD, 0, 0, _SECOND_ARGUMENT_AT),
        (_AND, 0, 0, _SOCKET_TYPE),
        (_IF_EQUAL, 1, 0, _SOCK_STREAM),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    )
