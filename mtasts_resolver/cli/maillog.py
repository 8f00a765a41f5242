"""Where mail goes, as Postfix's log has it: the next hops of deliveries, and how often each.

A delivery is a line of smtp(8) or error(8):

    postfix/smtp[4006]: 4c8vgk2lXhzNcrX: to=<user@rcpt.example>, relay=mx.example[192.0.2.3]:25, ...

What stands before may be of syslog, journald, a container or a collector; JSON of `journalctl -o
json` and of mailcow is read, too. The next hop is the recipient's domain, unless the mail went to
another port than 25: that only a transport or relayhost names, and so its host is the next hop.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable

from mtasts_resolver.policy import parse_next_hop

# Different next hops that are remembered: more than a log of weeks has.
MAX_HOPS = 1_000_000

# The queue id is hexadecimal, or of the 52 characters of long ids (postconf(5),
# enable_long_queue_ids). `>` cannot stand in an address but in quotes, which no domain has.
_DELIVERY = re.compile(
    r"(?:^|[\s:])(?P<queue_id>[0-9A-Za-z]{5,25}): to=<(?P<recipient>[^>]*)>,"
    r"(?: orig_to=<[^>]*>,)? relay=(?P<relay>[^,\s]+)"
)
OCTETS = range(256)
# What writes it, with or without its process id: `postfix/relay/smtp[8204]:`.
_PROGRAM = re.compile(r"(?:^|\s|/)(?P<name>[A-Za-z0-9_.-]+)(?:\[\d*\])?:?\s*\Z")
_RELAY = re.compile(r"(?P<host>[^\[\]]+)\[[^\]]*\](?::(?P<port>[0-9]{1,5}))?\Z")
# A look-up of this daemon's that failed, or whose answer was of no use.
_LOOKED_UP = re.compile(r'smtp_tls_policy_maps, next-hop destination "(?P<hop>[^"]{1,300})"')
# Those that hand mail on by SMTP, or give up before they try.
_MAILERS = {"smtp", "error"}


def next_hops(lines: Iterable[str]) -> Counter[str]:
    """Return the next hops that mail went to, and how often."""
    found: Counter[str] = Counter()
    for line in lines:
        hop = hop_in(line)
        if hop is not None and (hop in found or len(found) < MAX_HOPS):
            found[hop] += 1
    return found


def hop_in(line: str) -> str | None:
    """Return the next hop that a line tells of, in the one spelling that it has here."""
    program, message = _from_json(line) if line.startswith("{") else ("", line)
    if (looked_up := _LOOKED_UP.search(message)) is not None:
        return _hop(looked_up["hop"])
    delivery = _DELIVERY.search(message)
    if delivery is None or not _is_mailer(program or message[: delivery.start()]):
        return None
    relay = _RELAY.match(delivery["relay"])
    if relay is None:
        return _hop(_domain(delivery["recipient"])) if delivery["relay"] == "none" else None
    if relay["port"] not in (None, "25"):
        return _hop(f"[{relay['host']}]:{relay['port']}")
    return _hop(_domain(delivery["recipient"]))


def _hop(key: str) -> str | None:
    hop = parse_next_hop(key)
    return None if hop is None else str(hop)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _is_mailer(program: str) -> bool:
    """Tell whether what stands before the message names one that hands mail on, or nobody."""
    found = _PROGRAM.search(program)
    return not program.strip() or (found is not None and found["name"] in _MAILERS)


def _from_json(line: str) -> tuple[str, str]:
    """Return the program and the message of a line of journald or of mailcow; empty if none."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(entry, dict):
        return "", ""
    message = entry.get("MESSAGE", entry.get("message"))
    if isinstance(message, list):  # journald's form for what is no printable text
        octets = (value for value in message if value in OCTETS)
        message = bytes(octets).decode("utf-8", "replace")
    program = entry.get("SYSLOG_IDENTIFIER", entry.get("program"))
    if not isinstance(message, str):
        return "", ""
    return program if isinstance(program, str) else "", message
