"""What Postfix is told: verdict to reply text, in the grammar of smtp_tls_policy_maps."""

from dataclasses import dataclass
from enum import StrEnum

from mtasts_resolver.policy.hostname import is_mx_pattern
from mtasts_resolver.policy.verdict import Level, Verdict


class Status(StrEnum):
    """The outcomes that socketmap_table(5) knows and tcp_table(5) can express."""

    OK = "OK"
    NOTFOUND = "NOTFOUND"
    TEMP = "TEMP"
    PERM = "PERM"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one look-up.

    `text` is the value for OK, the reason for TEMP and PERM (Postfix logs it), and empty for
    NOTFOUND. `fallback` is what to send where the protocol cannot hold this reply.
    """

    status: Status
    text: str = ""
    fallback: "Reply | None" = None


class AttributeSyntaxError(ValueError):
    """An attribute would not be read by Postfix as it is meant; sending it would defer mail."""


NOT_FOUND = Reply(Status.NOTFOUND)

# What a TEMP says when a policy names more hosts than the protocol can carry. Nothing weaker may be
# sent in its place: leaving out a match could defer mail, and leaving out all would not protect it.
_TOO_LONG = Reply(Status.TEMP, "the policy names more MX hosts than fit into one reply")


def render(verdict: Verdict, *, sni: bool = True) -> Reply:
    """Return the reply that tells Postfix of `verdict`.

    At `secure` Postfix verifies that the certificate is trusted, and valid for a name that fits one
    of the patterns (RFC 8461 §4.2).
    With `sni` Postfix is told to send the MX host's name in the TLS handshake (RFC 8461 §7.1).
    """
    match verdict.level:
        case Level.SECURE if verdict.policy is not None:
            patterns = ":".join(_match_pattern(mx) for mx in verdict.policy.mx)
            servername = " servername=hostname" if sni else ""
            return Reply(Status.OK, f"secure match={patterns}{servername}", _TOO_LONG)
        case Level.DANE_ONLY:
            return Reply(Status.OK, "dane-only")
        case Level.DANE:
            return Reply(Status.OK, "dane")
        case Level.TEMP:
            return Reply(Status.TEMP, verdict.reason)
        case _:
            return NOT_FOUND


def _match_pattern(mx: str) -> str:
    """Turn an mx pattern into Postfix's: `*.example.com` (RFC 8461 §4.1) is `.example.com`.

    Postfix splits attributes at white space and commas, and the patterns in one at colons
    (TLS_README, "TLS policy table"); a host name holds none of these. Raise AttributeSyntaxError
    for anything else.
    """
    if not is_mx_pattern(mx):
        raise AttributeSyntaxError(f"{mx!a} cannot stand in a match attribute")
    return mx.removeprefix("*")
