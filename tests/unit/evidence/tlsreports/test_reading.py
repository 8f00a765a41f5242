"""Reports are found wherever an administrator has them."""

import base64
import gzip
import io
import json
import lzma
import os
import zipfile
from datetime import UTC
from email import message_from_bytes
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.text import MIMEText
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.report import ReportInput, TlsReports
from mtasts_resolver.evidence.tlsreports import (
    ReportFolding,
    ReportPlace,
    read_tls_reports,
    reading,
)
from mtasts_resolver.evidence.tlsreports.limits import MAX_FORWARDED, MAX_MAIL_LINES, MAX_PARTS
from tests.unit.tlsrpt.made import REPORT

from .mailed import (
    NAME,
    OURS,
    attachment,
    mail,
    mailbox,
    numbered,
    other_mail,
    packed,
    report_mail,
)

pytestmark = pytest.mark.row("T2")

PLAIN = json.dumps(REPORT).encode()


def read(*places: Path | ReportPlace, **options: Any) -> tuple[TlsReports, tuple[ReportInput, ...]]:
    folding = ReportFolding(UTC)
    named = [place if isinstance(place, ReportPlace) else ReportPlace(place) for place in places]
    inputs = read_tls_reports(named, folding, **options)
    return folding.result(), inputs


def read_bytes(data: bytes, **options: Any) -> TlsReports:
    result, _ = read(Path("-"), standard_input=io.BytesIO(data), **options)
    return result


def unread(result: TlsReports) -> dict[str, int]:
    return {row.name: row.count for row in result.unread}


def zipped(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def encoded(data: bytes, encoding: str, kind: str = "application/tlsrpt+gzip") -> MIMEBase:
    part = MIMEBase(*kind.split("/"))
    part.set_payload(data.decode("latin-1"))
    if encoding:
        part["Content-Transfer-Encoding"] = encoding
    part.add_header("Content-Disposition", "attachment", filename=NAME)
    return part


def quoted(data: bytes) -> bytes:
    return b"".join(
        b"=%02X" % byte + (b"=\n" if number % 20 == 19 else b"") for number, byte in enumerate(data)
    )


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        packed(),
        gzip.compress(packed()),
        lzma.compress(packed()),
        zipped(("report.json", PLAIN)),
        zipped(("a/", b""), ("a/report.json.gz", packed())),
        report_mail(),
        gzip.compress(report_mail()),
        mailbox(report_mail()),
        gzip.compress(mailbox(report_mail())),
        report_mail().replace(b"\n", b"\r\n"),
        mailbox(report_mail()).replace(b"\n", b"\r\n"),
        mail(attachment(PLAIN, "tlsrpt+json")),
        mail(encoded(quoted(packed()), "quoted-printable")),
        mail(encoded(PLAIN, "7bit", "application/tlsrpt+json")),
        mail(encoded(base64.encodebytes(packed()), "")),
        mail(attachment(packed(), "gzip")),
        mail(attachment(packed(), "octet-stream", "")),
        mail(attachment(PLAIN, "json", "x.json")),
        mail(attachment(zipped(("x.json", PLAIN)), "zip", "x.zip")),
        mail(MIMEText(PLAIN.decode())),
        mail(MIMEMessage(message_from_bytes(report_mail())), subtype="mixed"),
        mail(attachment(packed()), subtype="mixed"),
        b"From tls@sender.example  Mon Mar  2 03:04:05 2026\n" + report_mail(),
    ],
    ids=[f"{number}" for number in range(24)],
)
def test_report_is_found_however_it_is_packed(data: bytes) -> None:
    result = read_bytes(data)
    assert unread(result) == {}
    assert (result.reports, result.successful, result.failed) == (1, 96, 4)


def test_mail_as_the_rfc_has_it_is_not_odd() -> None:
    assert read_bytes(report_mail()).oddities == ()


@pytest.mark.parametrize(
    ("data", "oddity"),
    [
        (mail(attachment(packed(), "gzip")), "its media type is 'application/gzip'"),
        (mail(attachment(packed()), subtype="mixed"), "its mail is no multipart/report of tlsrpt"),
        (
            report_mail(headers={"TLS-Report-Domain": None}),
            "its mail has no TLS-Report-Domain or no TLS-Report-Submitter",
        ),
        (report_mail(headers={"DKIM-Signature": None}), "its mail has no DKIM-Signature"),
        (
            mail(encoded(base64.encodebytes(packed()), "")),
            "its mail does not say that it is base64",
        ),
    ],
    ids=["type", "no report", "no domain", "no signature", "base64"],
)
def test_what_is_odd_about_a_mail_is_named(data: bytes, oddity: str) -> None:
    assert [row.name for row in read_bytes(data).oddities] == [oddity]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"TLS-Report-Domain": None, "TLS-Report-Submitter": None},
        {"Subject": "=?utf-8?q?A_report?="},
    ],
)
def test_mail_tells_domain_and_sender_that_the_report_does_not(headers: dict[str, Any]) -> None:
    report: dict[str, Any] = json.loads(PLAIN)
    del report["policies"][0]["policy"]["policy-domain"], report["organization-name"]
    data = mail(attachment(packed(report), name="report.json.gz"), headers=headers)
    (failed, well) = read_bytes(data).rows
    assert (failed.domain, failed.organization) == ("our.example", "sender.example")
    assert (well.domain, well.organization) == ("our.example", "sender.example")


def test_files_name_tells_domain_and_sender(tmp_path: Path) -> None:
    report: dict[str, Any] = json.loads(PLAIN)
    del report["policies"][0]["policy"]["policy-domain"], report["organization-name"]
    (tmp_path / NAME).write_bytes(packed(report))
    result, _ = read(tmp_path / NAME)
    assert {(row.domain, row.organization) for row in result.rows} == {
        ("our.example", "sender.example")
    }
    assert "policy-domain is missing; taken from the file's name" in {
        row.name for row in result.oddities
    }


def test_mailbox_is_read_mail_by_mail() -> None:
    body = "json\n\nFrom here on it is text.\n\nFrom us\n"
    mails = [report_mail(numbered(number)) for number in range(3)]
    result = read_bytes(mailbox(mails[0], other_mail(body), mails[1], report_mail({}), mails[2]))
    assert result.reports == 3
    assert unread(result) == {
        "-: mails without a TLS report (first: mail 2)": 1,
        "-: it is no TLS report: it has no policies (first: mail 4)": 1,
    }


def test_reports_of_another_kind_in_the_same_mailbox_are_other_mail() -> None:
    dmarc = mail(
        attachment(gzip.compress(b"<feedback/>"), "gzip", "a!b!1!2.xml.gz"),
        attachment(zipped(("a.xml", b"<feedback/>")), "zip", "a!b!1!2.zip"),
        attachment(b'{"some": "json"}', "json", "x.json"),
        subtype="mixed",
        headers={"TLS-Report-Domain": None, "Subject": "Report Domain: our.example"},
    )
    assert unread(read_bytes(dmarc)) == {"-: mails without a TLS report": 1}


def test_maildir_is_read_and_what_is_still_written_is_not(tmp_path: Path) -> None:
    for number, folder in enumerate(("new", "cur", "tmp")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{number}.host:2,S").write_bytes(report_mail(numbered(number)))
    (tmp_path / "cur" / "9.host:2,").write_bytes(other_mail())
    (tmp_path / "dovecot.index").write_bytes(b"\0")
    result, (source,) = read(ReportPlace(tmp_path, "maildir"))
    assert result.reports == 2
    where = f"{tmp_path}: mails without a TLS report (first: cur/9.host:2,)"
    assert unread(result) == {where: 1}
    assert (source.kind, source.sha256, source.problem) == ("tls-report", "", "")
    assert source.first == "2026-03-01T00:00:00+00:00"
    assert source.last == "2026-03-01T23:59:59+00:00"


def test_directory_is_read_and_only_its_plain_files(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(packed())
    secret = tmp_path.parent / "secret.json"
    secret.write_bytes(json.dumps(numbered(2)).encode())
    (tmp_path / "link.json").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "within").mkdir()
    result, _ = read(tmp_path)
    assert result.reports == 1
    assert unread(result) == {
        f"{tmp_path}: a file cannot be opened: Too many levels of symbolic links"
        " (first: link.json)": 1,
        f"{tmp_path}: something is no plain file (first: pipe)": 2,
    }


def test_each_input_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "reports.json"
    data = PLAIN + b"\n" * 100_000
    file.write_bytes(data)
    _, (there, missing) = read(file, tmp_path / "none")
    assert (there.name, there.bytes) == (str(file), len(data))
    assert there.sha256 == sha256(data).hexdigest()
    assert there.problem == ""
    assert missing.problem == "No such file or directory"


@pytest.mark.parametrize(
    ("kind", "data", "problem"),
    [("mbox", PLAIN, "it is no mbox"), ("mbox", report_mail(), "it is no mbox")],
    ids=["report", "mail"],
)
def test_what_is_not_what_it_is_said_to_be_is_named(
    tmp_path: Path, kind: str, data: bytes, problem: str
) -> None:
    (tmp_path / "x").write_bytes(data)
    result, _ = read(ReportPlace(tmp_path / "x", kind), ReportPlace(tmp_path, "maildir"))
    assert result.reports == 0
    assert unread(result) == {f"{tmp_path}/x: {problem}": 1, f"{tmp_path}: it is no maildir": 1}
    result, _ = read(ReportPlace(tmp_path / "x", "maildir"), ReportPlace(tmp_path, "mbox"))
    assert unread(result) == {f"{tmp_path}/x: it is no maildir": 1, f"{tmp_path}: it is no mbox": 1}


BOMB = gzip.compress(b" " * 20_000_000, mtime=0)
CUT = packed()[:100]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "there is nothing in it"),
        (b"\x89PNG\r\n", "it is neither a report nor a mail"),
        (CUT, "it is cut off: the JSON does not end"),
        (packed()[:40] + b"\0" * 40 + packed()[80:], "it is damaged: "),
        (b"PK\x03\x04" + b"x" * 100, "the zip file is damaged: "),
        (gzip.compress(gzip.compress(gzip.compress(packed()))), "it is packed more than 3 times"),
        (BOMB, "it is neither a report nor a mail"),
        (gzip.compress(b"[" + b" " * 20_000_000, mtime=0), "it is larger than 16 MiB"),
        (mail(attachment(BOMB)), "it is neither a report nor packed"),
        (mail(attachment(gzip.compress(BOMB * 2))), "it is neither a report nor packed"),
        (mail(attachment(CUT)), "it is cut off: the JSON does not end"),
        (mail(attachment(b"x")), "it is neither a report nor packed"),
        (b"Subject: json\n" + b"a:\n" * (2 * MAX_MAIL_LINES), "the mail has more than 500,000"),
        (
            b"Content-Type: multipart/mixed; boundary=json\n\n" + b"--json\n\n" * (MAX_PARTS + 1),
            "the mail has more than 1,000 parts",
        ),
        (
            b"Subject: json\n" + b"Content-Type: message/rfc822\n\n" * (MAX_FORWARDED + 1),
            "the mail has more than 20 mails within it",
        ),
    ],
    ids=[f"{number}" for number in range(15)],
)
def test_what_cannot_be_read_is_named_and_bounded(data: bytes, words: str) -> None:
    result = read_bytes(data)
    assert result.reports == 0
    assert [line for line in unread(result) if line.startswith(f"-: {words}")]


@pytest.mark.threat("tls-report-bomb")
def test_many_reports_in_a_zip_file_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_UNPACKED_ATTACHMENT", 1_000_000)
    bomb = b"[" + b" " * 300_000
    data = zipped(*[(f"{number}.json", bomb) for number in range(6)], ("last.json", PLAIN))
    result = read_bytes(mail(attachment(data, "zip", "x.zip")))
    assert result.reports == 0
    assert unread(result) == {
        "-: it is cut off: the JSON does not end": 3,
        "-: it unpacks to more than is allowed": 4,
    }


def test_file_behind_a_damaged_one_in_a_zip_file_is_read() -> None:
    result = read_bytes(zipped(("a.json.gz", CUT), ("b.json", PLAIN)))
    assert result.reports == 1
    assert unread(result) == {
        "-: it is cut off: the JSON does not end": 1,
        "-: it is damaged: it ends before its packed content does": 1,
    }


def test_what_can_be_unpacked_is_read_where_the_rest_cannot() -> None:
    whole = mailbox(*(report_mail(numbered(number)) for number in range(40)))
    result = read_bytes(gzip.compress(whole)[:-50])
    assert 20 < result.reports < 40
    words = "-: it is damaged: it ends before its packed content does"
    assert [line for line in unread(result) if line.startswith(words)]
    result = read_bytes(packed() + b"\r\n")
    assert result.reports == 1
    (words,) = unread(result)
    assert words.startswith("-: it is damaged: ")


def test_words_of_strangers_are_printable(tmp_path: Path) -> None:
    report = {**REPORT, "organization-name": "\x1b[31mBank\u202e\n"}
    data = mail(attachment(packed(report), "\x1b[31m"))
    result = read_bytes(data)
    words = [row.name for row in (*result.unread, *result.oddities)]
    words += [text for row in result.rows for text in (row.organization, row.mx, row.reason)]
    assert all(text.isprintable() for text in words)
    assert result.rows[0].organization == "\\x1b[31mBank\\u202e"


@pytest.mark.row("T3")
@pytest.mark.parametrize(
    ("results", "trusted", "signers"),
    [
        (f"{OURS}; dkim=pass header.d=sender.example", [OURS], {"sender.example": 1}),
        (
            f"{OURS.upper()} 1; spf=pass; dkim=pass header.i=@sender.example",
            [OURS],
            {"sender.example": 1},
        ),
        (f"{OURS}; dkim=pass header.d=sender.example", [], {}),
        ("mx.elsewhere.example; dkim=pass header.d=sender.example", [OURS], {}),
        (f"{OURS}; dkim=fail header.d=sender.example", [OURS], {}),
        (f"{OURS}; dkim=pass header.d=evil.example", [OURS], {}),
        (f"{OURS}; none", [OURS], {}),
    ],
)
def test_trusted_server_vouches_for_the_domain_that_signed(
    results: str, trusted: list[str], signers: dict[str, int]
) -> None:
    result = read_bytes(report_mail(headers={"Authentication-Results": results}), trusted=trusted)
    assert {row.name: row.count for row in result.signers} == signers
    assert result.reports == 1


@pytest.mark.threat("tls-report-forged")
@pytest.mark.row("T3")
def test_nobody_vouches_for_a_mail_that_was_forwarded() -> None:
    headers = {"Authentication-Results": f"{OURS}; dkim=pass header.d=sender.example"}
    inner = message_from_bytes(report_mail(headers=headers))
    result = read_bytes(mail(MIMEMessage(inner), subtype="mixed"), trusted=[OURS])
    assert (result.reports, result.signers) == (1, ())


WHOLE = report_mail(headers={"Authentication-Results": f"{OURS}; dkim=pass"})


@given(st.integers(0, len(WHOLE)), st.integers(0, 60), st.binary(max_size=6))
def test_mangled_mail_is_read_or_named(start: int, length: int, filling: bytes) -> None:
    result = read_bytes(WHOLE[:start] + filling + WHOLE[start + length :], trusted=[OURS])
    assert result.reports or result.unread


HEADER = st.sampled_from(
    [
        *("Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Subject", "From"),
        *("TLS-Report-Domain", "Authentication-Results"),
    ]
)
WORDS = st.lists(
    st.sampled_from(
        [
            *(
                "multipart/report",
                "message/rfc822",
                "; boundary=",
                "x",
                '"',
                "=?utf-8?b?",
                "?=",
                "=",
            ),
            *("filename*0*=", "''", "filename*=", "%FF", "\xff", "(", ")", ";", "base64", "json"),
            *("report-type*1=", "dkim=pass", "header.d", "@", "<", "\n ", "[", "\\"),
        ]
    ),
    max_size=12,
).map("".join)


@given(st.lists(st.tuples(HEADER, WORDS), max_size=5), st.binary(max_size=40))
def test_whatever_headers_say_the_mail_is_read_or_named(
    headers: list[tuple[str, str]], body: bytes
) -> None:
    lines = [f"{name}: {value}\n".encode("latin-1") for name, value in headers]
    data = b"X: json\n" + b"".join(lines) + b"\n--x\n\n" + body + b"\n--x--\n"
    result = read_bytes(data, trusted=[OURS])
    assert result.reports or result.unread


@pytest.mark.threat("tls-report-garbage")
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_named(data: bytes) -> None:
    assert read_bytes(data).unread
