"""What Postfix is told: verdict to reply text, in the grammar of smtp_tls_policy_maps."""

import re
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct, field

from mtasts_resolver.policy import Level, Policy, Verdict, is_hostname, is_mx_pattern


class Status(StrEnum):
    """The outcomes that socketmap_table(5) knows and tcp_table(5) can express."""

    OK = "OK"
    NOTFOUND = "NOTFOUND"
    TEMP = "TEMP"
    PERM = "PERM"


class Reply(Struct, frozen=True, gc=False):
    """The answer to one look-up.

    `text` is the value for OK, the reason for TEMP and PERM (Postfix logs it), and empty for
    NOTFOUND. `fallback` is what to send where the protocol cannot hold this reply.
    """

    status: Status
    text: str = ""
    fallback: "Reply | None" = None

    def __str__(self) -> str:
        return f"{self.status} {self.text}".rstrip()

    @property
    def answer(self) -> str:
        """What it is called: the first word that Postfix gets, in lower case."""
        word = self.text.partition(" ")[0] if self.status is Status.OK else self.status
        return word.lower()


@dataclass(slots=True, eq=False)
class Tally:
    """How often an answer was given in a map. Whoever sends it counts."""

    map_name: str = ""
    """In lower case; or what stands for it."""
    answer: str = ""
    would_be: str = ""
    """The answer in whose place it was given, where the map only observes."""
    count: int = 0


class TimedReply(Struct, eq=False, gc=False):
    """A reply that holds until a time, and the bytes that say it once a protocol has encoded it.

    It is recalled when what it was made of is gone or wrong; it is then asked for again. Whoever
    keeps one that was recalled keeps next to nothing.
    """

    reply: Reply
    until: float
    """Monotonic seconds."""
    made_for: object = None
    """What another look-up must have in common with the first to get the same reply."""
    generation: int = 0
    """How often all replies had been revoked when it was made."""
    wire: bytes = b""
    used: bool = False
    """It was sent since whoever made it looked last."""
    size: int = 0
    """Bytes that are counted for it, its `wire` included."""
    tally: Tally = field(default_factory=Tally)
    """It is counted there each time that it is sent."""

    def recall(self) -> None:
        self.until = float("-inf")
        self.reply = RECALLED
        self.wire = b""


class AttributeSyntaxError(ValueError):
    """An attribute would not be read by Postfix as it is meant; sending it would defer mail."""


NOT_FOUND = Reply(Status.NOTFOUND)
# It is never sent, for a reply that was recalled is asked for again; were it sent, mail would wait.
RECALLED = Reply(Status.TEMP, "what was known has changed, ask again")

# A line that stands between braces in an attribute: no brace in it, and nothing but ASCII, which is
# what Postfix's parser and the reports' JSON agree on.
_CARRIED = re.compile(r"[ -z|~\t]+\Z")

# What a TEMP says when a policy names more hosts than the protocol can carry. Nothing weaker may be
# sent in its place: leaving out a match could defer mail, and leaving out all would not protect it.
_TOO_LONG = Reply(Status.TEMP, "the policy names more MX hosts than fit into one reply")


def render(verdict: Verdict, domain: str, *, sni: bool = True, tlsrpt: bool = False) -> Reply:
    """Return the reply that tells Postfix of `verdict` for the policy domain `domain`.

    With `sni` Postfix is told to send the MX host's name in the TLS handshake: RFC 8461 §4.2, §7.1.
    With `tlsrpt` the policy comes along, for reports (RFC 8460 §4.4); Postfix before 3.10 rejects
    such a reply.
    """
    match verdict.level:
        case Level.SECURE if verdict.policy is not None:
            patterns = ":".join(_match_pattern(mx) for mx in verdict.policy.mx)
            servername = " servername=hostname" if sni else ""
            reply = Reply(Status.OK, f"secure match={patterns}{servername}", _TOO_LONG)
            if not tlsrpt:
                return reply
            attributes = _tlsrpt_attributes(verdict.policy, domain)
            return Reply(Status.OK, f"{reply.text} {attributes}", reply)
        case Level.DANE_ONLY:
            return Reply(Status.OK, "dane-only")
        case Level.DANE:
            return Reply(Status.OK, "dane")
        case Level.TEMP:
            return Reply(Status.TEMP, verdict.reason)
        case _:
            return NOT_FOUND


def _tlsrpt_attributes(policy: Policy, domain: str) -> str:
    """Return what Postfix 3.10 and later report of a policy (RFC 8460 §4.4, TLSRPT_README).

    They belong to the level `secure` alone: at `may` a bad certificate would be reported as a
    success, and at `dane` a missing TLSA record. The lines stand as they were served, in their
    order: reports count by them. One that Postfix cannot carry is left out; the fields that
    RFC 8461 §3.2 names are never such a line.
    """
    if not is_hostname(domain):
        raise AttributeSyntaxError(f"{domain!a} cannot be a policy_domain")
    patterns = "".join(f" mx_host_pattern={_mx_pattern(mx)}" for mx in policy.mx)
    carried = (line.rstrip(" \t") for line in policy.lines)
    strings = "".join(f" {{ policy_string = {line} }}" for line in carried if _CARRIED.match(line))
    return f"policy_type=sts policy_domain={domain}{patterns}{strings}"


def _match_pattern(mx: str) -> str:
    """Turn an mx pattern into Postfix's: `*.example.com` (RFC 8461 §4.1) is `.example.com`."""
    return _mx_pattern(mx).removeprefix("*")


def _mx_pattern(mx: str) -> str:
    """Return `mx`, or raise AttributeSyntaxError.

    Postfix splits attributes at white space and commas, and the patterns in match= at colons
    (TLS_README, "TLS policy table"); a host name holds none of these.
    """
    if not is_mx_pattern(mx):
        raise AttributeSyntaxError(f"{mx!a} cannot stand in an attribute")
    return mx
