"""Lines that are JSON."""

import json

import pytest

from tests.unit.maillog.lines import read

MESSAGE = "connect from client.example[192.0.2.1]"
JOURNAL = {
    "_COMM": "smtpd",
    "SYSLOG_IDENTIFIER": "postfix/relay/smtpd",
    "_HOSTNAME": "mx",
    "__REALTIME_TIMESTAMP": "1793872812500000",
    "SYSLOG_PID": "7",
    "_PID": "8",
    "MESSAGE": MESSAGE,
}


def test_an_entry_of_the_journal() -> None:
    line = read(json.dumps(JOURNAL))
    assert line is not None
    assert (line.time, line.host, line.pid) == (1_793_872_812.5, "mx", 7)
    assert (line.service, line.daemon, line.message) == ("postfix/relay", "smtpd", MESSAGE)


def test_the_kernels_process_id_is_one_if_syslog_says_none() -> None:
    line = read(json.dumps({**JOURNAL, "SYSLOG_PID": None}))
    assert line is not None
    assert line.pid == 8


def test_a_message_may_be_a_list_of_bytes() -> None:
    octets = "connect from bücher.example[192.0.2.1]".encode() + b"\xff"
    line = read(json.dumps({**JOURNAL, "MESSAGE": list(octets)}))
    assert line is not None
    assert line.message == "connect from bücher.example[192.0.2.1]\\xff"


def test_a_field_may_be_there_twice() -> None:
    line = read(json.dumps({**JOURNAL, "SYSLOG_PID": ["6", "7"]}))
    assert line is not None
    assert line.pid == 7


def test_mailcows_entries_have_no_process_and_no_host() -> None:
    entry = {"time": "1793872812", "program": "postfix/smtpd", "message": MESSAGE}
    for text in (json.dumps(entry), f"[{json.dumps(entry)},", f"{json.dumps(entry)}]"):
        line = read(text)
        assert line is not None
        assert (line.time, line.host, line.pid) == (1_793_872_812.0, "", None)
        assert (line.service, line.daemon, line.message) == ("postfix", "smtpd", MESSAGE)


def test_what_docker_wraps_is_a_line_of_any_form() -> None:
    inner = f"Nov  5 10:00:12 mx postfix/smtpd[7]: {MESSAGE}\n"
    line = read(json.dumps({"log": inner, "stream": "stdout", "time": "2026-11-05T10:00:12.1Z"}))
    assert line is not None
    assert (line.time, line.host, line.message) == (1_793_872_812.0, "mx", MESSAGE)


DELIVERY = "ABCDEF123: to=<u@example.org>, relay=none, dsn=4.3.0, status=deferred (x)"


@pytest.mark.parametrize(
    "entry",
    [
        # rsyslog, by its own names and by others', syslog-ng, Fluentd, Vector, a container's image
        {"msg": " " + MESSAGE, "programname": "postfix/smtpd", "procid": "7", "hostname": "mx",
         "timereported": "2026-11-05T10:00:12+00:00", "syslogtag": "postfix/smtpd[7]:"},
        {"@timestamp": "2026-11-05T11:00:12+01:00", "message": MESSAGE, "logsource": "mx",
         "program": "postfix/smtpd", "pid": "7"},
        {"MESSAGE": MESSAGE, "PROGRAM": "postfix/smtpd", "PID": 7, "HOST": "mx",
         "ISODATE": "2026-11-05T10:00:12+00:00"},
        {"message": MESSAGE, "ident": "postfix/smtpd", "pid": "7", "host": "mx",
         "time": 1793872812.0},
        {"message": MESSAGE, "appname": "postfix/smtpd", "procid": 7, "hostname": "mx",
         "timestamp": "2026-11-05T10:00:12Z"},
        {"host": "mx", "syslog-tag": "postfix/smtpd[7]:", "message": MESSAGE,
         "timestamp": 1793872812000},
        {"time": "2026-11-05T10:00:12Z", "log": f"postfix/smtpd[7]: {MESSAGE}\n", "host": "mx"},
    ],
)  # fmt: skip
def test_collectors_have_names_of_their_own(entry: dict[str, object]) -> None:
    line = read(json.dumps(entry))
    assert line is not None
    assert (line.time, line.host, line.pid) == (1_793_872_812.0, "mx", 7)
    assert (line.service, line.daemon, line.message) == ("postfix", "smtpd", MESSAGE)


def test_bytes_that_are_no_text_spoil_nothing_else() -> None:
    entry = json.dumps({"message": MESSAGE + "?", "program": "postfix/smtpd"}).encode()
    line = read(entry.replace(b"?", b"\xff"))
    assert line is not None
    assert line.message == MESSAGE + "\N{REPLACEMENT CHARACTER}"


def test_a_message_may_be_wrapped_alone() -> None:
    line = read(json.dumps({"time": 1793872812, "message": DELIVERY}))
    assert line is not None
    assert (line.time, line.daemon, line.message) == (1_793_872_812.0, "smtp", DELIVERY)


def test_a_journals_message_alone_may_be_anybodys() -> None:
    assert (
        read(json.dumps({"__REALTIME_TIMESTAMP": "1793872812000000", "MESSAGE": DELIVERY})) is None
    )


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({**JOURNAL, "SYSLOG_IDENTIFIER": "sshd"}),
        json.dumps({**JOURNAL, "SYSLOG_IDENTIFIER": "postfix", "MESSAGE": "something else"}),
        json.dumps({**JOURNAL, "MESSAGE": None}),
        json.dumps({**JOURNAL, "SYSLOG_IDENTIFIER": None, "MESSAGE": "something else"}),
        json.dumps({"log": json.dumps({"log": "postfix/smtp[1]: x"})}),
        json.dumps({"log": 7}),
        "{}",
        "{",
        "[]",
        "[" * 100_000,
        '{"MESSAGE":' * 50_000,
        '{"MESSAGE":"\ud800"}',
    ],
)
def test_what_is_no_line_of_postfix(text: str) -> None:
    assert read(text.encode("utf-8", "surrogatepass")) is None


@pytest.mark.parametrize(
    "stamp", ["", "x", "nan", "inf", "-1", 10**400, -5, [1], {}, "9" * 400, None, "1e9x"]
)
def test_a_time_that_makes_no_sense_is_none(stamp: object) -> None:
    line = read(json.dumps({**JOURNAL, "__REALTIME_TIMESTAMP": stamp}))
    assert line is not None
    assert line.time is None


@pytest.mark.parametrize("pid", ["", "x", "-1", "9" * 5000, {}, [], 1.5])
def test_a_process_that_makes_no_sense_is_none(pid: object) -> None:
    line = read(json.dumps({**JOURNAL, "SYSLOG_PID": pid}))
    assert line is not None
    assert line.pid is None
