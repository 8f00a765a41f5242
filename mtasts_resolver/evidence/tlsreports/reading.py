"""Reports from where an administrator has them: files, mailboxes, directories, standard input.

What a file is, its first bytes tell (`contents.py`). What holds no report is counted, for most
mailboxes hold other mail too; what should hold one and cannot be read is named with its place.
"""

import io
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from mtasts_resolver.evidence.inputs.packed import Readable
from mtasts_resolver.evidence.report import ReportInput
from mtasts_resolver.evidence.tlsreports.contents import (
    Content,
    ContentError,
    Unpacked,
    unpacked_contents,
)
from mtasts_resolver.evidence.tlsreports.folding import ReportFolding
from mtasts_resolver.evidence.tlsreports.limits import (
    MAX_FILES,
    MAX_MAIL_BYTES,
    MAX_UNPACKED_ATTACHMENT,
    MAX_UNPACKED_FILE,
    MAX_WORDINGS,
)
from mtasts_resolver.evidence.tlsreports.mailbox import mails_in_mailbox
from mtasts_resolver.evidence.tlsreports.mails import (
    AttachedReport,
    MailError,
    reports_in_mail,
)
from mtasts_resolver.evidence.tlsreports.summed import SummedFile
from mtasts_resolver.tlsrpt import (
    MAX_REPORT_BYTES,
    ReportHints,
    domain_in_file_name,
    read_reports,
    submitter_in_file_name,
)

_MAILDIR = ("new", "cur")  # what is in tmp is still being written (maildir(5))


class ReportPlace(Struct, frozen=True):
    """Something to read."""

    path: Path
    """`-` for standard input."""
    kind: str = ""
    """`mbox` or `maildir` where it must be one; empty for whatever it is."""


def read_tls_reports(
    places: Iterable[ReportPlace],
    folding: ReportFolding,
    *,
    trusted: Collection[str] = (),
    standard_input: BinaryIO | None = None,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> tuple[ReportInput, ...]:
    """Read all places into `folding`, and return what each was; one with a `problem` was not read.

    `trusted` are the names by which trusted mail servers sign Authentication-Results.
    """
    places = list(places)
    inputs = []
    for number, place in enumerate(places):
        progress(number, len(places))
        inputs.append(_PlaceReading(place, folding, trusted).read(standard_input, progress))
    return tuple(inputs)


class _PlaceReading:
    """One place."""

    def __init__(
        self, place: ReportPlace, folding: ReportFolding, trusted: Collection[str]
    ) -> None:
        self._place = place
        self._folding = folding
        self._trusted = trusted
        self._unread: dict[str, tuple[int, str]] = {}  # words: how often, and where first
        self._times: list[float] = []  # the first and the last of its reports

    def read(
        self, standard_input: BinaryIO | None, progress: Callable[[int, int | None], None]
    ) -> ReportInput:
        path, summed, problem = self._place.path, None, ""
        try:
            if path == Path("-") and standard_input is not None:
                summed = SummedFile(standard_input)
                self._read_source(summed, "", "")
            elif path.is_dir():
                self._read_directory(path, progress)
            elif self._place.kind == "maildir" and path.exists():
                self._note("it is no maildir")
            else:
                with path.open("rb", buffering=0) as file:
                    summed = SummedFile(file)
                    self._read_source(summed, path.name, "")
                    summed.sum_up_rest()
        except OSError as error:
            problem = error.strerror or str(error)
        for words, (count, first) in self._unread.items():
            example = f" (first: {first})" if first else ""
            self._folding.leave_unread(f"{path}: {words}{example}", count)
        return ReportInput(
            name=str(path),
            kind="tls-report",
            sha256="" if summed is None else summed.sha256,
            bytes=0 if summed is None else summed.size,
            lines=0,
            first=self._folding.shown(self._times[0]) if self._times else None,
            last=self._folding.shown(self._times[1]) if self._times else None,
            problem=problem,
        )

    def _read_directory(self, path: Path, progress: Callable[[int, int | None], None]) -> None:
        """Read a maildir, or the files of another directory."""
        folders = [folder for name in _MAILDIR if (folder := path / name).is_dir()]
        if self._place.kind == "mbox" or (self._place.kind == "maildir" and not folders):
            self._note(f"it is no {self._place.kind}")
            return
        names = sorted(
            os.path.join(folder, name)  # noqa: PTH118  a million of them
            for folder in (folders or [path])
            for name in os.listdir(folder)  # noqa: PTH208
        )
        if len(names) > MAX_FILES:
            self._note(f"only its first {MAX_FILES:,} files are read", len(names) - MAX_FILES)
        for number, name in enumerate(names[:MAX_FILES]):
            progress(number, len(names))
            with _opened_in_directory(name) as file:
                where = os.path.relpath(name, path)
                if isinstance(file, str):
                    self._note(file, where=where)
                else:
                    self._read_source(file, os.path.basename(name), where)  # noqa: PTH119

    def _read_source(self, source: Readable, name: str, where: str) -> None:
        """Read whatever is in a file."""
        for found in unpacked_contents(source, name, MAX_UNPACKED_FILE):
            if isinstance(found, ContentError):
                self._note(str(found), where=where)
                continue
            try:
                self._read_content(found, where)
            except ContentError as error:
                self._note(str(error), where=where)

    def _read_content(self, found: Unpacked, where: str) -> None:
        if self._place.kind == "mbox" and found.content is not Content.MAILBOX:
            self._note("it is no mbox", where=where)
            return
        match found.content:
            case Content.REPORT:
                data = found.stream.read(MAX_REPORT_BYTES + 1)
                self._read_report(data, _hints_of(found.name, ReportHints()), "", (), where)
            case Content.MAIL:
                self._read_mail(found.stream.read(MAX_MAIL_BYTES + 1), where)
            case Content.MAILBOX:
                for number, mail in enumerate(mails_in_mailbox(found.stream), 1):
                    place = f"mail {number}"
                    if mail is None:
                        self._note(
                            f"a mail is larger than {MAX_MAIL_BYTES // 2**20} MiB", where=place
                        )
                    else:
                        self._read_mail(mail, place)
            case Content.OTHER:
                self._note("it is neither a report nor a mail", where=where)

    def _read_mail(self, data: bytes, where: str) -> None:
        found = False
        try:
            for attached in reports_in_mail(data, self._trusted):
                found |= self._read_attached(attached, where)
        except MailError as error:
            self._note(str(error), where=where)
            return
        if not found:
            self._note("mails without a TLS report", where=where)

    def _read_attached(self, attached: AttachedReport, where: str) -> bool:
        """Read what may be a report, and tell whether it was one, or should have been."""
        hints = _hints_of(attached.name, attached.hints)
        seen = False
        source = io.BytesIO(attached.data)
        for found in unpacked_contents(source, attached.name, MAX_UNPACKED_ATTACHMENT):
            problem = "it is neither a report nor packed"
            try:
                if isinstance(found, ContentError):
                    problem = str(found)
                elif found.content is Content.REPORT:
                    data = found.stream.read(MAX_REPORT_BYTES + 1)
                    sure, odd = attached.is_sure, attached.oddities
                    seen |= self._read_report(data, hints, attached.signer, odd, where, sure=sure)
                    continue
            except ContentError as error:
                problem = str(error)
            if attached.is_sure:
                self._note(problem, where=where)
                seen = True
        return seen

    def _read_report(
        self,
        data: bytes,
        hints: ReportHints,
        signer: str,
        oddities: Collection[str],
        where: str,
        *,
        sure: bool = True,
    ) -> bool:
        read = read_reports(data, hints)
        for report in read.reports:
            self._folding.add(report, signer=signer, oddities=oddities)
            if report.start is not None and report.end is not None:
                times = [*self._times, report.start, report.end]
                self._times = [min(times), max(times)]
        if sure or read.reports:
            for words in read.unread:
                self._note(words, where=where)
        return sure or bool(read.reports)

    def _note(self, words: str, count: int = 1, *, where: str = "") -> None:
        before, first = self._unread.get(words, (0, where))
        if before or len(self._unread) < MAX_WORDINGS:
            self._unread[words] = (before + count, first)
        else:
            self._folding.leave_unread(f"{self._place.path}: more of other kinds", count)


def _hints_of(name: str, known: ReportHints) -> ReportHints:
    """Return what the name of a file tells, where nothing better is known."""
    if known.domain:
        return known
    return ReportHints(domain_in_file_name(name), "the file's name", submitter_in_file_name(name))


@contextmanager
def _opened_in_directory(name: str) -> Iterator[BinaryIO | str]:
    """Yield a file of a directory, or say why it is not read.

    Others may write there: only plain files are read, and no link is followed, for whoever reads
    may be allowed more than they.
    """
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        yield f"a file cannot be opened: {error.strerror}"
        return
    if stat.S_ISREG(os.fstat(opened).st_mode):
        with os.fdopen(opened, "rb", buffering=0) as file:
            yield file
    else:
        os.close(opened)
        yield "something is no plain file"
