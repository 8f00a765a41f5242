"""What truly happened, drawn at random; and the log that Postfix would have written of it.

Each process does one thing after the other, and logs each as it is done. The times of different
processes are drawn apart, so that their lines mingle.
"""

from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

from mtasts_resolver.maillog.events import LogLine
from tests.unit.evidence.joins.scenes import HOST, MIDDAY

HOSTS = ("a", "b", "c")
LEVELS = ("Anonymous", "Untrusted", "Trusted", "Verified")
WITH = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519"


class Line(NamedTuple):
    """A line, and when it was logged."""

    time: float
    service: str
    daemon: str
    pid: int
    message: str

    def logged(self, host: str = HOST, *, with_pid: bool = True) -> LogLine:
        """Return the line as a log has it, in whole seconds."""
        pid = self.pid if with_pid else None
        return LogLine(MIDDAY + int(self.time), host, self.service, self.daemon, pid, self.message)


class Outcome(NamedTuple):
    """How a message truly went, or came."""

    encryption: str
    level: str


Truth = dict[tuple[str, str], Outcome]
"""By queue id, and recipient; which is empty for a message that came in."""


class History(NamedTuple):
    """What happened, and the lines on it."""

    lines: list[Line]
    truth: Truth


PLAIN = Outcome("plain", "none")


class _Writer:
    """Writes the lines of one process, as time goes by."""

    def __init__(self, random: Random, daemon: str, pid: int) -> None:
        self.random = random
        self.daemon = daemon
        self.pid = pid
        self.time = random.uniform(0, 30)
        self.lines: list[Line] = []

    def wait(self, most: float) -> None:
        self.time += self.random.uniform(0, most)

    def have_proxy_say(self, message: str) -> None:
        """Have tlsproxy say what it does for this process; its own number is no matter."""
        self.lines.append(Line(self.time, "postfix", "tlsproxy", self.pid, message))

    def say(self, message: str) -> None:
        self.lines.append(Line(self.time, "postfix", self.daemon, self.pid, message))
        self.wait(0.5)


def _where(host: str) -> tuple[str, str]:
    name = f"mx.{host}.example[192.0.2.{ord(host)}]"
    return name, f"{name}:25"


def _deliver(writer: _Writer, queue_id: str, truth: Truth) -> None:
    """Have one message go to its recipients, by one host or another."""
    random = writer.random
    came = writer.time - random.choice([0, 1, 10, 4000]) * random.random()
    recipients = [f"r{n}@dom.example" for n in range(random.choice([1, 1, 1, 2, 3]))]
    for host in random.sample(HOSTS, random.choice([0, 0, 1, 2])):
        _fail_at(writer, queue_id, host)
    host = random.choice(HOSTS)
    _, place = _where(host)
    outcome, use = _connect(writer, queue_id, host)
    for recipient in recipients:
        truth[queue_id, recipient] = outcome
        writer.say(
            f"{queue_id}: to=<{recipient}>, relay={place},{use}"
            f" delay={max(writer.time - came, 0):.1f}, delays=0/0/0/0, dsn=2.0.0,"
            " status=sent (250 2.0.0 Ok)"
        )


def _connect(writer: _Writer, queue_id: str, host: str) -> tuple[Outcome, str]:
    """Connect to a host that takes the mail; return how, and what the delivery says of it."""
    name, place = _where(host)
    level = writer.random.choice(LEVELS)
    match writer.random.choice(["tls", "plain", "reused", "kept", "fallback", "broken"]):
        case "tls":
            if writer.random.random() < 0.3:
                writer.have_proxy_say(f"{level} TLS connection established to {place}: {WITH}")
            writer.say(f"{level} TLS connection established to {place}: {WITH}")
            return Outcome("encrypted", level.lower()), ""
        case "reused":
            writer.say(f"{level} TLS connection reused to {place}: {WITH}")
            return Outcome("encrypted", level.lower()), " conn_use=2,"
        case "kept":
            return PLAIN, " conn_use=2,"
        case "fallback":
            writer.say(f"SSL_connect error to {place}: -1")
            writer.say(f"{queue_id}: Cannot start TLS: handshake failure")
        case "broken":
            writer.say(f"{level} TLS connection established to {place}: {WITH}")
            writer.say(f"{queue_id}: lost connection with {name} while sending RCPT TO")
    return PLAIN, ""


def _fail_at(writer: _Writer, queue_id: str, host: str) -> None:
    """Try a host that does not take the mail."""
    name, place = _where(host)
    match writer.random.choice(["unverified", "no-starttls", "later", "refused"]):
        case "unverified":
            writer.say(f"server certificate verification failed for {place}: num=62:hostname")
            writer.say(f"Untrusted TLS connection established to {place}: {WITH}")
            writer.say(f"{queue_id}: Server certificate not verified")
        case "no-starttls":
            writer.say(f"{queue_id}: TLS is required, but was not offered by host {name}")
        case "later":
            if writer.random.random() < 0.5:
                writer.say(f"Trusted TLS connection established to {place}: {WITH}")
            writer.say(f"{queue_id}: host {name} said: 450 Later (in reply to MAIL FROM command)")
        case "refused":
            writer.say(f"connect to {place}: Connection refused")


def _serve(writer: _Writer, queue_ids: list[str], truth: Truth) -> None:
    """Have one client bring messages."""
    name, _ = _where(writer.random.choice(HOSTS))
    level = writer.random.choice(LEVELS[:3])
    how = writer.random.choice(["tls", "plain", "failed"])
    writer.say(f"connect from {name}")
    starttls = ""
    if how == "tls":
        starttls = " starttls=1"
        writer.say(f"{level} TLS connection established from {name}: {WITH}")
    elif how == "failed":
        starttls = " starttls=0/1"
        queue_ids = []
        writer.say(f"SSL_accept error from {name}: -1")
    for queue_id in queue_ids:
        truth[queue_id, ""] = Outcome("encrypted", level.lower()) if how == "tls" else PLAIN
        writer.say(f"{queue_id}: client={name}")
    mails = f" mail={len(queue_ids)}" if queue_ids else ""
    writer.say(f"disconnect from {name} ehlo=1{starttls}{mails} quit=1 commands=5")


def _begun(lines: list[Line], truth: Truth) -> None:
    """Have the log begin long before, and show that both services log TLS."""
    name, place = _where("z")
    before = -10_000.0
    lines += [
        Line(
            before, "postfix", "smtp", 1, f"Trusted TLS connection established to {place}: {WITH}"
        ),
        Line(before, "postfix", "smtpd", 2, f"connect from {name}"),
        Line(
            before, "postfix", "smtpd", 2, f"Trusted TLS connection established from {name}: {WITH}"
        ),
        Line(before, "postfix", "smtpd", 2, f"disconnect from {name} ehlo=2 starttls=1 quit=1"),
    ]


def history_of(random: Random, senders: int, receivers: int) -> History:
    """Have so many processes do something, by chance."""
    truth: Truth = {}
    lines: list[Line] = []
    _begun(lines, truth)
    number = 0
    for pid in range(10, 10 + senders):
        writer = _Writer(random, "smtp", pid)
        for _ in range(random.randint(1, 4)):
            number += 1
            _deliver(writer, f"OUT{number:03}", truth)
            writer.wait(20)
        lines += writer.lines
    for pid in range(20, 20 + receivers):
        writer = _Writer(random, "smtpd", pid)
        for _ in range(random.randint(1, 3)):
            queue_ids = [f"IN{number + n:04}" for n in range(random.randint(0, 3))]
            number += len(queue_ids)
            _serve(writer, queue_ids, truth)
            writer.wait(20)
        lines += writer.lines
    return History(sorted(lines, key=lambda line: line.time), truth)


def seeded(seed: int) -> Random:
    """Return what a seed makes of chance: the same each time."""
    return Random(seed)  # noqa: S311


def histories() -> st.SearchStrategy[History]:
    """Draw a history of a few processes of each kind.

    What happens comes from one seed, which is quick to draw: there is much of it.
    """
    seeds = st.integers(0, 1 << 64).map(seeded)
    return st.builds(history_of, seeds, st.integers(1, 3), st.integers(0, 2))
