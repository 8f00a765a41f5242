"""Another program's configuration, key by key, each with its line."""

import re
from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

from mtasts_resolver.base.quoting import escaped, quote
from mtasts_resolver.config import ConfigError, Fault, Raw, join, parse_yaml

KeyPath = tuple[str, ...]

# As YAML 1.1 has them, and numbers, which Python takes for true and false just as well.
_SWITCH = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?\Z")
_WHOLE = re.compile(r"[1-9][0-9]{0,8}\Z|0\Z")
# Their YAML knows octal numbers by a leading zero alone.
_OCTAL = re.compile(r"0o?([0-7]{3})\Z")

MAX_KEYS = 2_000  # of one file; the largest known has two dozen, and a zone has four


class TheirKey(NamedTuple):
    """A key that stands in the file."""

    path: KeyPath
    value: Raw
    line: int

    @property
    def name(self) -> str:
        """The path as it is written in words: `zones.strict.timeout`."""
        return dotted(self.path)

    @property
    def place(self) -> str:
        """As a comment says where something comes from."""
        return f"{self.name}, line {self.line}"


def dotted(path: KeyPath) -> str:
    """Return a path in words; what somebody called a zone cannot hold a line end there."""
    return escaped(_joined(path).removeprefix("$."))


def fits(path: KeyPath, pattern: str) -> bool:
    """Tell whether a path is one that a pattern such as `zones.*.timeout` means."""
    names = pattern.split(".")
    return len(names) == len(path) and all(
        name in ("*", own) for name, own in zip(names, path, strict=True)
    )


class TheirFile:
    """What a file of theirs sets. What is wrong with a value is collected in `faults`."""

    def __init__(self, data: bytes, file: str) -> None:
        document = parse_yaml(data, file)
        self.file = file
        self.faults = [*document.faults]
        self._lines = document.source.lines
        if not isinstance(document.value, dict | None):
            raise ConfigError([Fault("it holds no keys and values", line=1, file=file)])
        self.keys: dict[KeyPath, TheirKey] = {}
        for key in self._leaves((), document.value or {}):
            self.keys[key.path] = key
            if len(self.keys) > MAX_KEYS:
                raise ConfigError([Fault(f"it has more than {MAX_KEYS:,} keys", file=file)])

    def _leaves(self, path: KeyPath, raw: Raw) -> Iterator[TheirKey]:
        if isinstance(raw, dict) and raw:
            for name, value in raw.items():
                yield from self._leaves((*path, name), value)
        elif path:
            yield TheirKey(path, raw, self._line(path))

    def _line(self, path: KeyPath) -> int:
        return self._lines.get(_joined(path), 1)

    def names(self, section: str) -> dict[str, int]:
        """Return the names in a section of any, such as `zones`, each with its line."""
        found = (path[1] for path in self.keys if len(path) > 1 and path[0] == section)
        return {name: self._line((section, name)) for name in found}

    # -- values ------------------------------------------------------------------------------------

    def fault(self, key: TheirKey, reason: str) -> None:
        """Note what is wrong with a key, once, however often it is asked for."""
        fault = Fault(reason, key.name, key.line, self.file)
        if fault not in self.faults:
            self.faults.append(fault)

    def text(self, *path: str) -> str | None:
        """Return a value; None where there is none, or a fault."""
        key = self.keys.get(path)
        if key is None or key.value is None:
            return None
        if not isinstance(key.value, str):
            self.fault(key, "one value is expected here")
            return None
        if "\0" in key.value:
            self.fault(key, f"{quote(key.value)} holds a NUL")
            return None
        return key.value

    def switch(self, *path: str, usual: bool) -> bool:
        """Return true or false, `usual` where the key is not set."""
        if (text := self.text(*path)) is None:
            return usual
        if text.lower() not in _SWITCH:
            self.fault(self.keys[path], f"{quote(text)} is not true or false")
            return usual
        return _SWITCH[text.lower()]

    def number(self, *path: str) -> float | None:
        """Return a number, such as of seconds."""
        return self._matched(path, _NUMBER, "is not a number")

    def whole(self, *path: str) -> int | None:
        """Return a whole number."""
        found = self._matched(path, _WHOLE, "is not a whole number")
        return None if found is None else int(found)

    def mode(self, *path: str) -> str | None:
        """Return the octal mode of a file; one without a leading zero is decimal to them."""
        if (text := self.text(*path)) is None:
            return None
        if not (found := _OCTAL.match(text)):
            self.fault(self.keys[path], f"{quote(text)} is not an octal file mode such as 0660")
            return None
        return f"0{found[1]}"

    def _matched(self, path: KeyPath, form: re.Pattern[str], otherwise: str) -> float | None:
        if (text := self.text(*path)) is None:
            return None
        if not form.match(text):
            self.fault(self.keys[path], f"{quote(text)} {otherwise}")
            return None
        return float(text)


def _joined(path: KeyPath) -> str:
    return reduce(join, path, "$")
