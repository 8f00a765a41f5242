"""Where mail goes, as logs of Postfix 2.4 to 3.11 have it, and what carries their lines."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.cli import maillog
from mtasts_resolver.cli.maillog import next_hops

SENT = "delay=0.1, delays=0.1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as AAB4D259B1)"
DELIVERY = f"4c8vgk2lXhzNcrX: to=<user@rcpt.example>, relay=mx.rcpt.example[192.0.2.33]:25, {SENT}"


def hop_in(line: str) -> str | None:
    """Return the next hop that a log of one line has."""
    return next(iter(next_hops([line.encode("utf-8", "surrogatepass")])), None)


@pytest.mark.parametrize(
    "line",
    [
        f"Nov 25 10:00:08 mx1 postfix/smtp[4006]: {DELIVERY}",
        f"2025-02-10T14:32:17.443197+00:00 mx1 postfix/smtp[818]: {DELIVERY}",
        f"2023-11-30T15:34:29.638617+01:00 INFO    postfix/smtp[422]: {DELIVERY}",
        f"postfix  | 2021-01-24T14:43:33.171226+00:00 INFO    postfix/smtp[138]: {DELIVERY}",
        f"авг 09 04:49:15 host12 postfix/smtp[246741]: {DELIVERY}",
        f"Nov 08 08:08:59 mx postfix-mx/content-filter/smtp[273144]: {DELIVERY}",
        f"Feb 11 16:49:24 host2 postfix/relay/smtp[8204]: {DELIVERY}",
        f"2019-05-01 10:00:02  postfix/smtp[2212]:  {DELIVERY}",
        f"enforced-tls-smtp/smtp[]: {DELIVERY}",
        f"postfix/smtp[10967]: {DELIVERY}",
        DELIVERY,
        (
            "Jun 13 00:27:25 mx postfix/smtp[50]: B99FE3D: to=<user@RCPT.example>, orig_to=<local>,"
            " relay=mx.rcpt.example[192.0.2.33]:25,conn_use=2, delay=0.3, status=sent (250 Ok)"
        ),
        (
            "Apr 22 10:58:45 localhost postfix/smtp[8050]: C83371C2C6: to=<user@rcpt.example>,"
            " relay=mail17.dom17.example[198.51.100.27], delay=1, status=undeliverable (handshake)"
        ),
        (
            "Mar 14 03:25:38 mx postfix/smtp[66]: 5BECF63C4A: to=<user@rcpt.example>, relay=none,"
            " delay=44899, dsn=4.4.1, status=deferred (connect to mx[192.0.2.1]:25: timed out)"
        ),
        (
            "Apr 16 20:52:03 host14 postfix/error[30183]: 987D910A524: to=<user@rcpt.example>,"
            " relay=none, delay=231575, dsn=4.7.4, status=deferred (delivery temporarily suspended)"
        ),
        (
            "Jul 11 20:54:40 host10 postfix/smtp[3105]: EDB43E3D0BB2: to=user19@rcpt.example>,"
            " relay=mail5.dom5.example[198.51.100.31]:25, delay=7, status=sent (250 2.0.0 OK)"
        ),
        (
            'warning: smtp_tls_policy_maps, next-hop destination "rcpt.example": policy table'
            " lookup error"
        ),
    ],
)
def test_the_next_hop_is_the_recipients_domain(line: str) -> None:
    assert hop_in(line) == "rcpt.example"


@pytest.mark.parametrize(
    ("line", "hop"),
    [
        (
            (
                f"Mar  8 12:50:03 mx postfix/smtp[7584]: E28184AC2B3: to=<user@rcpt.example>,"
                f" relay=relay.example[198.51.100.30]:587, {SENT}"
            ),
            "[relay.example]:587",
        ),
        (f"postfix/smtp[1]: E28184AC2B3: to=<u@bücher.example>, relay=none, {SENT}", "bücher"),
        (
            (
                "postfix/smtp[1]: warning: smtp_tls_policy_maps, next-hop destination"
                ' "[r.example]:465": policy table lookup error'
            ),
            "[r.example]:465",
        ),
    ],
)
def test_a_smart_host_is_the_next_hop_itself(line: str, hop: str) -> None:
    found = hop_in(line)
    assert found == ("xn--bcher-kva.example" if hop == "bücher" else hop)


@pytest.mark.parametrize(
    "line",
    [
        f"Feb 11 16:49:24 host2 postfix/lmtp[8204]: {DELIVERY}",
        (
            "Nov 25 10:00:11 mx1 postfix/lmtp[4008]: 4c8vgk2lXhzNcrX: to=<user@own.example>,"
            " relay=mx1.own.example[private/dovecot-lmtp], delay=0.2, status=sent (250 Saved)"
        ),
        (
            "Feb 11 16:49:24 mx postfix/local[1]: AAB4D259B1: to=<root@own.example>, relay=local,"
            " delay=0.1, status=sent (delivered to mailbox)"
        ),
        (
            "Feb 11 16:49:24 host2 postfix/pipe[1]: AAB4D259B1: to=<u@own.example>, relay=dovecot,"
            " delay=0.1, status=sent (delivered via dovecot service)"
        ),
        (
            f"Sep 29 06:35:45 mail postfix/smtp[2740]: AE4A43A178F: to=<user21@dom39.example>,"
            f" relay=127.0.0.1[127.0.0.1]:10024, {SENT}"
        ),
        (
            "2025-02-10T14:32:17+00:00 mail postfix/qmgr[818]: 310AA625D5: from=<u@dom.example>,"
            " size=2378, nrcpt=1 (queue active)"
        ),
        (
            "NOQUEUE: reject: RCPT from unknown[198.51.100.52]: 554 5.7.1 <u@dom66.example>: Relay"
            " access denied; from=<u@dom66.example> to=<u@dom66.example> proto=ESMTP helo=<dom66>"
        ),
        "Jan 24 04:17:10 x postfix/smtp[36739]: SSL_connect error to 198.51.100.41[..]:25: -1",
        "posttls-finger: mail61.dom61.example[198.51.100.51]:25: subject_CN=mail61.dom61.example",
        f"postfix/smtp[1]: AE4A43A178F: to=<user@[192.0.2.1]>, relay=none, {SENT}",
        f"postfix/smtp[1]: AE4A43A178F: to=<postmaster>, relay=none, {SENT}",
        "",
        "{",
        "[]",
        '{"MESSAGE": 7}',
        "[" * 100_000,
        "{" * 100_000,
    ],
)
def test_what_is_no_delivery_by_smtp_names_no_next_hop(line: str) -> None:
    assert hop_in(line) is None


def test_a_remote_reply_cannot_make_one_up() -> None:
    said = "550 x: to=<a@evil.example>, relay=mx.evil.example[192.0.2.66]:25, delay=0"
    line = f"postfix/smtp[1]: {DELIVERY.replace('250 2.0.0 Ok', said)}"
    assert hop_in(line) == "rcpt.example"
    assert hop_in(f"postfix/smtp[1]: AE4A43A178F: host mx[192.0.2.1] said: {said}") is None


@pytest.mark.parametrize(
    "entry",
    [
        {"SYSLOG_IDENTIFIER": "postfix/smtp", "MESSAGE": DELIVERY, "_COMM": "smtp"},
        {"SYSLOG_IDENTIFIER": "postfix/smtp", "MESSAGE": list(DELIVERY.encode())},
        {"program": "postfix/smtp", "priority": "info", "message": DELIVERY},
        {"message": DELIVERY},
    ],
)
def test_json_of_journald_and_mailcow(entry: dict[str, Any]) -> None:
    assert hop_in(json.dumps(entry)) == "rcpt.example"


def test_json_of_another_program() -> None:
    assert hop_in(json.dumps({"program": "postfix/lmtp", "message": DELIVERY})) is None
    assert hop_in(json.dumps({"MESSAGE": [300, "x", None]})) is None


@given(st.text())
def test_any_line_can_be_read(line: str) -> None:
    hop_in(line)
    hop_in(f"{line}: AE4A43A178F: to=<{line}>, relay={line}")


def test_it_is_counted_how_often(monkeypatch: pytest.MonkeyPatch) -> None:
    other = DELIVERY.replace("rcpt.", "other.")
    lines = [text.encode() for text in (DELIVERY, other, "nothing", DELIVERY)]
    assert next_hops(lines).most_common() == [("rcpt.example", 2), ("other.example", 1)]
    monkeypatch.setattr(maillog, "MAX_HOPS", 1)
    assert dict(next_hops(lines)) == {"rcpt.example": 2}
