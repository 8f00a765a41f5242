"""What is odd about a key that a person typed, and what was probably meant.

Postfix sends such keys, too, and gets "not found": no policy can apply to them. A person may have
mistaken something for the domain.
"""

import difflib
import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.config import Config
from mtasts_resolver.policy import MAX_DOMAIN_LENGTH, parse_next_hop

MAX_LABEL = 63  # RFC 1035 §2.3.4

# transport(5): `smtp:[relay.example]:587`. Postfix asks for what follows the transport's name.
_TRANSPORT = re.compile(r"[a-z][a-z0-9_-]*:(?=[^:]*[.\]])")
_URL = re.compile(r"(?:mailto:|[a-z][a-z0-9+.-]*://)(?P<place>[^/?#]*)", re.IGNORECASE)


class Mistake(NamedTuple):
    """Why a key is no next hop that a policy could apply to."""

    reason: str
    meant: str | None
    """What was probably meant; None where nobody can tell."""

    def about(self, key: str) -> str:
        hint = f"; did you mean {quote(self.meant)}?" if self.meant else ""
        return f"{quote(key)} {self.reason}{hint}"


def mistake_in_key(key: str) -> Mistake | None:
    """Return what is odd about `key`; None where a policy can apply to it."""
    if parse_next_hop(key) is not None:
        return None
    meant = next(filter(parse_next_hop, _guesses(key)), None)
    return Mistake(_reason(key), meant)


def check_keys(keys: Iterable[str]) -> None:
    """End with what is odd about the first of `keys` that no policy could apply to."""
    for key in keys:
        if (mistake := mistake_in_key(key)) is not None:
            raise CommandError(mistake.about(key))


class Mistakes(NamedTuple):
    """All that is odd about a question."""

    key: Mistake | None
    notes: list[str]
    """For a person, about the key and the map."""

    def as_fields(self) -> dict[str, object]:
        """Return the fields of JSON that tell of it; none where nothing is odd."""
        if not self.notes:
            return {}
        return {"notes": self.notes, "meant": self.key.meant if self.key else None}


def find_mistakes(key: str, map_name: str, config: Config | None) -> Mistakes:
    """Return what is odd about a question; of the map only with the configuration."""
    mistake = mistake_in_key(key)
    notes = [mistake.about(key)] if mistake is not None else []
    if config is not None and (about_map := mistake_in_map(map_name, config)):
        notes.append(about_map)
    return Mistakes(mistake, notes)


def mistake_in_map(name: str, config: Config) -> str | None:
    """Return what is odd about the name of a map; None where the configuration has it."""
    known = config.all_maps()
    if name.lower() in known:
        return None
    close = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"; did you mean {quote(close[0])}?" if close else ""
    return f"there is no map {quote(name)}, it is answered as 'default'{hint}"


def _guesses(key: str) -> Iterator[str]:
    """Yield what may be meant by `key`, the likeliest first."""
    place = key.strip().strip("<>").strip()
    url = _URL.match(place)
    if url:
        place = url["place"].rpartition("@")[2].removeprefix("mta-sts.").partition(":")[0]
    place = place.rpartition("@")[2].partition("/")[0]
    for name in (place, _TRANSPORT.sub("", place, count=1)):
        yield name
        yield re.sub(r"\.+", ".", name).lstrip(".")
        yield re.sub(r"^(?:\*\.|_mta-sts\.|_smtp\._tls\.)", "", name)
        yield name.split()[0].rstrip(",;") if name.split() else ""
        yield re.sub(r":[^:\]]*$", "", name)
        yield name.strip("[]")


def _reason(key: str) -> str:
    """Say what `key` is instead of a next hop."""
    if _is_address(key):
        return "is an address, and no policy applies to one (RFC 8461 §3.4)"
    if _URL.match(key.strip()):
        return "is a URL, no domain"
    if "@" in key:
        return "is a mail address: Postfix asks for its domain"
    if key.startswith("."):
        return "is a parent domain: Postfix asks for it, but policies are not inherited"
    if _TRANSPORT.match(key) and parse_next_hop(_TRANSPORT.sub("", key, count=1)):
        return "begins with a transport: Postfix asks for what follows it"
    return f"is no domain: {_fault(key)}"


def _fault(key: str) -> str:
    """Say what keeps `key` from being a domain, or a host, with or without a port."""
    name, _, port = key.partition(":")
    name = name.strip("[]").removesuffix(".")
    labels = name.split(".")
    faults = (
        (not name, "it is empty"),
        (any(map(str.isspace, key)), "it holds white space"),
        ("" in labels, "there is nothing between two dots"),
        (len(name) > MAX_DOMAIN_LENGTH, f"it has more than {MAX_DOMAIN_LENGTH} characters"),
        (max(map(len, labels)) > MAX_LABEL, f"a label has more than {MAX_LABEL} characters"),
        (port and parse_next_hop(name), f"{quote(port)} is no port"),
        (len(labels) == 1, "it is a single label"),
        (not name.isascii(), "no internationalised domain name is written so (UTS 46)"),
        (True, "one has letters, digits and inner hyphens, and no number at the end"),
    )
    return next(fault for applies, fault in faults if applies)


def _is_address(key: str) -> bool:
    """Tell whether `key` is an IP address or an address literal, with or without a port."""
    literal = re.match(r"\[(?:IPv6:)?(?P<inside>[^\]]*)\]", key, re.IGNORECASE)
    text = literal["inside"] if literal else key
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
