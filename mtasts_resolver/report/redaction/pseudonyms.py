"""What stands in the place of an address, a name, a local part."""

import hmac
from base64 import b32encode
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_BYTES = 5
"""40 bits, 8 letters: of 10,000 names two are the same in one of 20,000 reports."""
_REMEMBERED = 1 << 16
"""Names of a report that are hashed once each; there are fewer, by the bounds of its tables."""


class Hidden(StrEnum):
    """What it was: the beginning of its pseudonym, and hashed with it."""

    IPV4 = "ip4-"
    IPV6 = "ip6-"
    LOCAL_PART = "u-"
    NAME = "n"
    """Of a label: a host's name stays one."""
    FILE = "f-"
    ORGANIZATION = "o-"
    LINE = "l-"
    SUBJECT = "s-"
    LINK = "url-"


class Pseudonyms:
    """The pseudonyms of one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.of = lru_cache(_REMEMBERED)(self._of)

    def mark(self) -> str:
        """Return what tells reports of one key from those of another."""
        return self._of(Hidden.LINE, "")

    def _of(self, kind: Hidden, text: str) -> str:
        words = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, words, "sha256")[:_BYTES]
        return f"{kind}{b32encode(digest).decode().lower()}"

    def of_address(self, text: str) -> str | None:
        """Return the pseudonym of an IP address, however it is written; None if it is none."""
        try:
            address = ip_address(text)
        except ValueError:
            return None
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        kind = Hidden.IPV6 if isinstance(address, IPv6Address) else Hidden.IPV4
        return self.of(kind, str(address))

    def of_local_part(self, text: str) -> str:
        """Return the pseudonym of a local part; with or without quotes, in any case, it is one."""
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1].replace("\\", "")
        return self.of(Hidden.LOCAL_PART, text.casefold())

    def of_name(self, text: str) -> str:
        """Return the pseudonym of a domain or host, whose labels stay labels.

        So a host still lies below its domain. The last label is hidden with the one before it, and
        `.invalid` is in its place (RFC 2606 §2). Labels of protocols, such as `_mta-sts`, are kept.
        """
        labels = text.rstrip(".").lower().split(".")
        if len(labels) == 1:
            return self.of(Hidden.NAME, labels[0])
        hidden = [
            label
            if label == "*" or label.startswith("_") or not label
            # the whole rest is hashed with it: the same label below another domain is another
            else self.of(Hidden.NAME, ".".join(labels[place:]))
            for place, label in enumerate(labels[:-1])
        ]
        return ".".join([*hidden, "invalid"])
