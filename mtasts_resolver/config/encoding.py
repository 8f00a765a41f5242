"""How the configuration is handed on: as JSON to whoever asks for it, whole to the discoverer."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import NoneType
from typing import Any

from mtasts_resolver.config.endpoints import IPNetwork
from mtasts_resolver.config.keys import Section
from mtasts_resolver.config.kinds import EndTime, FileMode

_PLAIN = (NoneType, bool, int, float, str)
_DECODERS: dict[type, Any] = {
    IPNetwork: ip_network,
    Path: Path,
    FileMode: FileMode,
    EndTime: EndTime,
}


def plain(value: object) -> object:
    """Return a configuration, or what is in it, as JSON can show it, no password among it.

    Sections are mappings, times seconds, and all else is as the file spells it.
    """
    match value:
        case Section():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case dict():
            return {name: plain(item) for name, item in value.items()}
    if type(value) is tuple:
        return [plain(item) for item in value]
    return value if type(value) in _PLAIN else str(value)


def encode_value(value: object) -> object:
    """Return what msgspec can encode for `value`, which it does not know: its `enc_hook`."""
    match value:
        case FileMode():
            return int(value)
        case EndTime():
            return float(value)
        case Path() | IPv4Network() | IPv6Network():
            return str(value)
    raise TypeError(f"no configuration holds {value!r}")


def decode_value(kind: type, encoded: object) -> object:
    """Return the value of the type `kind` that `encode_value` was given: msgspec's `dec_hook`."""
    return _DECODERS[kind](encoded)
