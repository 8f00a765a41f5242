"""Deliveries and their sessions, scene by scene."""

import pytest

from mtasts_resolver.evidence.deliveries import (
    FailedLookup,
    FailedSession,
    OutboundDelivery,
    TlsObserved,
    Traffic,
)
from mtasts_resolver.evidence.joins.joiner import Joiner
from mtasts_resolver.evidence.joins.logs import MAX_WAITING, ConfiguredLogging
from mtasts_resolver.maillog.events import Cause, LogLine, PostfixStarted
from tests.unit.evidence.joins.scenes import HOST, MIDDAY, joined, outcomes, summary

# The first line of most scenes: it makes the log older than any message, and shows that TLS is
# logged.
BEGUN = """
    1 smtp[99]: Trusted TLS to mx.other.example[192.0.2.99]:25: WITH
    1 smtp[99]: AAAAA0: to=<x@other.example>, relay=mx.other.example[192.0.2.99]:25, delay=0.5, \
                delays=0/0/0/0.5, dsn=2.0.0, status=sent (250 Ok)
"""
FIRST = "AAAAA0 encrypted trusted"
A = "mx.a.example[192.0.2.1]:25"
B = "mx.b.example[192.0.2.2]:25"

REFUSED = "connect to mx.b.example[192.0.2.2]:25: Connection refused"
SUSPENDED = "delivery temporarily suspended: Server certificate not verified"


def to(queue_id: str, relay: str, more: str = "", user: str = "x", delay: float = 1) -> str:
    """Return the line of a delivery."""
    return (
        f"{queue_id}: to=<{user}@a.example>, relay={relay},{more} delay={delay},"
        f" delays=0/0/0.5/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok)"
    )


def held(queue_id: str, relay: str, reason: str, more: str = "") -> str:
    """Return the line of a delivery that was deferred."""
    return (
        f"{queue_id}: to=<x@a.example>, relay={relay}, delay=2, delays=1/0/1/0,{more} dsn=4.7.5,"
        f" status=deferred ({reason})"
    )


SCENES = {
    "a session, then the delivery": (
        f"""100 smtp[1]: Verified TLS to {A}: WITH
            101 smtp[1]: {to("AAAAA1", A)}""",
        ["AAAAA1 encrypted verified"],
    ),
    "no session": (f"100 smtp[1]: {to('AAAAA1', A)}", ["AAAAA1 plain"]),
    "all recipients of a message share its session": (
        f"""100 smtp[1]: Untrusted TLS to {A}: WITH
            smtp[1]: {to("AAAAA1", A, user="x")}
            smtp[1]: {to("AAAAA1", A, user="y")}""",
        ["AAAAA1 encrypted untrusted"] * 2,
    ),
    "another message without a session of its own went over another connection": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            100 smtp[1]: {to("AAAAA1", A)}
            101 smtp[1]: {to("AAAAA2", A)}""",
        ["AAAAA1 encrypted trusted", "AAAAA2 plain"],
    ),
    "what another process logs is another's": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            smtp[2]: {to("AAAAA2", A)}
            smtp[1]: {to("AAAAA1", A)}""",
        ["AAAAA1 encrypted trusted", "AAAAA2 plain"],
    ),
    "a process of the same number on another host": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            other smtp[1]: {to("AAAAA2", A)}
            other smtp[1]: Anonymous TLS to {B}: WITH
            other smtp[1]: {to("AAAAA3", B)}
            smtp[1]: {to("AAAAA1", A)}""",
        ["AAAAA1 encrypted trusted", "AAAAA2 ? log-begins", "AAAAA3 encrypted anonymous"],
    ),
    "a second host after the first was not verified": (
        f"""100 smtp[1]: server certificate verification failed for {A}: num=62:hostname mismatch
            smtp[1]: Untrusted TLS to {A}: WITH
            smtp[1]: AAAAA1: Server certificate not verified
            smtp[1]: Verified TLS to {B}: WITH
            smtp[1]: {to("AAAAA1", B)}""",
        ["AAAAA1 encrypted verified"],
    ),
    "a second host without TLS": (
        f"""100 smtp[1]: Untrusted TLS to {A}: WITH
            smtp[1]: AAAAA1: host mx.a.example[192.0.2.1] said: 450 Later (in reply to MAIL \
                FROM command)
            smtp[1]: {to("AAAAA1", B)}""",
        ["AAAAA1 plain"],
    ),
    "some recipients go to a second host": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            smtp[1]: AAAAA1: host mx.a.example[192.0.2.1] said: 450 Later (in reply to RCPT TO \
                command)
            smtp[1]: {to("AAAAA1", A, user="x")}
            smtp[1]: {to("AAAAA1", B, user="y")}""",
        ["AAAAA1 encrypted trusted", "AAAAA1 plain"],
    ),
    "plain text after a handshake that failed": (
        f"""100 smtp[1]: SSL_connect error to {A}: -1
            smtp[1]: warning: TLS library problem: error:0A00010B:wrong version number
            smtp[1]: AAAAA1: Cannot start TLS: handshake failure
            smtp[1]: {to("AAAAA1", A, delay=400)}""",
        ["AAAAA1 plain"],
    ),
    "plain text after a session that broke": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            smtp[1]: AAAAA1: lost connection with mx.a.example[192.0.2.1] while sending end of \
                data -- message may be sent more than once
            102 smtp[1]: {to("AAAAA1", A, delay=400)}""",
        ["AAAAA1 plain"],
    ),
    "a message that is tried again has a session of its own, or none": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            smtp[1]: {held("AAAAA1", A, "host mx.a.example[192.0.2.1] said: 450 Later")}
            500 smtp[1]: {to("AAAAA1", A, delay=402)}""",
        ["AAAAA1 encrypted trusted", "AAAAA1 plain"],
    ),
    "a session older than the message is not its own": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            150 smtp[1]: {to("AAAAA1", A, delay=1)}""",
        ["AAAAA1 ? lines-lost"],
    ),
    "a connection is reused with its session": (
        f"""100 tlsproxy[7]: Trusted TLS to {A}: WITH
            smtp[1]: Trusted TLS to {A}: WITH
            smtp[1]: {to("AAAAA1", A)}
            smtp[2]: Trusted REUSED {A}: WITH
            smtp[2]: {to("AAAAA2", A, " conn_use=2,", delay=0.1)}""",
        ["AAAAA1 encrypted trusted", "AAAAA2 encrypted trusted"],
    ),
    "tlsproxy has a session that smtp does not say again": (
        f"""100 tlsproxy[7]: Trusted TLS to {A}: WITH
            smtp[1]: {to("AAAAA1", A)}
            200 smtp[2]: {to("AAAAA2", A)}""",
        ["AAAAA1 ? ambiguous", "AAAAA2 plain"],
    ),
    "tlsproxy has a session of another": (
        f"""100 tlsproxy[7]: Trusted TLS to {A}: WITH
            smtp[1]: Trusted TLS to {A}: WITH
            smtp[2]: {to("AAAAA2", A)}
            smtp[1]: {to("AAAAA1", A)}""",
        ["AAAAA1 encrypted trusted", "AAAAA2 plain"],
    ),
    "tlsproxy alone logs sessions": (
        f"""100 tlsproxy[7]: Trusted TLS to {A}: WITH
            lmtp[1]: {to("AAAAA1", A)}
            200 tlsproxy[7]: Trusted TLS to {A}: WITH
            200 tlsproxy[7]: Verified TLS to {A}: WITH
            201 lmtp[1]: {to("AAAAA2", A)}""",
        ["AAAAA1 encrypted trusted", "AAAAA2 encrypted ? ambiguous"],
    ),
    "tlsproxy alone logs one session, and two messages go to its host": (
        f"""100 tlsproxy[7]: Verified TLS to {A}: WITH
            lmtp[1]: {to("AAAAA1", A, user="x")}
            lmtp[2]: {to("AAAAA2", A)}
            lmtp[1]: {to("AAAAA1", A, user="y")}""",
        ["AAAAA1 encrypted verified", "AAAAA1 encrypted verified", "AAAAA2 ? ambiguous"],
    ),
    "tlsproxy alone logs sessions, and with this message it came to nothing": (
        f"""100 tlsproxy[7]: Trusted TLS to {A}: WITH
            lmtp[2]: AAAAA2: Cannot start TLS: handshake failure
            lmtp[2]: {to("AAAAA2", A)}""",
        ["AAAAA2 ? ambiguous"],
    ),
    "a connection is reused without one": (
        f"""100 smtp[1]: {to("AAAAA1", A)}
            smtp[1]: {to("AAAAA2", A, " conn_use=2,", delay=0.1)}""",
        ["AAAAA1 plain", "AAAAA2 plain"],
    ),
    "nobody was connected to": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            smtp[1]: \
                {held("AAAAA1", "none", REFUSED)}""",
        ["AAAAA1"],
    ),
    "a line of a message that the log began within": (
        f"2 smtp[1]: {to('AAAAA1', A, delay=30)}",
        ["AAAAA1 ? log-begins"],
    ),
    "but the next of the same process began within the log": (
        f"""2 smtp[1]: {to("AAAAA1", A, delay=30)}
            2 smtp[1]: {to("AAAAA2", A, delay=30)}""",
        ["AAAAA1 ? log-begins", "AAAAA2 plain"],
    ),
    "Postfix was started within the log": (
        f"""2 master[3]: daemon started -- version 3.7.11, configuration /etc/postfix
            2 smtp[1]: {to("AAAAA1", A, delay=30)}
            9 smtp[2]: Trusted TLS to {A}: WITH""",
        ["AAAAA1 plain"],
    ),
    "a reload leaves processes their work": (
        f"""2 master[3]: reload -- version 3.7.11, configuration /etc/postfix
            2 smtp[1]: {to("AAAAA1", A, delay=30)}""",
        ["AAAAA1 ? log-begins"],
    ),
    "no attempt takes so long": (
        f"5000 smtp[1]: {to('AAAAA1', A, delay=86400)}",
        ["AAAAA1 plain"],
    ),
    "lines were lost before the delivery": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            101 rsyslogd[5]: imuxsock lost 20 messages from pid 1 due to rate-limiting
            101 smtp[1]: {to("AAAAA1", A)}
            200 smtp[1]: {to("AAAAA2", A)}""",
        ["AAAAA1 ? lines-lost", "AAAAA2 plain"],
    ),
    "the delivery's own word is enough": (
        f"""2 smtp[1]: {to("AAAAA1", A, delay=30).replace("dsn=", "tls=may:none, dsn=")}
            2 smtp[2]: {to("AAAAA2", A, delay=30).replace("dsn=", "tls=secure, dsn=")}
            2 smtp[3]: {to("AAAAA3", A, delay=30).replace("dsn=", "tls=may, dsn=")}""",
        [
            "AAAAA1 plain",
            "AAAAA2 encrypted verified ? log-begins",
            "AAAAA3 encrypted ? log-begins",
        ],
    ),
    "the delivery's own word against a session's": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            smtp[1]: {to("AAAAA1", A).replace("dsn=", "tls=none, dsn=")}
            smtp[2]: Trusted TLS to {A}: WITH
            smtp[2]: {to("AAAAA2", A).replace("dsn=", "tls=secure, dsn=")}""",
        ["AAAAA1 ? ambiguous", "AAAAA2 encrypted ? ambiguous"],
    ),
    "a reused connection's word says nothing": (
        f"""100 smtp[1]: Verified REUSED {A}: WITH
            smtp[1]: {to("AAAAA1", A, " conn_use=2,").replace("dsn=", "tls=secure?, dsn=")}""",
        ["AAAAA1 encrypted verified"],
    ),
    "a reused connection at a level that demands TLS, and no line of its session": (
        f"100 smtp[1]: {to('AAAAA1', A, ' conn_use=2,').replace('dsn=', 'tls=secure?, dsn=')}",
        ["AAAAA1 ? lines-lost"],
    ),
    "a reused connection at a level that does not, and no line of a session": (
        f"100 smtp[1]: {to('AAAAA1', A, ' conn_use=2,').replace('dsn=', 'tls=may?, dsn=')}",
        ["AAAAA1 plain"],
    ),
    "a copy of each line": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            mail.example.org smtp[1]: Trusted TLS to {A}: WITH
            smtp[1]: {to("AAAAA1", A)}
            mail.example.org smtp[1]: {to("AAAAA1", A)}""",
        ["AAAAA1 encrypted trusted"],
    ),
    "two aliases of one mailbox are two deliveries": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            smtp[1]: {to("AAAAA1", A).replace(">,", ">, orig_to=<info@own.example>,", 1)}
            smtp[1]: {to("AAAAA1", A).replace(">,", ">, orig_to=<post@own.example>,", 1)}""",
        ["AAAAA1 encrypted trusted"] * 2,
    ),
    "out of order: a session's line behind its delivery's": (
        f"""101 smtp[1]: {to("AAAAA1", A)}
            100 smtp[1]: Trusted TLS to {A}: WITH
            102 smtp[1]: {to("AAAAA2", A, delay=9)}
            110 smtp[1]: Trusted TLS to {A}: WITH
            110 smtp[1]: {to("AAAAA3", A)}""",
        ["AAAAA1 ? ambiguous", "AAAAA2 ? ambiguous", "AAAAA3 encrypted trusted"],
    ),
    "the clock was put back": (
        f"""3700 smtp[1]: Trusted TLS to {A}: WITH
            3700 smtp[1]: {to("AAAAA1", A)}
            101 smtp[1]: Trusted TLS to {A}: WITH
            101 smtp[1]: {to("AAAAA2", A)}
            102 smtp[1]: {to("AAAAA3", A)}""",
        ["AAAAA1 encrypted trusted", "AAAAA2 encrypted trusted", "AAAAA3 plain"],
    ),
    "out of order: another host's session": (
        f"""101 smtp[1]: {to("AAAAA1", A)}
            100 smtp[1]: Trusted TLS to {B}: WITH""",
        ["AAAAA1 plain"],
    ),
    "out of order: a delivery behind another's": (
        f"""100 smtp[1]: Trusted TLS to {A}: WITH
            102 smtp[1]: {to("AAAAA2", B)}
            101 smtp[1]: {to("AAAAA1", A)}
            101 smtp[1]: {to("AAAAA3", B)}""",
        ["AAAAA1 encrypted trusted", "AAAAA2 plain", "AAAAA3 ? ambiguous"],
    ),
    "without processes: as many sessions as deliveries": (
        f"""100 smtp[]: Trusted TLS to {A}: WITH
            100 smtp[]: Trusted TLS to {A}: WITH
            101 smtp[]: {to("AAAAA1", A)}
            102 smtp[]: {to("AAAAA2", A)}""",
        ["AAAAA1 encrypted trusted", "AAAAA2 encrypted trusted"],
    ),
    "without processes: sessions of different levels": (
        f"""100 smtp[]: Trusted TLS to {A}: WITH
            100 smtp[]: Verified TLS to {A}: WITH
            101 smtp[]: {to("AAAAA1", A)}
            102 smtp[]: {to("AAAAA2", A)}""",
        ["AAAAA1 encrypted ? ambiguous", "AAAAA2 encrypted ? ambiguous"],
    ),
    "without processes: more deliveries than sessions": (
        f"""100 smtp[]: Trusted TLS to {A}: WITH
            101 smtp[]: {to("AAAAA1", A)}
            101 smtp[]: {to("AAAAA2", A)}""",
        ["AAAAA1 ? no-process", "AAAAA2 ? no-process"],
    ),
    "without processes: no session with that host since the message came": (
        f"""100 smtp[]: Trusted TLS to {B}: WITH
            101 smtp[]: {to("AAAAA1", A)}
            200 smtp[]: {to("AAAAA2", B)}
            900 smtp[]: Trusted TLS to {B}: WITH""",
        ["AAAAA1 plain", "AAAAA2 plain"],
    ),
    "without processes: a session that was of no use": (
        f"""100 smtp[]: Trusted TLS to {A}: WITH
            smtp[]: AAAAA1: lost connection with mx.a.example[192.0.2.1] while sending RCPT TO
            101 smtp[]: {to("AAAAA2", A)}""",
        ["AAAAA2 ? no-process"],
    ),
    "without processes: the delivery's own word": (
        f"""100 smtp[]: Trusted TLS to {A}: WITH
            smtp[]: {to("AAAAA2", A).replace("dsn=", "tls=may:none, dsn=")}""",
        ["AAAAA2 plain"],
    ),
    "LMTP logs by itself": (
        f"""100 lmtp[1]: {to("AAAAA1", "box.example[192.0.2.7]:24")}""",
        ["AAAAA1 ? no-tls-logged"],
    ),
}


@pytest.mark.parametrize("name", SCENES)
def test_scene(name: str) -> None:
    scene, expected = SCENES[name]
    assert outcomes(BEGUN + scene) == sorted([FIRST, *expected])


class TestAServiceThatMayLogNoTls:
    def test_its_first_session_comes_late(self) -> None:
        scene = f"""1 smtp[1]: {to("AAAAA1", A)}
                    100 smtp[2]: {to("AAAAA2", A)}
                    200 smtp[3]: Trusted TLS to {B}: WITH
                    200 smtp[3]: {to("AAAAA3", B)}"""
        assert outcomes(scene) == [
            "AAAAA1 ? log-begins",
            "AAAAA2 plain",
            "AAAAA3 encrypted trusted",
        ]

    def test_it_has_none(self) -> None:
        scene = f"""100 smtp[2]: {to("AAAAA1", A)}
                    200 smtp[3]: {to("AAAAA2", B)}"""
        assert outcomes(scene) == ["AAAAA1 ? log-begins", "AAAAA2 ? no-tls-logged"]

    def test_it_is_told_to_log_them_by_a_reload(self) -> None:
        scene = f"""1 smtp[9]: {to("AAAAA0", A)}
                    100 smtp[2]: {to("AAAAA1", A)}
                    110 master[3]: reload -- version 3.7.11, configuration /etc/postfix
                    200 smtp[3]: Trusted TLS to {B}: WITH
                    200 smtp[3]: {to("AAAAA2", B)}
                    300 smtp[3]: {to("AAAAA3", A)}"""
        assert outcomes(scene) == [
            "AAAAA0 ? log-begins",
            "AAAAA1 ? no-tls-logged",
            "AAAAA2 encrypted trusted",
            "AAAAA3 plain",
        ]

    @pytest.mark.parametrize("how", ["reload", "daemon started"])
    def test_a_pid_that_comes_again_may_be_told_otherwise(self, how: str) -> None:
        scene = f"""1 master[3]: daemon started -- version 3.7.11, configuration /etc/postfix
                    100 smtp[20]: Trusted TLS to {A}: WITH
                    100 smtp[20]: {to("AAAAA1", A)}
                    5000 master[3]: {how} -- version 3.7.11, configuration /etc/postfix
                    5100 smtp[20]: {to("AAAAA2", A)}"""
        assert outcomes(scene) == ["AAAAA1 encrypted trusted", "AAAAA2 ? no-tls-logged"]

    def test_a_session_ends_with_the_postfix_that_had_it(self) -> None:
        scene = f"""1 master[3]: daemon started -- version 3.7.11, configuration /etc/postfix
                    100 smtp[20]: Verified TLS to {A}: WITH
                    101 master[3]: daemon started -- version 3.7.11, configuration /etc/postfix
                    105 smtp[20]: {to("AAAAA1", A, delay=30)}
                    200 smtp[20]: {to("AAAAA2", A)}
                    300 smtp[21]: Trusted TLS to {B}: WITH"""
        assert outcomes(scene) == ["AAAAA1 ? lines-lost", "AAAAA2 plain"]

    def test_another_instance_that_starts_ends_nothing(self) -> None:
        scene = f"""100 smtp[20]: Verified TLS to {A}: WITH
                    101 smtp[20]: {to("AAAAA1", A)}
                    102 smtp[20]: Verified TLS to {A}: WITH"""
        other = LogLine(
            MIDDAY + 103, HOST, "postfix-b", "master", 9, "daemon started -- version 3.7.11, x"
        )
        joiner = Joiner()
        facts = joined(scene, joiner, finish=False)
        facts += joiner.feed(other, PostfixStarted("3.7.11"))
        facts += joined(f"104 smtp[20]: {to('AAAAA2', A)}", joiner)
        told = [summary(fact) for fact in facts if isinstance(fact, OutboundDelivery)]
        assert told == ["AAAAA1 encrypted verified", "AAAAA2 encrypted verified"]

    def test_so_many_without_one_are_not_plain_for_a_late_one(self) -> None:
        many = "\n".join(f"{n} smtp[{n}]: {to(f'A{n:05}', A)}" for n in range(10, MAX_WAITING + 30))
        late = f"5000 smtp[7]: Trusted TLS to {A}: WITH"
        told = outcomes(f"1 smtp[1]: {to('AAAAA0', A, delay=99)}\n{many}\n{late}")
        assert sum("no-tls-logged" in each for each in told) == 20
        assert sum("plain" in each for each in told) == MAX_WAITING

    def test_main_cf_says_that_it_does(self) -> None:
        scene = f"""1 smtp[9]: {to("AAAAA0", A)}
                    100 smtp[2]: {to("AAAAA1", A)}
                    200 smtp[3]: {to("AAAAA2", B)}"""
        told = outcomes(
            scene, Joiner(ConfiguredLogging(frozenset({"mail"}), {"postfix/smtp": MIDDAY + 150}))
        )
        assert told == ["AAAAA0 ? log-begins", "AAAAA1 ? no-tls-logged", "AAAAA2 plain"]


CAUSES = {
    "name mismatch": (
        f"""100 smtp[1]: server certificate verification failed for {A}: num=62:hostname mismatch
            smtp[1]: Untrusted TLS to {A}: WITH
            smtp[1]: {held("AAAAA1", A, "Server certificate not verified")}""",
        Cause.NAME_MISMATCH,
        "Server certificate not verified: num=62:hostname mismatch",
    ),
    "a resumed session's fault stands earlier": (
        f"""100 smtp[1]: server certificate verification failed for {A}: certificate has expired
            smtp[1]: Untrusted TLS to {A}: WITH
            smtp[2]: {A}: re-using session with untrusted certificate, look for details earlier \
                in the log
            smtp[2]: Untrusted TLS to {A}: WITH
            smtp[2]: {held("AAAAA1", A, "Server certificate not verified")}""",
        Cause.EXPIRED,
        "Server certificate not verified: certificate has expired",
    ),
    "tlsproxy says it": (
        f"""100 tlsproxy[7]: certificate verification failed for {A}: self-signed certificate
            tlsproxy[7]: Untrusted TLS to {A}: WITH
            smtp[1]: Untrusted TLS to {A}: WITH
            smtp[1]: {held("AAAAA1", A, "Server certificate not verified")}""",
        Cause.SELF_SIGNED,
        "Server certificate not verified: self-signed certificate",
    ),
    "no line says why": (
        f"""100 smtp[1]: Untrusted TLS to {A}: WITH
            smtp[1]: {held("AAAAA1", A, "Server certificate not verified")}""",
        Cause.NOT_VERIFIED,
        "Server certificate not verified",
    ),
    "handshake": (
        f"""100 smtp[1]: SSL_connect error to {A}: -1
            smtp[1]: warning: TLS library problem: error:0A00010B:wrong version number
            smtp[1]: {held("AAAAA1", A, "Cannot start TLS: handshake failure")}""",
        Cause.HANDSHAKE,
        "Cannot start TLS: handshake failure: error:0A00010B:wrong version number",
    ),
    "handshake by tlsproxy": (
        f"""100 tlsproxy[7]: warning: TLS library problem: error:0A00010B:wrong version number
            tlsproxy[7]: TLS handshake failed for service=smtp peer=[192.0.2.1]:25
            smtp[1]: {held("AAAAA1", A, "Cannot start TLS: handshake failure")}""",
        Cause.HANDSHAKE,
        "Cannot start TLS: handshake failure: error:0A00010B:wrong version number",
    ),
    "MX host outside the policy": (
        f"""100 smtp[1]: warning: MX name 'mx.evil.example' does not match STS MX pattern for \
                'a.example'
            smtp[1]: {held("AAAAA1", "none", "server unavailable or unable to receive mail")}""",
        Cause.MX_OUTSIDE_POLICY,
        "server unavailable or unable to receive mail: not in the policy: mx.evil.example",
    ),
    "our own TEMP": (
        f"""100 smtp[1]: warning: socketmap:unix:mtasts/socketmap:query socketmap server \
                temporary error: no answer from DNS
            smtp[1]: warning: smtp_tls_policy_maps, next-hop destination "a.example": policy \
                table lookup error
            smtp[1]: {held("AAAAA1", "none", "client TLS configuration problem")}""",
        Cause.POLICY_LOOKUP,
        "client TLS configuration problem: no answer from DNS",
    ),
    "not TLS at all": (
        f"100 smtp[1]: {held('AAAAA1', A, 'host mx.a.example[192.0.2.1] said: 450 Later')}",
        None,
        "host mx.a.example[192.0.2.1] said: 450 Later",
    ),
}


@pytest.mark.parametrize("name", CAUSES)
def test_cause(name: str) -> None:
    scene, cause, reason = CAUSES[name]
    (fact,) = (each for each in joined(scene) if isinstance(each, OutboundDelivery))
    assert (fact.cause, fact.reason) == (cause, reason)


def test_all_recipients_are_held_for_the_same_cause() -> None:
    scene = f"""100 smtp[1]: warning: socketmap:unix:x:query socketmap server temporary error: \
                no DNS
        smtp[1]: warning: smtp_tls_policy_maps, next-hop destination "a.example": policy table \
                lookup error
        smtp[1]: {held("AAAAA1", "none", "client TLS configuration problem")}
        smtp[1]: {held("AAAAA1", "none", "client TLS configuration problem").replace("x@", "y@")}"""
    facts = [each for each in joined(scene) if isinstance(each, OutboundDelivery)]
    assert [each.reason for each in facts] == ["client TLS configuration problem: no DNS"] * 2


def test_a_suspended_delivery_is_held_for_what_held_the_one_before() -> None:
    scene = f"""100 smtp[1]: server certificate verification failed for {A}: num=62:hostname \
                mismatch
        smtp[1]: Untrusted TLS to {A}: WITH
        smtp[1]: {held("AAAAA1", A, "Server certificate not verified")}
        error[2]: \
                {held("AAAAA2", "none", SUSPENDED)}"""
    first, second = (each for each in joined(scene) if isinstance(each, OutboundDelivery))
    assert first.cause is second.cause is Cause.NAME_MISMATCH
    assert second.encryption == "unknown"
    assert second.doubt is None


def test_a_host_that_was_given_up_is_told_with_the_domain_of_the_message() -> None:
    scene, _ = SCENES["a second host after the first was not verified"]
    (fact,) = (each for each in joined(scene) if isinstance(each, FailedSession))
    assert (fact.domain, fact.cause) == ("a.example", Cause.NAME_MISMATCH)
    assert fact.peer is not None
    assert fact.peer.host == "mx.a.example"


def test_a_look_up_in_vain_is_told_once_for_all_its_warnings() -> None:
    scene, _, _ = CAUSES["our own TEMP"]
    (fact,) = (each for each in joined(scene) if isinstance(each, FailedLookup))
    assert (fact.domain, fact.cause, fact.reason) == (
        "a.example",
        Cause.POLICY_LOOKUP,
        "no answer from DNS",
    )


def test_a_handshake_that_tlsproxy_logs_too_is_observed_once() -> None:
    scene, _ = SCENES["a connection is reused with its session"]
    assert sum(isinstance(each, TlsObserved) for each in joined(scene)) == 1


@pytest.mark.parametrize(
    ("relay", "traffic"),
    [
        ("127.0.0.1[127.0.0.1]:10024", Traffic.LOCAL),
        ("localhost[::1]:24", Traffic.LOCAL),
        ("box.example[private/dovecot-lmtp]", Traffic.LOCAL),
        ("mail.own.example[198.51.100.1]:10025", Traffic.LOCAL),
        ("relay.own.example[10.0.0.1]:25", Traffic.NETWORK),
        ("mx.a.example[2001:db8::1]:25", Traffic.NETWORK),
    ],
)
def test_what_stays_on_the_host_is_local(relay: str, traffic: Traffic) -> None:
    facts = joined(f"100 mail.own.example smtp[1]: {to('AAAAA1', relay)}")
    (fact,) = (each for each in facts if isinstance(each, OutboundDelivery))
    assert fact.traffic is traffic


@pytest.mark.parametrize(
    ("recipient", "domain"),
    [
        ("x@A.Example", "a.example"),
        ("x@bücher.example", "xn--bcher-kva.example"),
        ('"a b"@a.example', "a.example"),
        ("x@[192.0.2.1]", "[192.0.2.1]"),
        ("root", ""),
    ],
)
def test_the_domain_is_an_a_label_in_lower_case(recipient: str, domain: str) -> None:
    facts = joined(f"100 smtp[1]: {to('AAAAA1', A).replace('x@a.example', recipient)}")
    (fact,) = (each for each in facts if isinstance(each, OutboundDelivery))
    assert fact.domain == domain


def test_tlsrpt_names_the_domain_of_a_session() -> None:
    scene = f"""100 smtp[1]: TLSRPT: status=success, domain=policy.example, \
                receiving_mx=mx.a.example[192.0.2.1]
        smtp[1]: Trusted TLS to {A}: WITH
        smtp[1]: {to("AAAAA1", A)}
        smtp[1]: {to("AAAAA2", A)}"""
    facts = [each for each in joined(scene) if isinstance(each, OutboundDelivery)]
    assert [each.reported for each in facts] == ["policy.example", ""]
