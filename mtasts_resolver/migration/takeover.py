"""What becomes of each key of another program's configuration: taken over, left, or needless."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from ipaddress import ip_address

from msgspec import Struct, field

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.config import DEFAULT_ADDRESS, Address, InetAddress, UnixAddress
from mtasts_resolver.migration.theirfile import KeyPath, TheirFile, TheirKey, dotted, fits

ITEM = "[]"  # which is the name of nothing


class OurSetting(Struct, frozen=True):
    """A line of our configuration, and where it comes from."""

    path: KeyPath
    """ITEM stands for the one item of a list."""
    value: str
    """As YAML has it."""
    because: str
    """The comment behind it."""


class LeftKey(Struct, frozen=True):
    """A key of theirs that says something which is not taken over."""

    key: str
    line: int
    value: str | None
    """None: it may be a secret, or is more than one value."""
    reason: str
    """Why not, and what to do."""


class CacheKind(StrEnum):
    """Where they keep policies."""

    SQLITE = "sqlite"
    GOB = "gob"
    ELSEWHERE = "elsewhere"
    """In memory, or in a database that is not read."""


class TheirCache(Struct, frozen=True):
    """Their cache."""

    kind: CacheKind
    path: str = ""
    reason: str = ""
    """Of ELSEWHERE: why nothing is taken over, and what to do."""


class Takeover(Struct):
    """All of it, for one file. It is filled key by key."""

    keep_address: bool
    """Whether we are to listen where they do, so that main.cf stays."""
    settings: list[OurSetting] = field(default_factory=list)
    left: list[LeftKey] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)
    """Keys that say what holds here without being set."""
    address: Address = DEFAULT_ADDRESS
    """Where they listen."""
    address_kept: bool = False
    """Whether we listen there, too."""
    cache: TheirCache = TheirCache(CacheKind.ELSEWHERE)

    def set(self, path: Iterable[str], value: str, because: str) -> None:
        """Have a key of ours set."""
        self.settings.append(OurSetting(tuple(path), value, because))

    def leave(self, key: TheirKey, reason: str, *, secret: bool = False) -> None:
        """Leave a key behind, with the reason and what to do."""
        value = key.value if isinstance(key.value, str) and not secret else None
        self.left.append(LeftKey(key.name, key.line, value, reason))


class KeyRule(Struct, frozen=True):
    """What becomes of some keys of theirs. The manual's tables are made of these."""

    theirs: tuple[str, ...]
    """Patterns such as `zones.*.timeout`."""
    ours: str
    """What a reader is told, in Markdown."""
    carry: Callable[["KeyRule", TheirFile, Takeover], None]

    def keys(self, file: TheirFile) -> list[TheirKey]:
        """Return the keys of the file that the rule is about."""
        return [
            key
            for key in file.keys.values()
            if any(fits(key.path, pattern) for pattern in self.theirs)
        ]


def by_another(_rule: KeyRule, _file: TheirFile, _into: Takeover) -> None:
    """Do nothing: another rule, which needs these keys beside its own, has done so."""


def dropping(
    reason: str, usual: str | None = None, *, secret: bool = False
) -> Callable[[KeyRule, TheirFile, Takeover], None]:
    """Return what leaves a key behind; where it has their default, nothing is lost by that."""

    def drop(rule: KeyRule, file: TheirFile, into: Takeover) -> None:
        for key in rule.keys(file):
            if key.value is None or (usual is not None and same_value(key.value, usual)):
                into.alike.append(key.name)
            else:
                into.leave(key, reason, secret=secret)

    return drop


def same_value(value: object, usual: str) -> bool:
    """Tell whether a value, as it is written, is the usual one: `20.0` is `20`."""
    if not isinstance(value, str):
        return False
    try:
        return float(value) == float(usual)
    except ValueError:
        return value.lower() == usual


_STRANGER = "no key of this file is known: it is another program's, or of a version to come"
_UNKNOWN = "no known version of it has this key: see whether it does anything there"


def follow(rules: Sequence[KeyRule], file: TheirFile, into: Takeover) -> None:
    """Take over what the rules know, and account for every other key."""
    patterns = [pattern.split(".") for rule in rules for pattern in rule.theirs]
    strange = 0
    for key in file.keys.values():
        # Those that say the same as far as both go.
        depths = {
            len(pattern)
            for pattern in patterns
            if all(name in ("*", own) for name, own in zip(pattern, key.path, strict=False))
        }
        if not depths:
            into.leave(key, _UNKNOWN, secret=True)
            strange += 1
        elif len(key.path) in depths:
            continue
        elif max(depths) > len(key.path):
            if key.value not in (None, {}):
                file.fault(key, "keys and values are expected here")
        else:
            file.fault(key, f"one value is expected at {dotted(key.path[:-1])}")
    if strange and strange == len(file.keys):
        file.fault(next(iter(file.keys.values())), _STRANGER)
        return
    for rule in rules:
        rule.carry(rule, file, into)


# -- where they listen -----------------------------------------------------------------------------

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def take_address(
    address: Address, keys: list[TheirKey], into: Takeover, mode: str | None = None
) -> None:
    """Decide where we listen: where they do if that is asked for, or if other hosts ask there.

    Raise ValueError where it is a name that systemd, which listens for us, does not look up.
    """
    into.address = address
    because = "; ".join(key.place for key in keys)
    local = not isinstance(address, InetAddress) or address.host in _LOOPBACK
    if address in (DEFAULT_ADDRESS, InetAddress("localhost", DEFAULT_ADDRESS.port)):
        into.address_kept = True
        into.alike += [key.name for key in keys]
    elif into.keep_address or not local:
        into.address_kept = True
        here = numeric(address)
        into.set(("listen", ITEM, "protocol"), "socketmap", because)
        into.set(("listen", ITEM, "address"), f'"{here}"', because)
        if mode is not None and isinstance(address, UnixAddress):
            into.set(("listen", ITEM, "mode"), f'"{mode}"', because)
    else:
        into.address_kept = False
        for key in keys:
            into.leave(
                key, f"here it is {DEFAULT_ADDRESS}, for which main.cf changes; or --keep-address"
            )


def numeric(address: Address) -> Address:
    """Return the address without a name, which systemd's ListenStream= does not take."""
    if not isinstance(address, InetAddress):
        return address
    host = "127.0.0.1" if address.host == "localhost" else address.host
    try:
        ip_address(host)
    except ValueError:
        raise ValueError(
            f"{quote(host)} is a name, which systemd does not listen at: write its IP address"
        ) from None
    return InetAddress(host, address.port)
