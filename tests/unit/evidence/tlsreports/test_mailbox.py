"""Each mail of a mailbox is found, and none that is not one."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.tlsreports import mailbox as mailbox_module
from mtasts_resolver.evidence.tlsreports.mailbox import mails_in_mailbox

BEGINS = b"From tls@sender.example Mon Mar  2 03:04:05 2026\n"


def mails(data: bytes) -> list[bytes | None]:
    return list(mails_in_mailbox(io.BytesIO(data)))


LINES = st.lists(
    st.sampled_from([b"\n", b"\r\n", b"text\n", b"From us with love\n", b">From x\n", b"x" * 99]),
    min_size=1,
    max_size=6,
).map(lambda lines: b"Subject: x\n" + b"".join(lines).rstrip(b"\r\n") + b"\n\n")


@given(st.lists(LINES, max_size=5))
def test_what_was_put_in_comes_out(parts: list[bytes]) -> None:
    assert mails(b"".join(BEGINS + part for part in parts)) == parts


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        (BEGINS, True),
        (b"From MAILER-DAEMON Thu Nov 26 18:00:00 2026\r\n", True),
        (b"From a@b.example  Thu Nov 26 18:00 2026 +0100\n", True),
        (b"From a@b.example Thu Nov 26 18:00:00 CET 2026\n", True),
        (b"From here it is 12:30 to the end.\n", False),
        (b"From a@b.example\n", False),
        (b"From 10:00 on\n", False),
        (b"from a@b.example Thu Nov 26 18:00:00 2026\n", False),
    ],
)
def test_mail_begins_where_the_empty_line_is_missing(line: bytes, begins: bool) -> None:
    assert len(mails(BEGINS + b"a: b\n\ntext\n" + line + b"c: d\n")) == (2 if begins else 1)


def test_mail_that_is_too_large_is_told_and_the_next_one_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox_module, "MAX_MAIL_BYTES", 100)
    data = BEGINS + b"x" * 200_000 + b"\n\n" + BEGINS + b"a: b\n" + BEGINS + b"y\n" * 51
    assert mails(data) == [None, b"a: b\n", None]


def test_line_that_is_cut_begins_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line may be longer than what is looked at together."""
    monkeypatch.setattr(mailbox_module, "_LINE", 4)
    assert mails(b"abcd" + BEGINS + b"\n") == [b"abcd" + BEGINS + b"\n"]


@given(st.binary(max_size=300))
def test_nothing_is_lost(data: bytes) -> None:
    found = mails(data)
    if b"From " not in data:
        assert b"".join(mail or b"" for mail in found) == data
