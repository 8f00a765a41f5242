"""What `tls=` of a delivery line says (Postfix 3.11 and later) of the connection it went over.

| form | what it was |
|---|---|
| `secure`, `verify`, `fingerprint`, `dane`, `dane-only` | TLS, and the peer was who it must be |
| `may`, `encrypt`, `halfdane` | TLS; who the peer was, only the session's line tells |
| `none`, `may:none` | plain text |
| `!secure`, `!encrypt` | not as demanded, and so nothing was sent: TLS or not, it does not say |
| `secure?`, `may?` | not decided: nobody was connected to; or the connection was used before |

The last is so even where the mail was sent, over TLS, with conn_use=2 beside it.
"""

from mtasts_resolver.evidence.deliveries import Doubt, Encryption
from mtasts_resolver.evidence.joins.connection import AMBIGUOUS, IN_DOUBT, NO_SESSION, PLAIN, Join
from mtasts_resolver.maillog.events import TlsAttribute, TlsLevel

_AUTHENTICATED = frozenset({"secure", "verify", "fingerprint", "dane", "dane-only"})
_ENCRYPTED = frozenset({"may", "encrypt", "halfdane"}) | _AUTHENTICATED


def encryption_said(word: TlsAttribute | None) -> Encryption:
    """Return what a delivery's own line says of how it went; UNKNOWN where it does not."""
    if word is None or word.failed or word.weaker:
        return Encryption.UNKNOWN
    reached = word.used or word.level
    if reached == "none":
        return Encryption.PLAIN
    return Encryption.ENCRYPTED if reached in _ENCRYPTED else Encryption.UNKNOWN


def is_authenticated(word: TlsAttribute | None) -> bool:
    """Tell whether it says that the peer was who it must be."""
    if word is None or word.failed or word.weaker:
        return False
    return (word.used or word.level) in _AUTHENTICATED


def _is_demanded(word: TlsAttribute | None) -> bool:
    return word is not None and word.weaker and word.level in (_AUTHENTICATED | {"encrypt"})


def compared(join: Join, word: TlsAttribute | None) -> Join:
    """Return what the session's line and the delivery's own word say together.

    The word is of this delivery beyond doubt; the session's line tells more, if it is its own.
    """
    said = encryption_said(word)
    if said is Encryption.UNKNOWN:
        # Over a connection that is reused, mail goes out as it was demanded, or not at all.
        return IN_DOUBT[Doubt.LINES_LOST] if join is NO_SESSION and _is_demanded(word) else join
    if join.encryption is Encryption.ENCRYPTED:
        if said is Encryption.PLAIN:
            return AMBIGUOUS
        if is_authenticated(word) and join.level != TlsLevel.VERIFIED.value:
            return Join(Encryption.ENCRYPTED, join.tls, "", Doubt.AMBIGUOUS)
        return join
    if said is Encryption.PLAIN:
        return PLAIN
    level = TlsLevel.VERIFIED.value if is_authenticated(word) else ""
    return Join(Encryption.ENCRYPTED, None, level, join.doubt or Doubt.LINES_LOST)
