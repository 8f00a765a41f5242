"""What was done while a log was recorded, as values: nothing of it is read from the log.

The lab knows it from what it set up, and the far ends of the connections have confirmed it.
"""

import lzma
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

DIRECTORY = Path(__file__).parent

Place = tuple[str, str, str]
"""Where mail was held: domain, MX host, and cause."""

LEVELS = ("none", "anonymous", "untrusted", "trusted", "verified")
"""What a message can go over, as Postfix calls it."""


class Session(Struct, frozen=True, omit_defaults=True):
    """A message on the wire: what the far end saw, and what Postfix could know of the peer."""

    level: str
    """One of LEVELS; `none`: it went in plain text."""
    version: str = ""
    cipher: str = ""
    """As the far end's TLS library has them; empty where the far end does not tell."""
    silent: bool = False
    """Whether Postfix was told to log nothing of it (smtp_tls_loglevel = 0)."""
    post_quantum: bool = False
    """Whether both ends can, and so do, agree on keys by ML-KEM."""

    @property
    def encrypted(self) -> bool:
        return self.level != "none"


class Attempt(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An attempt to deliver to one recipient."""

    status: str
    """`sent`, `deferred`, `bounced`."""
    host: str = ""
    """The MX host that it ended at; empty where nobody was connected to."""
    session: Session | None = None
    """None where the message itself never went out."""
    cause: str = ""
    """Why TLS held it, in the words of maillog.events.Cause; empty where TLS did not."""
    suspended: bool = False
    """Whether nobody was asked, for an earlier attempt had ended so."""
    left: tuple[tuple[str, str], ...] = ()
    """The MX hosts that were given up before, each with the cause."""


class Outgoing(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message to one recipient, over the network."""

    recipient: str
    domain: str
    """Of the recipient, in A-label form."""
    attempts: tuple[Attempt, ...]
    end: str
    """`delivered`, `bounced`, `expired`, `deleted`; `waiting` when the log ends."""
    enforced: str = ""
    """By whose word Postfix was told to enforce TLS: `mta-sts`, `dane`; empty: by nobody's."""
    next_hop: str = ""
    """Whose policy was asked for, where that is not the domain's."""
    asked: bool = True
    """Whether Postfix asked the daemon at all."""


class Incoming(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message that was taken."""

    client: str
    """The address of who sent it."""
    session: Session
    submission: bool = False


class Truth(Struct, frozen=True, kw_only=True):
    """All that happened."""

    postfix: str
    """Its version, such as `3.11`."""
    outgoing: tuple[Outgoing, ...]
    incoming: tuple[Incoming, ...]
    local: int
    """Messages times recipients that were handed to this host itself."""
    local_incoming: int
    """Messages that this host itself handed in by SMTP."""
    failed_handshakes: int
    """Of clients: TLS that was begun with us and came to nothing."""

    @property
    def version(self) -> tuple[int, ...]:
        return tuple(map(int, self.postfix.split(".")))

    def attempts(self) -> Iterator[tuple[Outgoing, Attempt]]:
        for outgoing in self.outgoing:
            for attempt in outgoing.attempts:
                yield outgoing, attempt

    def deliveries(self) -> Iterator[tuple[Outgoing, Session]]:
        """Yield what was handed on, over the network."""
        for outgoing, attempt in self.attempts():
            if attempt.status == "sent":
                assert attempt.session is not None
                yield outgoing, attempt.session

    def levels(self) -> Counter[str]:
        return Counter(session.level for _, session in self.deliveries())

    def held(self) -> Counter[Place]:
        """Return how often TLS held mail, or had a host be given up for another."""
        held: Counter[Place] = Counter()
        for outgoing, attempt, place in self._held_attempts():
            held.update((outgoing.domain, host, cause) for host, cause in attempt.left)
            held.update([place] if place else [])
        return held

    def held_messages(self) -> Iterator[tuple[Outgoing, Place]]:
        """Yield each message that TLS has held, and where it did so first."""
        seen = set()
        for outgoing, _, place in self._held_attempts():
            if place and id(outgoing) not in seen:
                seen.add(id(outgoing))
                yield outgoing, place

    def _held_attempts(self) -> Iterator[tuple[Outgoing, Attempt, Place | None]]:
        """Yield attempts, with where TLS held them: what is suspended, where the one before was."""
        last: dict[tuple[str, str], str] = {}
        for outgoing, attempt in self.attempts():
            domain, cause, host = outgoing.domain, attempt.cause, attempt.host
            if attempt.suspended:
                host = last.get((domain, cause), "")
            last[domain, cause] = host
            yield outgoing, attempt, (domain, host, cause) if cause else None


class Recording(Struct, frozen=True):
    """A log and its truth."""

    log: Path
    truth: Truth

    def lines(self) -> list[bytes]:
        return lzma.decompress(self.log.read_bytes()).splitlines()


def recordings() -> list[Recording]:
    """Return those that are kept."""
    return [
        Recording(
            log, msgspec.json.decode(log.with_name(f"{log.stem}.json").read_bytes(), type=Truth)
        )
        for log in sorted(DIRECTORY.glob("*.log.xz"))
    ]


def write_recording(directory: Path, lines: list[str], truth: Truth) -> None:
    """Keep a log and its truth."""
    name = f"postfix-{truth.postfix}.log"
    packed = lzma.compress("".join(f"{line}\n" for line in lines).encode(), preset=9)
    (directory / f"{name}.xz").write_bytes(packed)
    told = msgspec.json.format(msgspec.json.encode(truth), indent=1)
    (directory / f"{name}.json").write_bytes(told + b"\n")
