"""The list of the reports that were written: a chain, each of whose entries names the one before.

An entry is a line of JSON. It has the sums of its report's files, and the sum of the line before,
without its end of line: whoever changes, removes, inserts or moves an entry breaks the chain behind
it, and whoever changes or removes a file is told by its entry.

    {"number":1,"previous":"000...","made_at":"...","kind":"report","name":"2026-10","files":[...]}
    {"number":2,"previous":"5d41...","made_at":"...","kind":"report","name":"2026-11","files":[...]}
    {"number":3,"previous":"7b20...","made_at":"...","kind":"let-go","lets_go":["2026-10"]}

What it cannot show by itself is that its end was cut off, or that somebody wrote all of it anew:
whoever can write here can do that. It shows as soon as the sum of one entry, the head of its time,
was kept elsewhere: in a mail, in the journal of another host, on paper.

All of this is pure: bytes and sums in, faults out.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec
from msgspec import Struct

from mtasts_resolver.base.undecodable import UNDECODABLE

BEGINNING = "0" * 64
"""The predecessor of the first entry."""
CHAIN_FILE = "SHA256CHAIN"
"""The list, beside the directories of the reports."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}\Z", re.ASCII)
MAX_CHAIN_BYTES = 64 * 1024 * 1024
"""Of the list: a report a day of ten files is 700 KB a year."""


class EntryKind(StrEnum):
    """What an entry says."""

    REPORT = "report"
    """A report was written."""
    LET_GO = "let-go"
    """The files of reports were removed, by rule."""


class ChainedFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a report, and what it held when it was written."""

    name: str
    bytes: int
    sha256: str


class ChainEntry(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line of the list."""

    number: int
    """From 1 on."""
    previous: str
    """The sum of the line before."""
    made_at: str
    kind: EntryKind
    name: str = ""
    """Of the report, and of its directory."""
    files: tuple[ChainedFile, ...] = ()
    lets_go: tuple[str, ...] = ()
    """The names of the reports whose files were removed."""
    why: str = ""


class FaultKind(StrEnum):
    """How bad it is."""

    UNFINISHED = "unfinished"
    """Something is there that a run that was interrupted leaves, or that somebody has put there."""
    BROKEN = "broken"
    """It is not as it was written."""


class ChainFault(Struct, frozen=True):
    """Something that is not as it should be."""

    kind: FaultKind
    about: str
    """An entry, as `entry 3 (2026-10)`, or a file."""
    what: str


class ReportChain(Struct, frozen=True):
    """The list as it was read."""

    entries: tuple[ChainEntry, ...]
    """Those that could be read."""
    sums: tuple[str, ...]
    """Of each of its lines, readable or not."""
    faults: tuple[ChainFault, ...]

    @property
    def head(self) -> str:
        """Return the sum of the last line: keep it elsewhere, and all before it is proved."""
        return self.sums[-1] if self.sums else BEGINNING

    @property
    def reports(self) -> tuple[ChainEntry, ...]:
        """Return the entries of reports, the last one last."""
        return tuple(entry for entry in self.entries if entry.kind is EntryKind.REPORT)

    @property
    def kept(self) -> dict[str, ChainEntry]:
        """Return the reports whose files must be there, by name."""
        gone = {name for entry in self.entries for name in entry.lets_go}
        return {entry.name: entry for entry in self.reports if entry.name not in gone}

    @property
    def let_go(self) -> frozenset[str]:
        """Return the names of the reports whose files were removed by rule."""
        return frozenset(name for entry in self.entries for name in entry.lets_go)


def sum_of(data: bytes) -> str:
    """Return the SHA-256 of some bytes, as sha256sum(1) shows it."""
    return hashlib.sha256(data).hexdigest()


def chained_file(name: str, data: bytes) -> ChainedFile:
    """Return what an entry says of a file."""
    return ChainedFile(name, len(data), sum_of(data))


def next_entry(
    chain: ReportChain,
    made_at: str,
    *,
    name: str = "",
    files: Sequence[ChainedFile] = (),
    lets_go: Sequence[str] = (),
    why: str = "",
) -> ChainEntry:
    """Return the entry that comes next: of a report that was written, or of some that were let go.

    A list that is broken goes on: what is behind the break is chained, and the break stays to be
    seen.
    """
    return ChainEntry(
        number=len(chain.sums) + 1,
        previous=chain.head,
        made_at=made_at,
        kind=EntryKind.LET_GO if lets_go else EntryKind.REPORT,
        name=name,
        files=tuple(files),
        lets_go=tuple(lets_go),
        why=why,
    )


def line_of(entry: ChainEntry) -> bytes:
    """Return an entry as its line."""
    return msgspec.json.encode(entry) + b"\n"


def read_chain(data: bytes) -> ReportChain:
    """Return the list that `data` is, with all that is wrong within it."""
    lines = data.split(b"\n")
    faults: list[ChainFault] = []
    if lines.pop():
        faults.append(ChainFault(FaultKind.BROKEN, "the list", "its last line is cut off"))
    entries: list[ChainEntry] = []
    sums: list[str] = []
    seen: set[str] = set()
    for place, line in enumerate(lines, 1):
        try:
            entry = msgspec.json.decode(line, type=ChainEntry)
        except UNDECODABLE as error:
            faults.append(ChainFault(FaultKind.BROKEN, f"line {place}", f"it is no entry: {error}"))
        else:
            faults += _broken_links(entry, place, sums[-1] if sums else BEGINNING)
            if entry.kind is EntryKind.REPORT:
                if not is_report_name(entry.name):
                    what = "that is no name of a report"
                    faults.append(ChainFault(FaultKind.BROKEN, titled(entry), what))
                elif entry.name in seen:
                    what = "an entry before it has the same name"
                    faults.append(ChainFault(FaultKind.BROKEN, titled(entry), what))
                seen.add(entry.name)
            entries.append(entry)
        sums.append(sum_of(line))
    return ReportChain(tuple(entries), tuple(sums), tuple(faults))


def is_report_name(name: str) -> bool:
    """Tell whether a report, its directory or one of its files may be called so."""
    return _NAME.match(name) is not None


def titled(entry: ChainEntry) -> str:
    """Return what an entry is called in words."""
    return f"entry {entry.number} ({entry.name or entry.kind.value})"


def _broken_links(entry: ChainEntry, place: int, before: str) -> Iterator[ChainFault]:
    if entry.number != place:
        yield ChainFault(
            FaultKind.BROKEN,
            titled(entry),
            f"it stands at place {place}: entries before it were removed, inserted or moved",
        )
    if entry.previous != before:
        behind = f"the one at place {place - 1}" if place > 1 else "the beginning"
        yield ChainFault(
            FaultKind.BROKEN,
            titled(entry),
            f"it was written behind another entry than {behind}, which was changed, removed,"
            " inserted or moved",
        )


def compare_files(
    chain: ReportChain, found: Mapping[str, Mapping[str, ChainedFile | None]]
) -> Iterator[ChainFault]:
    """Yield what is wrong with the files; `found` has those of each directory, None if unreadable.

    A directory whose name begins with a dot is one that a run was interrupted over.
    """
    kept = chain.kept
    for name, entry in kept.items():
        if name in found:
            yield from _compared(entry, found[name])
        elif f".{name}" in found:
            yield ChainFault(
                FaultKind.UNFINISHED,
                titled(entry),
                "the run that wrote it was interrupted: its files are still in"
                f" .{name}, and the next run puts them into their place",
            )
        else:
            yield ChainFault(FaultKind.BROKEN, titled(entry), "its files are gone")
    for name in sorted(found.keys() - kept.keys()):
        if name.removeprefix(".") in kept:
            continue
        if name.startswith("."):
            what = (
                "a run was interrupted before its report was in the list: the next run removes it"
            )
        elif name in chain.let_go:
            what = "the list says that its files were removed: the next run removes those left"
        else:
            what = "it is not in the list: somebody has put it here, or has cut off the list's end"
        unfinished = name.startswith(".") or name in chain.let_go
        yield ChainFault(FaultKind.UNFINISHED if unfinished else FaultKind.BROKEN, name, what)


def _compared(entry: ChainEntry, found: Mapping[str, ChainedFile | None]) -> Iterator[ChainFault]:
    for file in entry.files:
        there = found.get(file.name)
        about = f"{entry.name}/{file.name}"
        if file.name not in found:
            yield ChainFault(FaultKind.BROKEN, about, "it is gone")
        elif there is None:
            yield ChainFault(FaultKind.BROKEN, about, "it cannot be read, or is no plain file")
        elif there != file:
            yield ChainFault(
                FaultKind.BROKEN,
                about,
                f"it was changed: it has {there.bytes:,} bytes with the sum {there.sha256}, and had"
                f" {file.bytes:,} with {file.sha256}",
            )
    for name in sorted(found.keys() - {file.name for file in entry.files}):
        yield ChainFault(FaultKind.BROKEN, f"{entry.name}/{name}", "it is not in the list")
