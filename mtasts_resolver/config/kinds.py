"""The kinds of values that the configuration knows: from the text in the file to the value.

Each kind's `parse` takes the text and raises ValueError with a message that quotes it and says what
would be valid. Nothing here touches the system: that a file, a user or an address exists is found
out by whoever uses it.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from mtasts_resolver.policy.hostname import is_hostname

SECOND = 1.0
MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
# Twelve digits hold every value that any key allows, and keep int() and float() quick.
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhd]?)\Z")
_INTEGER = re.compile(r"[0-9]{1,12}\Z")
_MODE = re.compile(r"(?:0o?)?([0-7]{3})\Z")
_MAP_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
# useradd(8): what shadow-utils accepts, upper case and dots included; or a number.
_ACCOUNT = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_.-]{0,31}|[0-9]{1,10})\Z")
_BRACKETED = re.compile(r"\[(?P<host>[^\]]*:[^\]]*)\](?::(?P<port>[0-9]*))?\Z")

MAX_PORT = 65_535
MAX_UNIX_PATH_BYTES = 107  # unix(7): sun_path holds 108 bytes, a terminating NUL among them
_SHOWN = 60  # characters of a value that an error quotes


class Kind(Protocol):
    """A kind of value."""

    @property
    def name(self) -> str:
        """What the reference calls it."""

    @property
    def valid(self) -> str:
        """What is valid, and why, in a few words; may be empty."""

    def parse(self, text: str) -> object:
        """Return the value that `text` means; raise ValueError."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time, as seconds, from `low` to `high`."""

    low: float
    high: float
    reason: str
    name: str = "duration"

    @property
    def valid(self) -> str:
        return f"{show_duration(self.low)} to {show_duration(self.high)}: {self.reason}"

    def parse(self, text: str) -> float:
        found = _DURATION.match(text)
        if not found:
            raise ValueError(f"{quote(text)} is not a duration such as 5s, 10m, 12h, 1d")
        seconds = float(found[1]) * _UNITS[found[2] or "s"]
        if not self.low <= seconds <= self.high:
            raise ValueError(f"{quote(text)} is not in the range {self.valid}")
        return seconds


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `low` to `high`."""

    low: int
    high: int
    reason: str
    name: str = "number"

    @property
    def valid(self) -> str:
        return f"{self.low} to {self.high}: {self.reason}"

    def parse(self, text: str) -> int:
        if not _INTEGER.match(text):
            raise ValueError(f"{quote(text)} is not a whole number")
        if not self.low <= int(text) <= self.high:
            raise ValueError(f"{quote(text)} is not in the range {self.valid}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a certain form, which `parser` checks and brings to one spelling."""

    name: str
    valid: str
    parser: Callable[[str], str]

    def parse(self, text: str) -> str:
        return self.parser(text)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]
    name: str = "word"

    @property
    def valid(self) -> str:
        return ", ".join(self.words)

    def parse(self, text: str) -> str:
        if text not in self.words:
            raise ValueError(f"{quote(text)} is not one of {self.valid}")
        return text


class Switch:
    """true or false; as in YAML 1.1, yes, on, no and off are accepted."""

    name = "true or false"
    valid = ""

    def parse(self, text: str) -> bool:
        match text.lower():
            case "true" | "yes" | "on":
                return True
            case "false" | "no" | "off":
                return False
        raise ValueError(f"{quote(text)} is not true or false")


def quote(text: str) -> str:
    """Return `text` in quotes, bounded, in ASCII, and without control characters."""
    return ascii(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")


def show_duration(seconds: float) -> str:
    """Return the duration as the file spells it, in the largest unit that divides it."""
    for unit, length in reversed(_UNITS.items()):
        if seconds >= length and seconds % length == 0:
            return f"{int(seconds // length)}{unit}"
    return f"{seconds:g}s"


def listen_address(text: str) -> str:
    """Check `inet:HOST:PORT`, IPv6 in brackets, and `unix:/absolute/path`."""
    scheme, _, rest = text.partition(":")
    if scheme == "unix":
        if len(rest.encode()) > MAX_UNIX_PATH_BYTES:
            raise ValueError(f"{quote(text)}: the path has more than {MAX_UNIX_PATH_BYTES} bytes")
        return f"unix:{absolute_path(rest)}"
    if scheme != "inet":
        raise ValueError(f"{quote(text)} is neither 'inet:HOST:PORT' nor 'unix:/PATH'")
    host, _, port = rest.rpartition(":")
    try:
        # Port 0 lets the system choose one.
        return f"inet:{_listen_host(host)}:{_port(port, lowest=0)}"
    except ValueError as error:
        raise ValueError(
            f"{quote(text)} is not 'inet:HOST:PORT', an IPv6 address in brackets: {error}"
        ) from None


def name_server(text: str) -> str:
    """Check an IP address; before a colon and a port, IPv6 stands in brackets."""
    host, port = text, None
    if found := _BRACKETED.match(text):
        host, port = found["host"], found["port"]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        address = ipaddress.ip_address(host)
        if port is None:
            return str(address)
        shown = f"[{address}]" if ":" in host else str(address)
        return f"{shown}:{_port(port, lowest=1)}"
    except ValueError:
        raise ValueError(
            f"{quote(text)} is not an IP address, with or without a port"
            " (192.0.2.53, 192.0.2.53:5353, 2001:db8::53, [2001:db8::53]:5353)"
        ) from None


def network(text: str) -> str:
    """Check an IP network in prefix notation, or one address."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{quote(text)} is not an IP network such as 192.0.2.0/24") from None
    raise ValueError(f"{quote(text)} is an address in the network {meant}: write that one")


def absolute_path(text: str) -> str:
    """Check the absolute path of a file."""
    if not text.startswith("/") or "\0" in text or text.endswith("/"):
        raise ValueError(f"{quote(text)} is not an absolute path of a file")
    return text


def mode(text: str) -> str:
    """Bring an octal file mode, 0660, 660 or 0o660, to the first spelling."""
    found = _MODE.match(text)
    if not found:
        raise ValueError(f"{quote(text)} is not an octal file mode such as 0660")
    return f"0{found[1]}"


def account(text: str) -> str:
    """Check the name or number of a user or group."""
    if not _ACCOUNT.match(text):
        raise ValueError(f"{quote(text)} is not the name or number of a user or group")
    return text


def map_name(text: str) -> str:
    """Check a map name: what socketmap can carry and main.cf can hold."""
    if not _MAP_NAME.match(text):
        raise ValueError(
            f"{quote(text)} is not a map name: 1 to 64 letters, digits, dots, hyphens, underscores"
        )
    return text


def store_url(text: str) -> str:
    """Check `sqlite:///absolute/path`; the path is taken as it stands, without percent-decoding."""
    scheme, separator, path = text.partition("://")
    if not separator or scheme not in {"sqlite", "valkey"}:
        raise ValueError(f"{quote(text)} is not 'sqlite:///absolute/path'")
    if scheme == "valkey":
        raise ValueError(
            "this version has no store of type 'valkey': use 'sqlite:///absolute/path'"
        )
    # Some libraries spell an absolute path with four slashes.
    return f"sqlite://{absolute_path(re.sub('^/+', '/', path))}"


def proxy_url(text: str) -> str:
    """Check `http://host:port` or `https://host:port`, with or without `user:password@`."""
    # A password must not get into logs, so nothing that may hold one is quoted.
    shown = quote(text) if "@" not in text else "the URL (not shown: it holds a password)"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{shown} is not a URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port:
        raise ValueError(f"{shown} is not 'http://HOST:PORT' or 'https://HOST:PORT'")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{shown} has more than a host and a port")
    if not is_hostname(parts.hostname):
        try:
            ipaddress.ip_address(parts.hostname)
        except ValueError:
            raise ValueError(f"{shown} has no valid host") from None
    return text


def _listen_host(host: str) -> str:
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        if not bracketed and is_hostname(host.lower()):
            return host.lower()
        raise ValueError(f"{quote(host)} is neither an IP address nor a host name") from None
    if bracketed != isinstance(address, ipaddress.IPv6Address):
        raise ValueError("an IPv6 address, and no other, stands in brackets")
    return f"[{address}]" if bracketed else str(address)


def _port(text: str, *, lowest: int) -> int:
    if not _INTEGER.match(text) or not lowest <= int(text) <= MAX_PORT:
        raise ValueError(f"{quote(text)} is not a port")
    return int(text)
