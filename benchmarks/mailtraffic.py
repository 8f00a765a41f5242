"""Logs of Postfix of any size, and what is true of them: `write_logs`.

Two hosts with mail in both directions, a month long: mx1 logs as syslog does since ever, mx2 in ISO
8601 with microseconds. Their processes are at work side by side, and a process takes one thing
after the other, as Postfix has it. Of the same seed come the same bytes. Everything that a report
counts is counted here, where it is made.
"""

import math
import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import IO, NamedTuple

from msgspec import Struct, field

from .loghosts import LogHost, SyslogTime, iso_time

BEGIN = 1_793_491_200.0
"""2026-11-01 00:00 UTC."""
PERIOD = 30 * 86_400.0
# Messages before which none goes out in plain text: what a process had before the log began cannot
# be told, and so such a delivery would rightly count as unknown.
FIRST = 300
DOMAINS = 20_000
CLIENTS = 5_000
MOST_OFTEN = 3.0  # the greater, the more mail goes to a few domains
# Shares.
ENCRYPTED_IN = 0.93
HANDSHAKE_IN = 0.3
REUSED = 0.1
MENDED = 0.5
UNREACHABLE = 0.5

_IDS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_TLS = {
    "Verified": "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange"
    " X25519MLKEM768 server-signature RSA-PSS (2048 bits) server-digest SHA256",
    "Trusted": "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519"
    " server-signature RSA-PSS (2048 bits) server-digest SHA256",
    "Untrusted": "TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)",
    "Anonymous": "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519"
    " server-signature ECDSA (prime256v1) server-digest SHA256",
}
_LEVELS = ("Verified", "Verified", "Trusted", "Trusted", "Trusted", "Untrusted", "Anonymous")
_QMGR = "postfix/qmgr[420]"
_TABLE = "socketmap:unix:/run/mtasts-resolver/socketmap:postfix"
_ALERT = (
    "error:0A000410:SSL routines::ssl/tls alert handshake failure:../ssl/record/rec_layer_s3.c:1586"
    ":SSL alert number 40:"
)
_NO_CIPHER = "error:0A0000C1:SSL routines::no shared cipher:../ssl/statem/statem_srvr.c:2220:"
_UNVERIFIED = {
    "name-mismatch": "server certificate verification failed for {peer}: num=62:hostname mismatch",
    "expired": "server certificate verification failed for {peer}: certificate has expired",
    "self-signed": "certificate verification failed for {peer}: self-signed certificate",
    "untrusted": "certificate verification failed for {peer}: untrusted issuer /O=CA/CN=Some CA",
}


class Truth(Struct):
    """What the logs say, by whoever wrote them."""

    lines: int = 0
    bytes: int = 0
    sent: int = 0
    """Deliveries to other hosts, as the rest of these."""
    encrypted: int = 0
    plain: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    """Of what was sent; `none` among them."""
    failed: int = 0
    """Attempts that were deferred or bounced."""
    causes: Counter[str] = field(default_factory=Counter)
    """Of those, what TLS held."""
    local: int = 0
    received: int = 0
    """Messages from other hosts, as the rest of these."""
    received_encrypted: int = 0
    received_plain: int = 0
    submissions: int = 0
    refused: int = 0
    """Clients whose handshake failed."""


class _Attempt(NamedTuple):
    """smtp(8) delivers a message, or tries to."""

    host: LogHost
    smtp: str
    begin: float
    queue_id: str
    number: int
    """Of the domain."""

    @property
    def domain(self) -> str:
        return f"d{self.number}.example"

    @property
    def name(self) -> str:
        """The MX host, without its port."""
        return f"mx1.{self.domain}[192.0.{self.number >> 8}.{self.number & 255}]"

    @property
    def peer(self) -> str:
        return f"{self.name}:25"

    def log(self, after: float, message: str) -> None:
        self.host.log(self.begin + after, self.smtp, message)

    def delivered(self, after: float, user: str = "someone", uses: str = "") -> None:
        self.log(
            after,
            f"{self.queue_id}: to=<{user}@{self.domain}>, relay={self.peer},{uses} delay=2.1,"
            " delays=0.6/0/0.5/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as"
            f" {self.queue_id})",
        )

    def removed(self, after: float) -> None:
        self.host.log(self.begin + after, _QMGR, f"{self.queue_id}: removed")

    def held(self, after: float, dsn: str, why: str, *, connected: bool) -> None:
        relay = self.peer if connected else "none"
        self.log(
            after,
            f"{self.queue_id}: to=<someone@{self.domain}>, relay={relay}, delay=2.1,"
            f" delays=0.6/0/0.5/1, dsn={dsn}, status=deferred ({why})",
        )


class _Traffic:
    """Makes messages, and counts what becomes of them."""

    def __init__(self, seed: int, first: int) -> None:
        self.truth = Truth()
        self._first = first
        self.random = random = Random(seed)  # noqa: S311  the same each time
        self.hosts = (LogHost("mx1", SyslogTime(), random), LogHost("mx2", iso_time, random))
        self._kinds = (
            (self._incoming, 40),
            (self._outgoing, 46),
            (self._plain, 3),
            (self._unverified, 3),
            (self._not_offered, 1),
            (self._handshake, 1),
            (self._temporary, 1),
            (self._deferred, 4),
            (self._scan, 6),
        )
        self._choice = [kind for kind, weight in self._kinds for _ in range(weight)]

    def message(self, number: int, at: float) -> None:
        """Have one message, or what was none, come in or go out."""
        kind = self.random.choice(self._choice)
        if number < self._first and kind in (self._plain, self._incoming):
            kind = self._outgoing
        kind(self.random.choice(self.hosts), at)

    def start(self, at: float) -> None:
        for host in self.hosts:
            host.log(at, "postfix/master[411]", "daemon started -- version 3.10.5, configuration /")

    # -- coming in -------------------------------------------------------------------------------

    def _incoming(self, host: LogHost, at: float) -> None:
        """Take in a message of another host, and put it into a mailbox."""
        end = at + 2 + self.random.random()
        smtpd = host.process("postfix/smtpd", at, end)
        client = self._client()
        queue_id = self._queue_id()
        encrypted = self.random.random() < ENCRYPTED_IN
        host.log(at, smtpd, f"connect from {client}")
        if encrypted:
            host.log(
                at + 0.2,
                smtpd,
                f"Anonymous TLS connection established from {client}: {_TLS['Trusted']}",
            )
        host.log(at + 0.5, smtpd, f"{queue_id}: client={client}")
        self._queued(host, at + 0.6, queue_id)
        starttls = " starttls=1" if encrypted else ""
        host.log(
            end, smtpd, f"disconnect from {client} ehlo=2{starttls} mail=1 rcpt=1 data=1 quit=1"
        )
        lmtp = host.process("postfix/lmtp", end, end + 0.3)
        host.log(
            end + 0.2,
            lmtp,
            f"{queue_id}: to=<user{self.random.randrange(900)}@our.example>,"
            " relay=mail.our.example[private/dovecot-lmtp], delay=2.5, delays=2.1/0/0.1/0.3,"
            " dsn=2.0.0, status=sent (250 2.0.0 Saved)",
        )
        host.log(end + 0.25, _QMGR, f"{queue_id}: removed")
        self.truth.received += 1
        self.truth.received_encrypted += encrypted
        self.truth.received_plain += not encrypted
        self.truth.local += 1

    def _scan(self, host: LogHost, at: float) -> None:
        """Have somebody come who brings none: a handshake that fails, or nothing at all."""
        smtpd = host.process("postfix/smtpd", at, at + 1)
        client = self._client()
        host.log(at, smtpd, f"connect from {client}")
        if self.random.random() < HANDSHAKE_IN:
            host.log(at + 0.3, smtpd, f"SSL_accept error from {client}: -1")
            host.log(at + 0.3, smtpd, f"warning: TLS library problem: {_NO_CIPHER}")
            host.log(at + 0.3, smtpd, f"lost connection after STARTTLS from {client}")
            host.log(at + 0.9, smtpd, f"disconnect from {client} ehlo=1 starttls=0/1 commands=1/2")
            self.truth.refused += 1
        else:
            host.log(at + 0.4, smtpd, f"lost connection after CONNECT from {client}")
            host.log(at + 0.9, smtpd, f"disconnect from {client} commands=0/0")

    def _submitted(self, host: LogHost, at: float) -> str:
        """Take in a message of a user, and return its queue id."""
        smtpd = host.process("postfix/submission/smtpd", at, at + 2)
        client = f"unknown[198.51.100.{self.random.randrange(1, 255)}]"
        queue_id = self._queue_id()
        host.log(at, smtpd, f"connect from {client}")
        host.log(
            at + 0.2,
            smtpd,
            f"Anonymous TLS connection established from {client}: {_TLS['Trusted']}",
        )
        user = f"sasl_method=PLAIN, sasl_username=user{self.random.randrange(900)}"
        host.log(at + 0.5, smtpd, f"{queue_id}: client={client}, {user}")
        self._queued(host, at + 0.6, queue_id)
        host.log(
            at + 1.5,
            smtpd,
            f"disconnect from {client} ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1",
        )
        self.truth.submissions += 1
        return queue_id

    def _queued(self, host: LogHost, at: float, queue_id: str) -> None:
        cleanup = host.process("postfix/cleanup", at, at + 0.3)
        host.log(at, cleanup, f"{queue_id}: message-id=<{queue_id}.{at:.0f}@host.example>")
        host.log(
            at + 0.2,
            _QMGR,
            f"{queue_id}: from=<someone@from.example>, size={self.random.randrange(900, 90_000)},"
            " nrcpt=1 (queue active)",
        )

    # -- going out -------------------------------------------------------------------------------

    def _outgoing(self, host: LogHost, at: float) -> None:
        """Send a message over TLS, to one recipient or some, by a connection that may be reused."""
        attempt = self._attempt(host, at, self._submitted(host, at))
        level = self.random.choice(_LEVELS)
        reused = self.random.random() < REUSED
        attempt.log(0.4, self._session(level, attempt.peer, "reused" if reused else "established"))
        recipients = self.random.choice((1, 1, 1, 1, 1, 2, 3))
        for number in range(recipients):
            attempt.delivered(0.8 + number / 1_000, f"u{number}", " conn_use=2," if reused else "")
        attempt.removed(0.9)
        self._count_sent(level.lower(), recipients)

    def _plain(self, host: LogHost, at: float) -> None:
        attempt = self._attempt(host, at, self._submitted(host, at))
        attempt.delivered(0.8)
        attempt.removed(0.9)
        self._count_sent("none", 1)

    def _unverified(self, host: LogHost, at: float) -> None:
        """Hold a message for its certificate; of every other one that is mended later."""
        attempt = self._attempt(host, at, self._submitted(host, at))
        cause, line = self.random.choice(list(_UNVERIFIED.items()))
        attempt.log(0.3, line.format(peer=attempt.peer))
        attempt.log(0.4, self._session("Untrusted", attempt.peer))
        self._hold(attempt, "4.7.5", "Server certificate not verified", cause)
        if self.random.random() < MENDED:
            again = self._attempt(host, at + 600, attempt.queue_id, attempt.number)
            again.log(0.4, self._session("Verified", again.peer))
            again.delivered(0.8)
            again.removed(0.9)
            self._count_sent("verified", 1)

    def _not_offered(self, host: LogHost, at: float) -> None:
        attempt = self._attempt(host, at, self._submitted(host, at))
        why = f"TLS is required, but was not offered by host {attempt.name}"
        self._hold(attempt, "4.7.4", why, "no-starttls")

    def _handshake(self, host: LogHost, at: float) -> None:
        attempt = self._attempt(host, at, self._submitted(host, at))
        attempt.log(0.3, f"SSL_connect error to {attempt.peer}: -1")
        attempt.log(0.3, f"warning: TLS library problem: {_ALERT}")
        self._hold(attempt, "4.7.5", "Cannot start TLS: handshake failure", "handshake")

    def _temporary(self, host: LogHost, at: float) -> None:
        """Hold a message for the policy table has no answer."""
        attempt = self._attempt(host, at, self._submitted(host, at))
        domain, why = attempt.domain, "client TLS configuration problem"
        attempt.log(0.2, f'warning: {_TABLE} lookup error for "{domain}"')
        attempt.log(
            0.2,
            f'warning: smtp_tls_policy_maps, next-hop destination "{domain}": policy table lookup'
            " error",
        )
        attempt.log(0.2, f"warning: TLS policy lookup for {domain}/mx1.{domain}: {why}")
        self._hold(attempt, "4.7.5", why, "policy-lookup", connected=False)

    def _deferred(self, host: LogHost, at: float) -> None:
        """Hold a message for what has nothing to do with TLS."""
        attempt = self._attempt(host, at, self._submitted(host, at))
        if self.random.random() < UNREACHABLE:
            why = f"connect to {attempt.peer}: Connection timed out"
            attempt.log(0.2, why)
            self._hold(attempt, "4.4.1", why, connected=False)
        else:
            attempt.log(0.4, self._session("Trusted", attempt.peer))
            why = f"host {attempt.name} said: 450 4.2.0 Greylisted (in reply to RCPT TO command)"
            self._hold(attempt, "4.2.0", why)

    def _attempt(
        self, host: LogHost, at: float, queue_id: str, number: int | None = None
    ) -> "_Attempt":
        """Return an attempt to deliver, by a process that is free: behind what came in before."""
        then = at + 1.6 + self.random.random()
        if number is None:
            number = int(DOMAINS * self.random.random() ** MOST_OFTEN)
        return _Attempt(host, host.process("postfix/smtp", then, then + 1), then, queue_id, number)

    @staticmethod
    def _session(level: str, peer: str, how: str = "established") -> str:
        return f"{level} TLS connection {how} to {peer}: {_TLS[level]}"

    def _hold(
        self,
        attempt: "_Attempt",
        dsn: str,
        why: str,
        cause: str | None = None,
        *,
        connected: bool = True,
    ) -> None:
        attempt.held(0.5, dsn, why, connected=connected)
        self.truth.failed += 1
        if cause is not None:
            self.truth.causes[cause] += 1

    def _count_sent(self, level: str, recipients: int) -> None:
        self.truth.sent += recipients
        self.truth.levels[level] += recipients
        self.truth.plain += recipients * (level == "none")
        self.truth.encrypted += recipients * (level != "none")

    # -- whoever is at the other end -------------------------------------------------------------

    def _client(self) -> str:
        number = self.random.randrange(CLIENTS)
        return f"out.c{number}.example[203.0.{number >> 8}.{number & 255}]"

    def _queue_id(self) -> str:
        return "4" + "".join(self.random.choices(_IDS, k=10)) + "zXYZ"


def write_logs(
    paths: tuple[Path, Path],
    *,
    messages: int,
    seed: int = 14,
    first: int = FIRST,
    opened: Callable[[Path], IO[bytes]] = lambda path: path.open("wb"),
) -> Truth:
    """Write the logs of both hosts, and return what is true of them."""
    traffic = _Traffic(seed, first)
    with ExitStack() as stack:
        files = [stack.enter_context(opened(path)) for path in paths]

        def write(until: float) -> None:
            for host, file in zip(traffic.hosts, files, strict=True):
                data = "".join(lines := list(host.due(until))).encode()
                file.write(data)
                traffic.truth.lines += len(lines)
                traffic.truth.bytes += len(data)

        at = BEGIN
        traffic.start(at)
        for number in range(messages):
            at += traffic.random.expovariate(messages / PERIOD)
            if number % 50 == 0:
                write(at)
            traffic.message(number, at)
        write(math.inf)
    # From when a file was written follows the year that its lines do not have.
    for path in paths:
        os.utime(path, (BEGIN + PERIOD, BEGIN + PERIOD))
    return traffic.truth
