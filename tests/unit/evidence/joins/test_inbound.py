"""Messages that come in and their sessions, scene by scene."""

import pytest

from mtasts_resolver.evidence.deliveries import FailedSession, InboundMessage, Traffic
from mtasts_resolver.evidence.joins.incoming import MAX_HELD
from mtasts_resolver.maillog.events import Cause
from tests.unit.evidence.joins.scenes import joined, outcomes

# The first connection of most scenes shows that this service logs TLS.
BEGUN = """
    1 smtpd[99]: connect from mx.other.example[192.0.2.99]
    1 smtpd[99]: Anonymous TLS from mx.other.example[192.0.2.99]: WITH
    1 smtpd[99]: AAAAA0: client=mx.other.example[192.0.2.99]
    1 smtpd[99]: disconnect from mx.other.example[192.0.2.99] ehlo=2 starttls=1 mail=1 rcpt=1 \
                data=1 quit=1 commands=7
"""
FIRST = "AAAAA0 encrypted anonymous"
A = "mx.a.example[192.0.2.1]"
B = "mx.b.example[192.0.2.2]"
PLAIN = "ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"
STARTTLS = "ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7"

SCENES = {
    "within TLS": (
        f"""100 smtpd[1]: connect from {A}
            smtpd[1]: Untrusted TLS from {A}: WITH
            smtpd[1]: AAAAA1: client={A}
            smtpd[1]: AAAAA2: client={A}
            smtpd[1]: disconnect from {A} {STARTTLS}""",
        ["AAAAA1 encrypted untrusted", "AAAAA2 encrypted untrusted"],
    ),
    "in plain text": (
        f"""100 smtpd[1]: connect from {A}
            smtpd[1]: AAAAA1: client={A}
            smtpd[1]: disconnect from {A} {PLAIN}""",
        ["AAAAA1 plain"],
    ),
    "in plain text, before Postfix counted commands": (
        f"""100 smtpd[1]: connect from {A}
            smtpd[1]: AAAAA1: client={A}
            smtpd[1]: disconnect from {A}""",
        ["AAAAA1 plain"],
    ),
    "one client after the other": (
        f"""100 smtpd[1]: connect from {A}
            smtpd[1]: Untrusted TLS from {A}: WITH
            smtpd[1]: disconnect from {A} {STARTTLS}
            smtpd[1]: connect from {A}
            smtpd[1]: AAAAA1: client={A}
            smtpd[1]: disconnect from {A} {PLAIN}""",
        ["AAAAA1 plain"],
    ),
    "clients at once": (
        f"""100 smtpd[1]: connect from {A}
            smtpd[2]: connect from {B}
            smtpd[1]: Untrusted TLS from {A}: WITH
            smtpd[2]: AAAAA2: client={B}
            smtpd[1]: AAAAA1: client={A}""",
        ["AAAAA1 encrypted untrusted", "AAAAA2 plain"],
    ),
    "the session's line is lost, and the counts tell": (
        f"""100 smtpd[1]: connect from {A}
            smtpd[1]: AAAAA1: client={A}
            smtpd[1]: disconnect from {A} {STARTTLS}""",
        ["AAAAA1 encrypted ? lines-lost"],
    ),
    "the log begins within a connection": (
        f"smtpd[1]: AAAAA1: client={A}",
        ["AAAAA1 ? log-begins"],
    ),
    "the log begins within a connection, and the counts tell": (
        f"""smtpd[1]: AAAAA1: client={A}
            smtpd[1]: disconnect from {A} {PLAIN}
            smtpd[2]: AAAAA2: client={A}
            smtpd[2]: disconnect from {A} {STARTTLS}""",
        ["AAAAA1 plain", "AAAAA2 encrypted ? lines-lost"],
    ),
    "lines are lost within a connection": (
        f"""100 smtpd[1]: connect from {A}
            101 rsyslogd[5]: imuxsock lost 20 messages from pid 1 due to rate-limiting
            101 smtpd[1]: AAAAA1: client={A}""",
        ["AAAAA1 ? lines-lost"],
    ),
    "a client's connect is lost": (
        f"""100 smtpd[1]: connect from {A}
            smtpd[1]: Untrusted TLS from {A}: WITH
            smtpd[1]: AAAAA1: client={B}""",
        ["AAAAA1 ? lines-lost"],
    ),
    "another client's connect is lost, but not its session": (
        f"""100 smtpd[1]: connect from {A}
            smtpd[1]: AAAAA1: client={A}
            smtpd[1]: Untrusted TLS from {B}: WITH
            smtpd[1]: AAAAA2: client={B}
            smtpd[1]: disconnect from {B} {STARTTLS}""",
        ["AAAAA1 plain", "AAAAA2 encrypted untrusted"],
    ),
    "all lines of other clients but their messages' are lost": (
        f"""100 smtpd[1]: AAAAA1: client={A}
            smtpd[1]: AAAAA2: client={B}
            smtpd[1]: disconnect from {B} {STARTTLS}""",
        ["AAAAA1 ? log-begins", "AAAAA2 encrypted ? lines-lost"],
    ),
    "a rejected recipient is no message": (
        f"""100 smtpd[1]: connect from {A}
            smtpd[1]: NOQUEUE: reject: RCPT from {A}: 550 5.1.1 <x@own.example>: no; \
                from=<y@a.example> to=<x@own.example> proto=ESMTP helo=<a>
            smtpd[1]: disconnect from {A} {PLAIN}""",
        [],
    ),
    "without processes: all that the client has open has a session": (
        f"""900 smtpd[]: connect from {A}
            smtpd[]: Untrusted TLS from {A}: WITH
            smtpd[]: AAAAA1: client={A}
            smtpd[]: disconnect from {A} {STARTTLS}""",
        ["AAAAA1 encrypted untrusted"],
    ),
    "without processes: nothing that it has open has one": (
        f"""900 smtpd[]: connect from {A}
            smtpd[]: connect from {B}
            smtpd[]: Untrusted TLS from {B}: WITH
            smtpd[]: AAAAA1: client={A}
            smtpd[]: disconnect from {A} {PLAIN}""",
        ["AAAAA1 plain"],
    ),
    "without processes: one of two has": (
        f"""900 smtpd[]: connect from {A}
            smtpd[]: connect from {A}
            smtpd[]: Untrusted TLS from {A}: WITH
            smtpd[]: AAAAA1: client={A}""",
        ["AAAAA1 ? no-process"],
    ),
    "without processes: another connection may be older than the log": (
        f"""100 smtpd[]: connect from {A}
            smtpd[]: Untrusted TLS from {A}: WITH
            smtpd[]: AAAAA1: client={A}""",
        ["AAAAA1 ? log-begins"],
    ),
    "through a proxy before the queue": (
        f"""100 smtpd[1]: connect from {A}
            smtpd[1]: Untrusted TLS from {A}: WITH
            smtpd[1]: NOQUEUE: client={A}
            smtpd[1]: NOQUEUE: client={A}
            smtpd[2]: connect from localhost[127.0.0.1]
            smtpd[2]: AAAAA1: client=localhost[127.0.0.1], orig_client={A}
            smtpd[2]: disconnect from localhost[127.0.0.1] {PLAIN}
            smtpd[1]: disconnect from {A} {STARTTLS}""",
        ["AAAAA1 plain", "NOQUEUE encrypted untrusted", "NOQUEUE encrypted untrusted"],
    ),
    "through a proxy before the queue, and a copy of each line": (
        f"""100 smtpd[1]: connect from {A}
            mail.example.org smtpd[1]: connect from {A}
            smtpd[1]: NOQUEUE: client={A}
            mail.example.org smtpd[1]: NOQUEUE: client={A}
            smtpd[1]: NOQUEUE: client={A}
            mail.example.org smtpd[1]: NOQUEUE: client={A}
            smtpd[1]: disconnect from {A} {PLAIN}""",
        ["NOQUEUE plain", "NOQUEUE plain"],
    ),
    "the client is whom a proxy names (XCLIENT)": (
        f"""100 smtpd[1]: connect from proxy.own.example[10.0.0.1]
            smtpd[1]: AAAAA1: client={A}
            smtpd[1]: disconnect from {A} {PLAIN}""",
        ["AAAAA1 ? ambiguous"],
    ),
    "a copy of each line": (
        f"""100 smtpd[1]: connect from {A}
            mail.example.org smtpd[1]: connect from {A}
            smtpd[1]: AAAAA1: client={A}
            mail.example.org smtpd[1]: AAAAA1: client={A}
            smtpd[1]: disconnect from {A} {PLAIN}
            mail.example.org smtpd[1]: disconnect from {A} {PLAIN}""",
        ["AAAAA1 plain"],
    ),
}


@pytest.mark.parametrize("name", SCENES)
def test_scene(name: str) -> None:
    scene, expected = SCENES[name]
    assert outcomes(BEGUN + scene) == sorted([FIRST, *expected])


class TestAServiceThatLogsNoTls:
    def test_the_counts_tell_where_starttls_is_offered(self) -> None:
        scene = f"""1 smtpd[1]: connect from {A}
            1 smtpd[1]: AAAAA1: client={A}
            1 smtpd[1]: disconnect from {A} {STARTTLS}
            100 smtpd[1]: connect from {A}
            100 smtpd[1]: AAAAA2: client={A}
            100 smtpd[1]: disconnect from {A} {PLAIN}"""
        assert outcomes(scene) == ["AAAAA1 encrypted ? no-tls-logged", "AAAAA2 plain"]

    def test_else_tls_may_be_what_a_connection_begins_with(self) -> None:
        scene = f"""1 smtps/smtpd[1]: connect from {A}
            1 smtps/smtpd[1]: AAAAA1: client={A}
            1 smtps/smtpd[1]: disconnect from {A} {PLAIN}"""
        assert outcomes(scene) == ["AAAAA1 ? no-tls-logged"]


def test_a_pid_that_comes_again_may_be_told_otherwise() -> None:
    started = "master[3]: daemon started -- version 2.11.0, configuration /etc/postfix"
    scene = f"""1 {started}
                100 smtpd[20]: connect from {A}
                100 smtpd[20]: Anonymous TLS from {A}: WITH
                100 smtpd[20]: AAAAA1: client={A}
                5000 {started}
                5100 smtpd[20]: connect from {A}
                5100 smtpd[20]: AAAAA2: client={A}
                5101 smtpd[20]: disconnect from {A}"""
    assert outcomes(scene) == ["AAAAA1 encrypted anonymous", "AAAAA2 ? no-tls-logged"]


def test_whoever_sends_very_much_over_one_connection_has_it_all_counted() -> None:
    mails = "\n".join(f"100 smtpd[1]: A{n:05}: client={A}" for n in range(MAX_HELD + 20))
    scene = f"{BEGUN}\n100 smtpd[1]: connect from {A}\n{mails}\nsmtpd[1]: disconnect from {A}"
    told = outcomes(scene)
    assert sum("plain" in each for each in told) == MAX_HELD + 20


@pytest.mark.parametrize(
    ("client", "traffic"),
    [
        (A, Traffic.NETWORK),
        ("unknown[10.0.0.1]", Traffic.NETWORK),
        ("localhost[127.0.0.1]", Traffic.LOCAL),
        (f"{A}, sasl_method=PLAIN, sasl_username=somebody", Traffic.SUBMISSION),
    ],
)
def test_users_and_the_host_itself_are_told_apart(client: str, traffic: Traffic) -> None:
    scene = f"""{BEGUN} 100 smtpd[1]: connect from {client.partition(",")[0]}
        100 smtpd[1]: AAAAA1: client={client}"""
    (fact,) = (
        each
        for each in joined(scene)
        if isinstance(each, InboundMessage) and each.queue_id == "AAAAA1"
    )
    assert fact.traffic is traffic


def test_what_comes_in_again_behind_a_proxy_is_local() -> None:
    scene, _ = SCENES["through a proxy before the queue"]
    messages = [each for each in joined(scene) if isinstance(each, InboundMessage)]
    assert {each.queue_id: each.traffic for each in messages} == {
        "NOQUEUE": Traffic.NETWORK,
        "AAAAA1": Traffic.LOCAL,
    }


def test_a_handshake_that_failed_is_told_once_with_its_reason() -> None:
    scene = f"""100 smtpd[1]: connect from {A}
        smtpd[1]: SSL_accept error from {A}: Connection reset by peer
        smtpd[1]: SSL_accept error from {A}: -1
        smtpd[1]: warning: TLS library problem: error:0A0000C1:no shared cipher
        smtpd[1]: lost connection after STARTTLS from {A}
        smtpd[1]: disconnect from {A} ehlo=1 starttls=0/1 commands=1/2"""
    (fact,) = (each for each in joined(scene) if isinstance(each, FailedSession))
    assert fact.inbound
    assert fact.cause is Cause.HANDSHAKE
    assert fact.reason == "Connection reset by peer: error:0A0000C1:no shared cipher"
