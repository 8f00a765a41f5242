"""Whether TLS was enforced for a delivery, by whose word, and whether it was kept.

Two witnesses can say either way, and only what they speak of is in the figure `enforced-verified`:
the daemon's history (what Postfix was told of the domain then), and `tls=` of Postfix 3.11 and
later (what it wanted). That a session was verified shows, too, that somebody demanded it, for
Postfix looks at the name in a certificate only then. But what was *not* verified does not show that
nobody did: a share of such deliveries alone would always be 100%.
"""

from mtasts_resolver.evidence.accounts.localdays import LocalDays
from mtasts_resolver.evidence.deliveries import Encryption, OutboundDelivery
from mtasts_resolver.evidence.report import UnverifiedDelivery
from mtasts_resolver.evidence.told import Told, ToldMemory
from mtasts_resolver.maillog.events import Cause, LoggedPeer, TlsAttribute, TlsLevel

POSTFIX = "postfix"
"""By whose word: Postfix's log shows that TLS was enforced, and nothing says by whom."""

# Levels at which Postfix sends nothing to who is not verified (smtp_tls_security_level(5)).
_ENFORCING = frozenset({"secure", "verify", "fingerprint", "dane-only"})
# What says nothing of a delivery: mail for which Postfix got `temp` or `perm` was not delivered.
_NO_WORD = frozenset({"", "temp", "perm"})
# What Postfix 3.11 says that it wanted when it could not find out.
_UNKNOWN_LEVEL = "unknown"
# At level `may`, too, Postfix holds a message before it tries plain text, when a handshake came to
# nothing. All other causes are there only where TLS is enforced: where STARTTLS is not offered, or
# refused, mail at `may` goes on in plain text at once.
_HELD_AT_MAY = frozenset({Cause.HANDSHAKE})

# Seconds. A session may be older than what Postfix was told last: a connection is used again for
# 300 s (smtp_connection_reuse_time_limit), and a large message takes its time.
SETTLING = 600.0
# Deliveries that are listed: who has more has another problem than which ones they are.
MAX_UNVERIFIED = 1_000


def next_hop(fact: OutboundDelivery) -> str:
    """Return for which domain a policy was looked up, as far as the log tells it.

    That is the recipient's domain, but where mail goes to a relayhost, or by transport_maps. From
    Postfix 3.10 on a `TLSRPT:` line may name it.
    """
    return fact.reported or fact.domain


def enforcer(told: Told, wanted: TlsAttribute | None) -> str | None:
    """Return by whose word TLS was enforced; empty: nobody's, as far as is known; None: unknown."""
    if told.enforced:
        return told.because or POSTFIX
    if wanted is not None and wanted.level != _UNKNOWN_LEVEL:
        if wanted.level in _ENFORCING:
            return "dane" if wanted.level == "dane-only" else POSTFIX
        return ""
    return None if told.action in _NO_WORD else ""


def held_by_word(word: str | None, cause: Cause) -> str | None:
    """Return by whose word TLS held an attempt; as `enforcer`, of which `word` is."""
    if word:
        return word
    return word if cause in _HELD_AT_MAY else POSTFIX


class EnforcementTally:
    """How often it was kept."""

    def __init__(self, told: ToldMemory, calendar: LocalDays) -> None:
        self._told = told
        self._calendar = calendar
        self.verified = 0
        """Sent verified, where it is known that TLS was enforced."""
        self.unverified = 0
        """Sent otherwise, where it is known that TLS was enforced."""
        self.undecided = 0
        """Sent where TLS was enforced, and the log does not tell how; or within SETTLING."""
        self.unknown = 0
        """Sent, and neither verified nor known whether that was demanded."""
        self.seen_verified = 0
        """Sent verified, and that alone shows that somebody demanded it."""
        self.held = 0
        """Attempts that were held since TLS was enforced."""
        self.held_unknown = 0
        """Attempts that TLS held, and nobody knows whether it was enforced."""
        self.listed: list[UnverifiedDelivery] = []

    def word(self, domain: str, time: float | None, wanted: TlsAttribute | None) -> str | None:
        """Return by whose word TLS was enforced for an attempt, as `enforcer`."""
        return enforcer(self._told.told(domain, time), wanted)

    def sent(self, fact: OutboundDelivery) -> str:
        """Count a message that went out. Return by whose word TLS was enforced, if it is known."""
        told = self._told.told(next_hop(fact), fact.time)
        word = enforcer(told, fact.wanted)
        verified = fact.level == TlsLevel.VERIFIED
        if not word:
            if verified:
                self.seen_verified += 1
                return _verifier(told, fact.wanted)
            if word is None:
                self.unknown += 1
            return ""
        if verified:
            self.verified += 1
        elif self._is_undecided(fact, told):
            self.undecided += 1
        else:
            self.unverified += 1
            if len(self.listed) < MAX_UNVERIFIED:
                self.listed.append(self._listed(fact, word))
        return word

    def hold(self, word: str | None) -> None:
        """Count an attempt that TLS held, by whose word `held_by_word` says."""
        if word:
            self.held += 1
        elif word is None:
            self.held_unknown += 1

    def _is_undecided(self, fact: OutboundDelivery, told: Told) -> bool:
        """Tell whether the log leaves open how it went, or which of what Postfix was told counted.

        The session may have been begun before TLS was enforced.
        """
        if not fact.level:
            return True
        if fact.time is None or not told.enforced:
            return False
        return not self._told.told(next_hop(fact), fact.time - SETTLING).enforced

    def _listed(self, fact: OutboundDelivery, word: str) -> UnverifiedDelivery:
        peer = fact.peer or LoggedPeer("", "")
        return UnverifiedDelivery(
            at=self._calendar.stamp(fact.time),
            domain=fact.domain,
            mx=peer.host,
            address=peer.address,
            host=fact.host,
            queue_id=fact.queue_id,
            level=fact.level,
            enforced=word,
            evidence=f"{_sent_how(fact)} {_demanded(fact, word)}",
        )


def _verifier(told: Told, wanted: TlsAttribute | None) -> str:
    """Return by whose word a session was verified that did not have to be, as far as is known.

    At `dane` Postfix verifies who has TLSA records that it can use, and nobody else.
    """
    return "dane" if "dane" in {told.action, wanted.level if wanted else ""} else POSTFIX


def _sent_how(fact: OutboundDelivery) -> str:
    if fact.encryption is Encryption.PLAIN:
        return "The log shows no TLS session for this delivery: it went in plain text."
    version = f" ({fact.tls.version})" if fact.tls and fact.tls.version else ""
    return f"The log calls the TLS session{version} `{fact.level}`, not `verified`."


def _demanded(fact: OutboundDelivery, word: str) -> str:
    wanted = f"tls={fact.wanted.text}" if fact.wanted else ""
    if word == POSTFIX:
        return f"Postfix itself had to verify it: {wanted or 'as it was told'}."
    demanded = f"Postfix was told to verify {next_hop(fact)}, by {word}"
    return f"{demanded}, and wanted {wanted}." if wanted else f"{demanded}."
