"""Reading the configuration file, and comparing two configurations at a reload."""

import difflib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from mtasts_resolver.config import kinds
from mtasts_resolver.config.endpoints import Address, InetAddress
from mtasts_resolver.config.faults import ConfigError, Fault, Source, shown
from mtasts_resolver.config.keys import Key, Section, section_keys
from mtasts_resolver.config.kinds import Kind, show_duration
from mtasts_resolver.config.schema import Config
from mtasts_resolver.config.sections.administration import LogConfig
from mtasts_resolver.config.sections.listeners import ListenerConfig
from mtasts_resolver.config.sections.maps import BUILTIN_MAPS, MapOptions, builtin_options
from mtasts_resolver.config.sections.overrides import OverrideOptions
from mtasts_resolver.config.sections.owndomains import OwnDomainConfig
from mtasts_resolver.config.yamlfile import MAX_FILE_BYTES, Document, Raw, join, parse_yaml

_BUILTIN = tuple(map(str.lower, BUILTIN_MAPS))
# What is the same in two spellings of one name.
_SAME = {
    kinds.MAP_NAME.name: "case does not count",
    kinds.PATTERN.name: "both mean the same next hops",
}


class Loaded(NamedTuple):
    """A configuration, and the file that holds it."""

    config: Config
    data: bytes = b""
    source: Source = Source("defaults", MappingProxyType({}))


class Changes(NamedTuple):
    """What a reload changes, as paths of keys such as `maps.tlsrpt.testing`."""

    applied: tuple[str, ...]
    """Takes effect at once."""
    restart: tuple[str, ...]
    """Takes effect at the next start only."""
    in_force: Config
    """The new configuration, with the old values where a restart is needed."""


def load_file(path: Path | None) -> Loaded:
    """Return the configuration in the file `path`, or the defaults for None; or raise ConfigError.

    An empty file means the defaults, too.
    """
    return Loaded(Config()) if path is None else parse_config(read_file(path), str(path))


def read_file(path: Path | None) -> bytes:
    """Return what the file `path` holds, nothing for None; or raise ConfigError."""
    if path is None:
        return b""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        fault = Fault(f"cannot be read: {error.strerror or error}", file=str(path))
        raise ConfigError([fault]) from None


def parse_config(data: bytes, file: str, unknown: list[Fault] | None = None) -> Loaded:
    """Return the configuration that `data`, the contents of `file`, holds; or raise ConfigError.

    Unknown keys are faults, unless they are collected in `unknown`.
    """
    document = parse_yaml(data, file)
    reader = _Reader(document, unknown)
    values = reader.section(Config, document.value, "$")
    if not reader.faults:
        config = Config(**values)
        reader.check(config)
    if reader.faults:
        raise ConfigError(sorted(reader.faults, key=lambda fault: fault.line or 0))
    return Loaded(config, data, document.source)


def parse_kept(data: bytes, file: str) -> tuple[Loaded, list[Fault]]:
    """Return the configuration in a file that was valid once, and the keys that are so no more.

    A newer program may not know them; without them it can do what the rest says.
    """
    unknown: list[Fault] = []
    return parse_config(data, file, unknown), unknown


def log_settings(data: bytes) -> LogConfig:
    """Return how to log what is wrong with a file: as it says, as far as that can be made out."""
    try:
        document = parse_yaml(data, "")
    except ConfigError:
        return LogConfig()
    found = document.value.get("log") if isinstance(document.value, dict) else None
    values = _Reader(document).section(LogConfig, found, "$.log")
    return LogConfig(**{name: value for name, value in values.items() if value is not None})


def changes(old: Config, new: Config) -> Changes:
    """Tell what a reload that finds `new` while `old` is in force can apply."""
    applied: list[str] = []
    restart: list[str] = []
    kept: dict[str, Any] = {}
    for name, key in section_keys(Config).items():
        before, after = getattr(old, name), getattr(new, name)
        paths = _differences(name, before, after)
        if key.reload:
            applied += paths
        else:
            restart += paths
            kept[name] = before
    return Changes(tuple(applied), tuple(restart), msgspec.structs.replace(new, **kept))


def _differences(path: str, old: object, new: object) -> Iterator[str]:
    """Yield the paths of the keys in which `old` and `new` differ."""
    if isinstance(old, Section) and isinstance(new, Section):
        for name in old.__struct_fields__:
            yield from _differences(f"{path}.{name}", getattr(old, name), getattr(new, name))
    elif isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            yield from _differences(f"{path}.{name}", old.get(name), new.get(name))
    elif old != new:
        yield path


class _Reader:
    """Turns what the file holds into the values of the schema.

    Every fault is collected in `faults`; what the methods return is only good if there is none.
    Keys that are not known are left out; they are faults, unless `unknown` is there to take them.
    """

    def __init__(self, document: Document, unknown: list[Fault] | None = None) -> None:
        self.faults = document.faults
        self._unknown = self.faults if unknown is None else unknown
        self._source = document.source

    def section(self, cls: type[Section], raw: Raw, path: str) -> dict[str, Any]:
        """Return the keys that `raw` sets in the section `cls`, and their values."""
        keys = section_keys(cls)
        values: dict[str, Any] = {name: None for name, key in keys.items() if key.required}
        if raw is None:
            raw = {}
        if not isinstance(raw, dict):
            self._note(path, f"{_show(raw)} is not a mapping with the keys {_names(keys)}")
            return values
        for name in raw:
            if name not in keys:
                self._unknown.append(self._at_key(path, name, _unknown(name, keys)))
        for name, key in keys.items():
            if name in raw:
                values[name] = self._key(key, raw[name], f"{path}.{name}")
            elif key.required:
                self._note(path, f"the key {shown(name)} is missing")
        return values

    def check(self, config: Config) -> None:
        """Note what is wrong with keys together that are valid one by one."""
        if config.tcp_table_map not in config.all_maps():
            known = ", ".join([*BUILTIN_MAPS, *(n for n in config.maps if n not in _BUILTIN)])
            self._note(
                "$.tcp_table_map", f"{shown(config.tcp_table_map)} is not one of the maps {known}"
            )
        refresh = config.refresh
        if refresh.forget_after < refresh.interval:
            self._note(
                "$.refresh.forget_after",
                f"{shown(show_duration(refresh.forget_after))} is shorter than refresh.interval,"
                f" {show_duration(refresh.interval)}: no policy would ever be refreshed",
            )
        self._check_listeners(config.listen)
        self._check_own_domains(config.own_domains)
        if config.notify and not config.notify[0].startswith("/"):
            program = shown(config.notify[0])
            self._note(
                "$.notify[0]", f"{program} is not a program's absolute path, as /usr/bin/tell"
            )

    def _check_listeners(self, listeners: Iterable[ListenerConfig]) -> None:
        first: dict[Address, str] = {}
        for number, listener in enumerate(listeners):
            path, address = f"$.listen[{number}]", listener.address
            if isinstance(address, InetAddress):
                for name in ("mode", "owner", "group"):
                    if getattr(listener, name) is not None:
                        self._note(f"{path}.{name}", "only a unix socket has one")
                if address.port == 0:
                    continue  # the kernel chooses another each time
            if first.setdefault(address, path) != path:
                other = f"{shown(str(address))} is that of {first[address]}, too"
                self._note(f"{path}.address", other)

    def _check_own_domains(self, own_domains: Iterable[OwnDomainConfig]) -> None:
        first: dict[str, str] = {}
        for number, own in enumerate(own_domains):
            path = f"$.own_domains[{number}]"
            if first.setdefault(own.domain, path) != path:
                self._note(path, f"{own.domain} is that of {first[own.domain]}, too")

    def _note(self, path: str, reason: str) -> None:
        self.faults.append(self._source.fault(path, reason))

    def _at_key(self, path: str, name: str, reason: str) -> Fault:
        """Return a fault of the section at `path`, in the line of the key `name` in it."""
        return self._source.fault(join(path, name), reason)._replace(key=path)

    def _key(self, key: Key, raw: Raw, path: str) -> object:
        if key.named is not None:
            spelled = self._spelled(key, key.named, raw, path)
            sections = raw if isinstance(raw, dict) else {}
            read = self._maps if key.of is MapOptions else self._overrides
            return read({name: (sections[own], join(path, own)) for name, own in spelled.items()})
        if raw is None and (key.most is not None or isinstance(key.of, Kind)):
            if key.default is not None:
                self._note(path, "there is no value; leave the key out for the default")
            return None
        if key.most is None:
            return self._item(key, raw, path)
        return self._list(key, key.most, raw, path)

    def _list(self, key: Key, most: int, raw: Raw, path: str) -> object:
        if not isinstance(raw, list):
            self._note(path, f"{_show(raw)} is not a list")
        elif len(raw) > most:
            self._note(path, f"there are {len(raw)} items, at most {most} are allowed")
        else:
            return tuple(
                self._item(key, item, f"{path}[{number}]") for number, item in enumerate(raw)
            )
        return ()

    def _item(self, key: Key, raw: Raw, path: str) -> object:
        of = key.of
        if not isinstance(of, Kind):
            alone = key.bare is not None and isinstance(raw, str)
            return of(**self.section(of, {str(key.bare): raw} if alone else raw, path))
        if not isinstance(raw, str):
            self._note(path, f"{_show(raw)} is not a single value ({of.name})")
            return None
        try:
            return of.parse(raw)
        except ValueError as error:
            self._note(path, str(error))
            return None

    def _spelled(self, key: Key, kind: Kind, raw: Raw, path: str) -> dict[str, str]:
        """Return the names in a mapping, each with its spelling there."""
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self._note(path, f"{_show(raw)} is not a mapping of {kind.name}s to options")
            return {}
        if key.most is not None and len(raw) > key.most:
            self._note(path, f"there are {len(raw)} {kind.name}s, at most {key.most} are allowed")
            return {}
        spelled: dict[str, str] = {}
        for name in raw:
            try:
                parsed = kind.parse(name)
            except ValueError as error:
                self.faults.append(self._at_key(path, name, str(error)))
                continue
            other = spelled.setdefault(str(parsed), name)
            if other != name:
                same = f"{shown(name)} is {shown(other)}, too: {_SAME[kind.name]}"
                self.faults.append(self._at_key(path, name, same))
        return spelled

    def _maps(self, raw: dict[str, tuple[Raw, str]]) -> dict[str, MapOptions]:
        """Return each map's options; what a map leaves unset comes from `builtin_options`."""
        maps: dict[str, MapOptions] = {}
        # The built-in maps come first: the others take their options from them.
        ordered = [name for name in _BUILTIN if name in raw]
        ordered += [name for name in raw if name not in _BUILTIN]
        for name in ordered:
            options = self.section(MapOptions, *raw[name])
            maps[name] = msgspec.structs.replace(builtin_options(name, maps), **options)
        return maps

    def _overrides(self, raw: dict[str, tuple[Raw, str]]) -> dict[str, OverrideOptions]:
        overrides: dict[str, OverrideOptions] = {}
        for pattern, (options, path) in raw.items():
            values = self.section(OverrideOptions, options, path)
            if isinstance(options, dict) and ("action" in options) == ("policy" in options):
                self._note(path, "one of the keys 'action' and 'policy' is needed, and not both")
            overrides[pattern] = OverrideOptions(**values)
        return overrides


def _names(keys: Collection[str]) -> str:
    return ", ".join(sorted(keys))


def _unknown(name: str, keys: Collection[str]) -> str:
    close = difflib.get_close_matches(name, keys, n=1)
    hint = f"; did you mean {shown(close[0])}?" if close else ""
    return f"unknown key {shown(name)}{hint} (valid: {_names(keys)})"


def _show(raw: Raw) -> str:
    match raw:
        case None:
            return "no value"
        case str():
            return shown(raw)
        case list():
            return "a list"
        case dict():
            return "a mapping"
