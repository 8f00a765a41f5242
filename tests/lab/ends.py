"""How a mail can end, and what the daemon can answer, in the words of the table of scenarios."""

from dataclasses import dataclass

from .internet import NO_STARTTLS, WRONG_NAME
from .published import MailHost


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
    verified: bool = False
    """Whether the certificate was one that the policy, or DANE, demands."""
    sni: str | None = None
    """The name by which the receiver was asked for in the TLS handshake."""


def verified(host: MailHost, by: MailHost | None = None) -> End:
    """Say that the policy was enforced, and kept; `by` is the MX host, if not the receiver."""
    name = (by or host).name
    said = f"Verified TLS connection established to {name}"
    return End("sent", (said,), host, verified=True, sni=name)


def verified_at_target(alias: MailHost, target: MailHost) -> End:
    """Say that DANE verified an alias by the TLSA records of its target."""
    said = f"Verified TLS connection established to {alias.name}"
    return End("sent", (said,), target, verified=True, sni=target.name)


def unprotected(host: MailHost, *, sni: bool = False) -> End:
    """Say that no policy was in force: STARTTLS was used, and no certificate mattered."""
    said = f"rusted TLS connection established to {host.name}"
    return End("sent", (said,), host, sni=host.name if sni else None)


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


def undelivered(status: str, dsn: str, reason: str) -> End:
    """Say that there was no connection at all."""
    return End(status, (f"dsn={dsn}", reason), tls=False)


def not_connected(host: MailHost, domain: str) -> End:
    """Say that Postfix knows the policy's MX patterns, and that the host fits none of them."""
    reason = f"MX name '{host.name}' does not match STS MX pattern for '{domain}'"
    return undelivered("deferred", "4.3.0", reason)


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
