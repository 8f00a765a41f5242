"""How a mail can end, and what the daemon can answer, in the words of the table of scenarios."""

from dataclasses import dataclass

from .internet import NO_STARTTLS, WRONG_NAME, MailHost


@dataclass(frozen=True)
class End:
    """How it ends for one mail: in Postfix's words, and as the receiver saw it."""

    status: str
    says: tuple[str, ...]
    """What Postfix's log says on the way."""
    host: MailHost | None = None
    """Who got the mail."""
    tls: bool = True
    """Whether there was a TLS connection, be it given up."""
    sni: bool = False
    """Whether the receiver was asked for by its name, as `servername=hostname` demands."""


def verified(host: MailHost) -> End:
    """Say that the policy was enforced, and kept."""
    return End("sent", (f"Verified TLS connection established to {host.name}",), host, sni=True)


def unprotected(host: MailHost) -> End:
    """Say that no policy was in force: STARTTLS was used, and no certificate mattered."""
    return End("sent", (f"rusted TLS connection established to {host.name}",), host)


def refused(reason: str) -> End:
    """Say that a certificate broke the policy, and why."""
    return End("deferred", (reason, "dsn=4.7.5", "(Server certificate not verified)"))


def held_back(answer: str) -> End:
    """Say that the daemon's `answer` was TEMP, and that its reason is in Postfix's log."""
    reason = answer.removeprefix("TEMP ")
    return End(
        "deferred",
        (
            f"socketmap server temporary error: {reason}",
            "dsn=4.7.5",
            "(client TLS configuration problem)",
        ),
        tls=False,
    )


PLAIN = End("sent", (), NO_STARTTLS, tls=False)
WITHOUT_STARTTLS = End(
    "deferred", ("dsn=4.7.4", "(TLS is required, but was not offered by host"), tls=False
)
WRONG = refused(f"verification failed for {WRONG_NAME.name}")
UNPROTECTED = unprotected(WRONG_NAME)

NOTFOUND = "NOTFOUND "
DANE = "OK dane"
DANE_ONLY = "OK dane-only"


def temp(reason: str) -> str:
    """Return the reply to a domain with an enforced policy whose DANE could not be looked up."""
    return f"TEMP DANE may apply before MTA-STS, but its look-up failed: {reason}"


def secure(*patterns: MailHost | str) -> str:
    """Return the reply that enforces a policy with these MX hosts or `match` patterns."""
    names = (pattern if isinstance(pattern, str) else pattern.name for pattern in patterns)
    return f"OK secure match={':'.join(names)} servername=hostname"


ENFORCES_WRONG = secure(WRONG_NAME)
