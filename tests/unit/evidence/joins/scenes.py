"""Scenes of a log: lines as an administrator reads them, and what the joins make of them.

A line is `SECONDS PROGRAM[PID]: MESSAGE`, or `PROGRAM[PID]: MESSAGE` of the same second as the one
before. PROGRAM stands for `postfix/PROGRAM`. A backslash goes on in the next line.
"""

import re

from mtasts_resolver.evidence.deliveries import (
    Encryption,
    Fact,
    InboundMessage,
    OutboundDelivery,
)
from mtasts_resolver.evidence.joins.joiner import Joiner
from mtasts_resolver.maillog.events import LogLine, Meaning
from mtasts_resolver.maillog.messages import meaning_of

MIDDAY = 1_800_000_000.0
HOST = "mail"
_LINE = re.compile(
    r"(?:(?P<time>[0-9.]+) )?(?:(?P<host>[\w.]+) )?(?P<program>[\w/-]+)(?:\[(?P<pid>\d*)\])?:"
    r" (?P<message>.+)"
)

# Lines that a scene is written with, in short.
SHORT = {
    "TLS to": "TLS connection established to",
    "TLS from": "TLS connection established from",
    "REUSED": "TLS connection reused to",
    "WITH": "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519",
}


def lines(scene: str) -> list[LogLine]:
    """Return the lines of a scene."""
    read = []
    time = 0.0
    for text in filter(None, map(str.strip, scene.splitlines())):
        found = _LINE.match(re.sub(r"\s+", " ", text))  # a scene may break a long line
        assert found is not None, text
        time = float(found["time"] or time)
        service, _, daemon = f"postfix/{found['program']}".rpartition("/")
        pid = int(found["pid"]) if found["pid"] else None
        message = found["message"]
        for word, meaning in SHORT.items():
            message = re.sub(rf"\b{word}\b", meaning, message)
        read.append(LogLine(MIDDAY + time, found["host"] or HOST, service, daemon, pid, message))
    return read


def joined(scene: str, joiner: Joiner | None = None, *, finish: bool = True) -> list[Fact]:
    """Return the facts of a scene; it goes on unless it is to `finish`."""
    joiner = joiner or Joiner()
    facts: list[Fact] = []
    for line in lines(scene):
        event = meaning_of(line)
        assert event is not Meaning.UNKNOWN, line.message
        if not isinstance(event, Meaning):
            facts += joiner.feed(line, event)
    return [*facts, *joiner.finish()] if finish else facts


def summary(fact: Fact) -> str:
    """Return what a scene's table says of a delivery or a message."""
    assert isinstance(fact, OutboundDelivery | InboundMessage)
    doubt = f"? {fact.doubt.value}" if fact.doubt else ""
    known = "" if fact.encryption is Encryption.UNKNOWN else fact.encryption.value
    level = fact.level if fact.level not in {"", "none"} else ""
    return " ".join(filter(None, (fact.queue_id, known, level, doubt)))


def outcomes(scene: str, joiner: Joiner | None = None) -> list[str]:
    """Return what became of each delivery and message of a scene, sorted."""
    return sorted(
        summary(fact)
        for fact in joined(scene, joiner)
        if isinstance(fact, OutboundDelivery | InboundMessage)
    )
