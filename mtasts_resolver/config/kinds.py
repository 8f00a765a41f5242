"""The kinds of values that the configuration knows: from the text in the file to the value.

Nothing here touches the system: that a file, a user or an address exists is found out by whoever
uses it.
"""

import re
from collections.abc import Callable
from typing import get_args

from msgspec import Struct

from mtasts_resolver.base.timestamps import parse_timestamp, timestamp
from mtasts_resolver.config.endpoints import (
    parse_address,
    parse_http_address,
    parse_network,
    parse_proxy_url,
    parse_server,
    parse_socket_path,
)
from mtasts_resolver.config.faults import shown
from mtasts_resolver.config.paths import parse_path, parse_store_url
from mtasts_resolver.policy import NextHop, is_hostname, parse_next_hop
from mtasts_resolver.postfix.override import MAX_REASON, parse_pattern, parse_reason
from mtasts_resolver.postfix.policytext import parse_policy_text

SECOND = 1.0
MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0

MAX_ARGUMENT = 1_000  # characters; a longer one is a program of its own

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
# Twelve digits hold every value that any key allows, and keep int() and float() quick.
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhd]?)\Z")
_INTEGER = re.compile(r"[0-9]{1,12}\Z")
_MODE = re.compile(r"(?:0o?)?([0-7]{3})\Z")
_MAP_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
# useradd(8): what shadow-utils accepts, upper case and dots included; or a number.
_ACCOUNT = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_.-]{0,31}|[0-9]{1,10})\Z")
_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class FileMode(int):
    """The permissions of a file; `str` spells them in octal."""

    def __str__(self) -> str:
        return f"{self:04o}"


class EndTime(float):
    """The last second of something, since 1970-01-01 UTC; `str` spells it as RFC 3339 does."""

    def __str__(self) -> str:
        return timestamp(self)


class Kind(Struct, frozen=True):
    """A kind of value."""

    name: str
    """What the reference calls it."""
    valid: str
    """What is valid, and why, in a few words; may be empty."""
    parse: Callable[[str], object]
    """Return the value that a text means, or raise ValueError: it quotes the text, and says why."""


def duration(low: float, high: float, reason: str) -> Kind:
    """Return the kind of a span of time; its values are seconds."""
    valid = f"{show_duration(low)} to {show_duration(high)}: {reason}"

    def parse(text: str) -> float:
        seconds = parse_duration(text)
        if not low <= seconds <= high:
            raise ValueError(f"{shown(text)} is not in the range {valid}")
        return seconds

    return Kind("duration", valid, parse)


def parse_duration(text: str) -> float:
    """Return the seconds that `5s`, `10m`, `12h` or `1d` means; or raise ValueError."""
    found = _DURATION.match(text)
    if not found:
        raise ValueError(f"{shown(text)} is not a duration such as 5s, 10m, 12h, 1d")
    return float(found[1]) * _UNITS[found[2] or "s"]


def integer(low: int, high: int, reason: str) -> Kind:
    """Return the kind of a whole number."""
    valid = f"{low} to {high}: {reason}"

    def parse(text: str) -> int:
        if not _INTEGER.match(text):
            raise ValueError(f"{shown(text)} is not a whole number")
        if not low <= int(text) <= high:
            raise ValueError(f"{shown(text)} is not in the range {valid}")
        return int(text)

    return Kind("number", valid, parse)


def choice(literal: object) -> Kind:
    """Return the kind of a word, one of those of a Literal."""
    words = get_args(literal)
    valid = ", ".join(words)

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"{shown(text)} is not one of {valid}")
        return text

    return Kind("word", valid, parse)


def switch(name: str = "true or false", word: str | None = None) -> Kind:
    """Return the kind of true or false, which may also be the `word`.

    As in YAML 1.1, yes, on, no and off are accepted.
    """

    def parse(text: str) -> bool | str:
        lower = text.lower()
        if lower in _SWITCH:
            return _SWITCH[lower]
        if lower == word:
            return lower
        raise ValueError(f"{shown(text)} is not {name}")

    return Kind(name, "", parse)


def show_duration(seconds: float) -> str:
    """Return the duration as the file spells it, in the largest unit that divides it."""
    for unit, length in reversed(_UNITS.items()):
        if seconds >= length and seconds % length == 0:
            return f"{int(seconds // length)}{unit}"
    return f"{seconds:g}s"


def parse_mode(text: str) -> FileMode:
    """Return an octal file mode: 0660, 660 or 0o660."""
    found = _MODE.match(text)
    if not found:
        raise ValueError(f"{shown(text)} is not an octal file mode such as 0660")
    return FileMode(found[1], 8)


def parse_end_time(text: str) -> EndTime:
    """Return a time at which something ends; of a date alone, the last second of that day."""
    try:
        return EndTime(parse_timestamp(text, time="23:59:59"))
    except ValueError as error:
        raise ValueError(f"{shown(text)}: {error}") from None


def quoting(parse: Callable[[str], str]) -> Callable[[str], str]:
    """Return `parse` with errors that quote the text."""

    def parse_quoting(text: str) -> str:
        try:
            return parse(text)
        except ValueError as error:
            raise ValueError(f"{shown(text)}: {error}") from None

    return parse_quoting


def parse_account(text: str) -> str:
    """Return the name or number of a user or group."""
    if not _ACCOUNT.match(text):
        raise ValueError(f"{shown(text)} is not the name or number of a user or group")
    return text


def parse_host(text: str) -> str:
    """Return a host name, in lower case."""
    if not is_hostname(text.lower()):
        raise ValueError(f"{shown(text)} is not a host name")
    return text.lower()


def parse_map_name(text: str) -> str:
    """Return a map name, what socketmap can carry and main.cf can hold, in lower case."""
    if not _MAP_NAME.match(text):
        raise ValueError(
            f"{shown(text)} is not a map name: 1 to 64 letters, digits, dots, hyphens, underscores"
        )
    return text.lower()


def parse_domain(text: str) -> str:
    """Return the policy domain that is meant, in A-label form."""
    hop = parse_next_hop(text)
    if hop is None or hop != NextHop(hop.domain):
        raise ValueError(f"{shown(text)} is not a mail domain such as example.com")
    return hop.domain


def parse_argument(text: str) -> str:
    """Return an argument of a program as it is."""
    if len(text) > MAX_ARGUMENT or "\0" in text:
        raise ValueError(f"{shown(text)} is not an argument of at most {MAX_ARGUMENT} characters")
    return text


ADDRESS = Kind("address", "`inet:HOST:PORT` (IPv6 in brackets) or `unix:/PATH`", parse_address)
HTTP_ADDRESS = Kind("address", "`HOST:PORT` (IPv6 in brackets), or empty: off", parse_http_address)
SOCKET_PATH = Kind("path", "absolute, at most 107 bytes", parse_socket_path)
SERVER = Kind("address", "an IP address, with or without a port", parse_server)
NETWORK = Kind("network", "such as `192.0.2.0/24`, `2001:db8::/32`", parse_network)
MODE = Kind("mode", "octal, such as `0660`", parse_mode)
ACCOUNT = Kind("name", "a name or number that the system knows", parse_account)
ARGUMENT = Kind("text", "", parse_argument)
HOST = Kind("host name", "", parse_host)
FILE = Kind("path", "absolute", parse_path)
PROXY = Kind("URL", "`http://HOST:PORT`", parse_proxy_url)
STORE = Kind("URL", "`sqlite:///absolute/path`", parse_store_url)
MAP_NAME = Kind("map name", "a built-in map or one of `maps`", parse_map_name)
DOMAIN = Kind("domain", "a mail domain such as `example.com`", parse_domain)
SWITCH = switch()
SWITCH_OR_ONLY = switch("true, false or only", "only")
PATTERN = Kind("pattern", "a domain, `.suffix` or next hop", quoting(parse_pattern))
REASON = Kind("text", f"at most {MAX_REASON} characters", quoting(parse_reason))
POLICY_TEXT = Kind("policy text", "", quoting(parse_policy_text))
END_TIME = Kind("time", "`2026-12-31`, or with a time `2026-12-31T18:00Z`", parse_end_time)
