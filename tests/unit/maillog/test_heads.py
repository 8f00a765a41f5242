"""Whatever stands before a message: who wrote it, where and when."""

import pytest

from tests.unit.maillog.lines import read

MESSAGE = "connect from client.example[192.0.2.1]"
TIME = 1_793_872_812.0  # 2026-11-05 10:00:12 UTC


@pytest.mark.parametrize(
    "head",
    [
        "Nov  5 10:00:12 mx postfix/smtpd[7]: ",
        "Nov 05 10:00:12 mx postfix/smtpd[7]: ",
        "Nov  5 2026 10:00:12 mx postfix/smtpd[7]: ",
        "<22>Nov  5 10:00:12 mx postfix/smtpd[7]: ",
        "2026-11-05T10:00:12Z mx postfix/smtpd[7]: ",
        "2026-11-05T10:00:12+00:00 mx postfix/smtpd[7]: ",
        "2026-11-05T11:30:12+01:30 mx postfix/smtpd[7]: ",
        "2026-11-05T05:00:12-0500 mx postfix/smtpd[7]: ",
        "2026-11-05 10:00:12  mx postfix/smtpd[7]:  ",
        "1793872812.000000 mx postfix/smtpd[7]: ",
        "Thu 2026-11-05 10:00:12 UTC mx postfix/smtpd[7]: ",
        "<22>1 2026-11-05T10:00:12.000Z mx postfix/smtpd 7 - - ",
        "mail-1  | 2026-11-05T10:00:12.000000+00:00 mx INFO    postfix/smtpd[7]: ",
        "2026-11-05T10:00:12.000000000Z Nov  5 11:00:12 mx postfix/smtpd[7]: ",
        "2026-11-05T10:00:12.000000000Z stdout F Nov  5 11:00:12 mx postfix/smtpd[7]: ",
        "Nov  5 10:00:12 mx mail.info postfix/smtpd[7]: ",
        "Nov  5 10:00:12 <mail.info> mx postfix/smtpd[7]: ",
        "Nov  5 10:00:12 mx postfix/smtpd[7]: [ID 197553 mail.info] ",
        "\0\0\0\0Nov  5 10:00:12 mx postfix/smtpd[7]: ",
    ],
)
def test_each_form_says_the_same(head: str) -> None:
    line = read(head + MESSAGE + "\r\n")
    assert line is not None
    assert (line.time, line.host, line.service, line.daemon) == (TIME, "mx", "postfix", "smtpd")
    assert (line.pid, line.message) == (7, MESSAGE)


@pytest.mark.parametrize(
    ("program", "service", "daemon", "pid"),
    [
        ("postfix/relay/smtp[1]:", "postfix/relay", "smtp", 1),
        ("postfix-out/smtp[2]:", "postfix-out", "smtp", 2),
        ("postfix:25/smtpd[3]:", "postfix:25", "smtpd", 3),
        ("enforced/smtp[]:", "enforced", "smtp", None),
        ("postfix-mx/content-filter/smtp[4]:", "postfix-mx/content-filter", "smtp", 4),
        ("postfix/smtp:", "postfix", "smtp", None),
        ("postfix/smtp", "postfix", "smtp", None),
        ("postfix/anything-new[5]:", "postfix", "anything-new", 5),
    ],
)
def test_each_form_of_a_program(program: str, service: str, daemon: str, pid: int | None) -> None:
    line = read(f"Nov  5 10:00:12 mx {program} Something that nobody knows")
    assert line is not None
    assert (line.service, line.daemon, line.pid) == (service, daemon, pid)
    assert line.message == "Something that nobody knows"


@pytest.mark.parametrize("host", ["mx1.example", "mail.info.example", "mx.org", "local0", "MAIL"])
def test_a_host_may_look_a_little_like_a_facility(host: str) -> None:
    for program in ("postfix/smtpd[7]:", "postfix/smtpd", "INFO postfix/smtpd[7]:"):
        line = read(f"Nov  5 10:00:12 {host} {program} {MESSAGE}")
        assert line is not None
        assert line.host == host


@pytest.mark.parametrize(
    "head", ["Nov  5 10:00:12 ", "2026-11-05T10:00:12Z ", "2026-11-05T10:00:12Z INFO    "]
)
def test_a_log_without_hosts(head: str) -> None:
    line = read(f"{head}postfix/smtpd[7]: {MESSAGE}")
    assert line is not None
    assert (line.time, line.host, line.message) == (TIME, "", MESSAGE)


@pytest.mark.parametrize(
    "line",
    [
        "Nov  5 10:00:12 mx dovecot: imap-login: Login: user=<postfix/smtp[1]: x>",
        "Nov  5 10:00:12 mx rspamd[8]: postfix/smtp[1]: ABCDEF12: to=<a@example.org>, relay=none,",
        "Nov  5 10:00:12 kernel: postfix/smtp[1]: ABCDEF12: to=<a@example.org>, relay=none,",
        "Nov  5 10:00:12 mx CRON[9]: (root) CMD (postfix/smtp[1]: x)",
        "posttls-finger: Verified TLS connection established to mx.example[192.0.2.1]:25: TLSv1.3",
        "",
        "\0\0\0",
    ],
)
def test_what_other_programs_write_is_nobodys(line: str) -> None:
    assert read(line) is None
