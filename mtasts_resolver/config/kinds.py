"""The kinds of values that the configuration knows: from the text in the file to the value.

Each kind's `parse` takes the text and raises ValueError with a message that quotes it and says what
would be valid. Nothing here touches the system: that a file, a user or an address exists is found
out by whoever uses it.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.config.endpoints import parse_address, parse_server
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
MAX_NAME = 255  # bytes of each name in a path, NAME_MAX of Linux
MAX_PATH = 4_095  # bytes, PATH_MAX of Linux without its NUL
# SQLite opens no longer one: it allows 512 bytes, and has files beside the store.
MAX_STORE_PATH = 500
MAX_STORE_NAME = 200  # bytes, so that `.damaged-`, a date, a number and `-journal` may follow
_MAP_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
# useradd(8): what shadow-utils accepts, upper case and dots included; or a number.
_ACCOUNT = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_.-]{0,31}|[0-9]{1,10})\Z")


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


class Duration(Struct, frozen=True):
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


class Integer(Struct, frozen=True):
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


class Text(Struct, frozen=True):
    """Text of a certain form, which `parser` checks and brings to one spelling."""

    name: str
    valid: str
    parser: Callable[[str], str]

    def parse(self, text: str) -> str:
        return self.parser(text)


class Choice(Struct, frozen=True):
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


class Switch(Struct, frozen=True):
    """true or false; as in YAML 1.1, yes, on, no and off are accepted. `word` is a third way."""

    word: str | None = None
    valid: str = ""

    @property
    def name(self) -> str:
        return "true or false" if self.word is None else f"true, false or {self.word}"

    def parse(self, text: str) -> bool | str:
        match text.lower():
            case "true" | "yes" | "on":
                return True
            case "false" | "no" | "off":
                return False
            case self.word:
                return text.lower()
        raise ValueError(f"{quote(text)} is not {self.name}")


def show_duration(seconds: float) -> str:
    """Return the duration as the file spells it, in the largest unit that divides it."""
    for unit, length in reversed(_UNITS.items()):
        if seconds >= length and seconds % length == 0:
            return f"{int(seconds // length)}{unit}"
    return f"{seconds:g}s"


def listen_address(text: str) -> str:
    """Bring `inet:HOST:PORT`, IPv6 in brackets, and `unix:/absolute/path` to one spelling."""
    return str(parse_address(text))


def name_server(text: str) -> str:
    """Bring an IP address, with or without a port, to one spelling."""
    return str(parse_server(text))


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
    names = text.encode().split(b"/")
    if len(b"/".join(names)) > MAX_PATH or max(map(len, names)) > MAX_NAME:
        raise ValueError(
            f"{quote(text)} is too long: a path has at most {MAX_PATH:,} bytes, and each name in it"
            f" {MAX_NAME}"
        )
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
    """Bring a map name, what socketmap can carry and main.cf can hold, to lower case."""
    if not _MAP_NAME.match(text):
        raise ValueError(
            f"{quote(text)} is not a map name: 1 to 64 letters, digits, dots, hyphens, underscores"
        )
    return text.lower()


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
    path = absolute_path(re.sub("^/+", "/", path))
    name = path.rpartition("/")[2]
    if len(path.encode()) > MAX_STORE_PATH or len(name.encode()) > MAX_STORE_NAME:
        raise ValueError(
            f"{quote(path)} is too long: the path of a store has at most {MAX_STORE_PATH} bytes,"
            f" and the name of its file {MAX_STORE_NAME}"
        )
    return f"sqlite://{path}"


def proxy_url(text: str) -> str:
    """Check `http://host:port`, with or without `user:password@`."""
    # A password must not get into logs, so nothing that may hold one is quoted.
    shown = quote(text) if "@" not in text else "the URL (not shown: it holds a password)"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{shown} is not a URL: {error}") from None
    if parts.scheme == "https":
        raise ValueError(
            f"{shown} asks for TLS to the proxy, which is not supported: write 'http://HOST:PORT';"
            " what goes through it is encrypted all the same"
        )
    if parts.scheme != "http" or not parts.hostname or not port:
        raise ValueError(f"{shown} is not 'http://HOST:PORT'")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError(f"{shown} has more than a host and a port")
    if not is_hostname(parts.hostname):
        try:
            ipaddress.ip_address(parts.hostname)
        except ValueError:
            raise ValueError(f"{shown} has no valid host") from None
    return text
