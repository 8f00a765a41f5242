"""Where mail goes, as Postfix's log has it: the next hops of deliveries, and how often each.

The next hop is the recipient's domain, unless the mail went to another port than 25: that only a
transport or relayhost names, and so its host is the next hop.
"""

from collections import Counter
from collections.abc import Iterable

from mtasts_resolver.maillog.events import Delivery, LogLine, PolicyLookupFailed
from mtasts_resolver.maillog.messages import meaning_of
from mtasts_resolver.maillog.reading import LineReader
from mtasts_resolver.policy import parse_next_hop

# Different next hops that are remembered: more than a log of weeks has.
MAX_HOPS = 1_000_000
# Those that hand mail on by SMTP, or give up before they try.
_MAILERS = {"smtp", "error"}
_SMTP_PORT = 25


def next_hops(lines: Iterable[bytes]) -> Counter[str]:
    """Return the next hops that mail went to, and how often, of the lines of one log."""
    found: Counter[str] = Counter()
    reader = LineReader(_no_zone, newest=0)
    for octets in lines:
        line = reader.read(octets)
        hop = None if line is None else hop_in(line)
        if hop is not None and (hop in found or len(found) < MAX_HOPS):
            found[hop] += 1
    return found


def hop_in(line: LogLine) -> str | None:
    """Return the next hop that a line tells of, in the one spelling that it has here."""
    event = meaning_of(line)
    if isinstance(event, PolicyLookupFailed):
        return _hop(event.domain)
    if not isinstance(event, Delivery) or line.daemon not in _MAILERS:
        return None
    peer = event.peer
    if peer is not None and peer.port not in (None, _SMTP_PORT):
        return _hop(f"[{peer.host}]:{peer.port}")
    return _hop(event.recipient.rpartition("@")[2])


def _hop(key: str) -> str | None:
    hop = parse_next_hop(key)
    return None if hop is None else str(hop)


def _no_zone(_wall: int, _again: bool) -> int:
    """Say that all clocks show UTC: nobody asks here when a mail was sent."""
    return 0
