"""The directory that reports are kept in: each in one of its own, and the list of them all.

A report appears whole, or not at all, whenever its run ends: its files are written aside, in
`.NAME`; then the list gets its entry, in one step; then the directory gets its name. A run that was
killed between the last two is finished by the next one, and what it left before them is removed.
Two runs at once wait for each other.
"""

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mtasts_resolver.base.ownfiles import read_plain, write_own
from mtasts_resolver.report.chain import (
    CHAIN_FILE,
    MAX_CHAIN_BYTES,
    ChainedFile,
    ChainEntry,
    ChainFault,
    FaultKind,
    ReportChain,
    chained_file,
    compare_files,
    is_report_name,
    line_of,
    next_entry,
    read_chain,
)

_LOCK = ".lock"
_OURS = {CHAIN_FILE, f"{CHAIN_FILE}.new", _LOCK}
_PIECE = 1 << 20  # bytes that are summed up at a time
_MOST_NAMES = 100  # of a report whose name is taken by what is not in the list


class VerifiedShelf(NamedTuple):
    """What there is, and what is wrong with it."""

    chain: ReportChain
    faults: tuple[ChainFault, ...]


class ReportShelf:
    """The directory. What it does may raise OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, name: str, files: Mapping[str, bytes], made_at: str) -> ReportChain | None:
        """Keep a report, and return the list with it at its end; None if it has one of that name.

        What lies under its name and is in no list stays there, to be seen, and the report gets
        another: `NAME.2`.
        """
        if not all(map(is_report_name, (name, *files))):
            raise ValueError(f"that is no name of a report: {name!a}")
        with self._locked():
            chain = self._finished(self._read())
            if any(entry.name == name for entry in chain.entries):
                return None
            name = self._free(name)
            aside = self._directory / f".{name}"
            _write_directory(aside, files)
            chained = [chained_file(file, data) for file, data in files.items()]
            self._append(next_entry(chain, made_at, name=name, files=chained))
            self._put_in_place(name)
            return self._read()

    def let_go(self, names: list[str], made_at: str, why: str) -> None:
        """Remove the files of reports, which the list says from then on."""
        with self._locked():
            chain = self._finished(self._read())
            names = [name for name in names if name in chain.kept]
            if names:
                self._append(next_entry(chain, made_at, lets_go=names, why=why))
                self._finished(self._read())

    def read(self) -> ReportChain:
        """Return the list."""
        with self._locked(shared=True):
            return self._read()

    def read_file(self, entry: ChainEntry, name: str) -> bytes | None:
        """Return a file of a report; None where it is not what the list says."""
        wanted = next((file for file in entry.files if file.name == name), None)
        directory = self._directory / entry.name
        if wanted is None or directory.is_symlink() or not is_report_name(entry.name):
            return None
        with suppress(OSError), _plain_file(directory / name) as file:
            data = b"" if file is None else file.read(wanted.bytes + 1)
            return data if chained_file(name, data) == wanted else None
        return None

    def verify(self) -> VerifiedShelf:
        """Return the list, and all that is wrong with it and the files."""
        with self._locked(shared=True):
            chain = self._read()
            found: dict[str, dict[str, ChainedFile | None]] = {}
            strange: list[ChainFault] = []
            for entry in sorted(os.scandir(self._directory), key=lambda entry: entry.name):
                if entry.is_dir(follow_symlinks=False):
                    found[entry.name] = _sums_in(Path(entry.path))
                elif entry.name not in _OURS:
                    what = "it is no directory of a report"
                    strange.append(ChainFault(FaultKind.BROKEN, entry.name, what))
            if found and not (self._directory / CHAIN_FILE).exists():
                strange.append(ChainFault(FaultKind.BROKEN, CHAIN_FILE, "the list is gone"))
        return VerifiedShelf(chain, (*chain.faults, *strange, *compare_files(chain, found)))

    def _read(self) -> ReportChain:
        return read_chain(self._data())

    def _data(self) -> bytes:
        try:
            data = read_plain(self._directory / CHAIN_FILE, MAX_CHAIN_BYTES + 1)
        except FileNotFoundError:
            return b""
        if len(data) > MAX_CHAIN_BYTES:  # to go on with a part of it would cut off the rest
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(self._directory / CHAIN_FILE))
        return data

    def _append(self, entry: ChainEntry) -> None:
        data = self._data()
        if data and not data.endswith(b"\n"):
            data += b"\n"  # the break stays to be seen, and no entry is written into it
        write_own(self._directory / CHAIN_FILE, data + line_of(entry))

    def _finished(self, chain: ReportChain) -> ReportChain:
        """Finish what a run that was interrupted has begun, or remove it; return the list."""
        kept, gone = chain.kept, chain.let_go
        for entry in list(os.scandir(self._directory)):
            name = entry.name.removeprefix(".")
            if not entry.is_dir(follow_symlinks=False):
                continue
            if not entry.name.startswith("."):
                if name in gone:
                    shutil.rmtree(entry.path)
            elif name not in kept:
                shutil.rmtree(entry.path)
            elif not (self._directory / name).exists() and _fits(Path(entry.path), kept[name]):
                self._put_in_place(name)
        return chain

    def _refuse_others(self) -> None:
        """Raise OSError where the directory is another user's, who could not read what is written.

        Root could write there; but that user could lead it elsewhere, by a link.
        """
        owner = self._directory.stat().st_uid
        if owner != os.geteuid():
            raise PermissionError(
                errno.EPERM,
                f"it belongs to the user {owner}: have that one write, as the service does that"
                " keeps reports",
                str(self._directory),
            )

    def _put_in_place(self, name: str) -> None:
        (self._directory / f".{name}").rename(self._directory / name)
        _sync_directory(self._directory)

    def _free(self, name: str) -> str:
        for number in range(1, _MOST_NAMES):
            other = name if number == 1 else f"{name}.{number}"
            if not (self._directory / other).exists():
                return other
        raise FileExistsError(f"{self._directory / name} and many like it are there already")

    @contextmanager
    def _locked(self, *, shared: bool = False) -> Iterator[None]:
        """Wait for other runs, and have them wait; who only reads may lack the right to."""
        path = self._directory / _LOCK
        if not shared:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            self._refuse_others()
        flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        flags |= os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT
        try:
            lock = os.open(path, flags, 0o600)
        except (FileNotFoundError, PermissionError):
            if not shared:
                raise
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _write_directory(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a new directory, on the disk."""
    directory.mkdir(mode=0o700)
    for name, data in files.items():
        with (directory / name).open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    _sync_directory(directory)


def _sync_directory(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _sums_in(directory: Path) -> dict[str, ChainedFile | None]:
    """Return what the files of a directory are now; None for one that is not to be read."""
    return {entry.name: _sum_of_file(Path(entry.path)) for entry in os.scandir(directory)}


def _fits(directory: Path, entry: ChainEntry) -> bool:
    return _sums_in(directory) == {file.name: file for file in entry.files}


def _sum_of_file(path: Path) -> ChainedFile | None:
    with suppress(OSError), _plain_file(path) as file:
        if file is not None:
            total, size = hashlib.sha256(), 0
            while piece := file.read(_PIECE):
                total.update(piece)
                size += len(piece)
            return ChainedFile(path.name, size, total.hexdigest())
    return None


@contextmanager
def _plain_file(path: Path) -> Iterator[BinaryIO | None]:
    """Yield a file, None for what is none; no link is followed. Raise OSError."""
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(opened, "rb") as file:
        yield file if stat.S_ISREG(os.fstat(opened).st_mode) else None
