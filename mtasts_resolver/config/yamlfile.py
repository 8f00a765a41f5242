"""YAML as a configuration file needs it: mappings, lists and text.

A plain scalar stays the text that was written, and the schema says what it means. So the traps of
YAML 1.1 are not there: `off` is no boolean where a word is wanted, `0660` is no octal number,
`1:30` is not ninety. Anchors, aliases, tags and several documents are refused, and so is a key that
stands twice.
"""

import re
from typing import NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from mtasts_resolver.config.faults import ConfigError, Fault, Source, shown

_SURROGATE = re.compile(r"[\ud800-\udfff]")  # which only an escape such as "\ud800" can hold
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")

MAX_FILE_BYTES = 65_536  # a large configuration has 4 KiB; the parser takes a second for 1 MiB
MAX_DEPTH = 8  # the schema needs 3; the builder below calls itself at each level

Raw = str | list["Raw"] | dict[str, "Raw"] | None
"""A value: text, a list, a mapping, or None for nothing, `~` and `null` without quotes."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Document(NamedTuple):
    """What a file holds."""

    value: Raw
    source: Source
    faults: list[Fault]
    """What is wrong with it although it could be read."""


def parse_yaml(data: bytes, file: str) -> Document:
    """Return what `data`, the contents of `file`, holds. Raise ConfigError if it is no YAML."""
    if len(data) > MAX_FILE_BYTES:
        raise _error(file, f"the file is longer than {MAX_FILE_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _error(file, "the file is not UTF-8", line) from None
    try:
        return _Builder(text, file).build()
    except (ValueError, OverflowError):  # what the parser leaves of chr()
        raise _error(file, r'an escape as in "\U00110000" stands for no character') from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        raise _error(file, what, line) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(file, error) from None


class _Builder:
    """Makes values from the events of the YAML parser, which itself does not recurse."""

    def __init__(self, text: str, file: str) -> None:
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)
        self._file = file
        self._lines: dict[str, int] = {}
        self._faults: list[Fault] = []

    def build(self) -> Document:
        value: Raw = None
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._error(event, "a second document begins")
            elif isinstance(event, NodeEvent):
                value = self._value(event, "$", 1)
        return Document(value, Source(self._file, self._lines), self._faults)

    def _value(self, event: Event, path: str, depth: int) -> Raw:
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise self._error(event, "anchors and aliases are not supported")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise self._error(event, f"tags such as {tag!a} are not supported")
        if depth > MAX_DEPTH:
            raise self._error(event, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, SequenceStartEvent):
            return self._list(path, depth)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path, depth)
        return self._scalar(event)

    def _list(self, path: str, depth: int) -> list[Raw]:
        items: list[Raw] = []
        while not isinstance(event := next(self._events), CollectionEndEvent):
            item_path = f"{path}[{len(items)}]"
            self._lines.setdefault(item_path, _position(event)[0])
            items.append(self._value(event, item_path, depth + 1))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, Raw]:
        items: dict[str, Raw] = {}
        while not isinstance(event := next(self._events), CollectionEndEvent):
            key = self._value(event, path, depth + 1)
            if not isinstance(key, str):
                raise self._error(event, "a key is not text")
            line, _ = _position(event)
            value_path = join(path, key)
            first = self._lines.setdefault(value_path, line)
            value = self._value(next(self._events), value_path, depth + 1)
            if key in items:
                twice = f"the key {shown(key)} stands twice, in line {first} before"
                self._faults.append(Fault(twice, path, line, self._file))
            else:
                items[key] = value
        return items

    def _scalar(self, event: Event) -> str | None:
        if not isinstance(event, ScalarEvent):
            raise TypeError(f"the YAML parser sent {event!r}")
        if found := _SURROGATE.search(event.value):
            raise self._error(event, f"U+{ord(found[0]):04X} in a text is no character")
        plain = event.style is None
        return None if plain and event.value in _NULLS else str(event.value)

    def _error(self, event: Event, reason: str) -> ConfigError:
        return _error(self._file, reason, *_position(event))


def join(path: str, key: str) -> str:
    """Return the path of the key `key` in the section at `path`."""
    return f"{path}.{key if _PLAIN_KEY.match(key) else shown(key)}"


def _position(event: Event) -> tuple[int, int]:
    """Return the line and column, from 1, at which `event` begins."""
    mark = event.start_mark
    if mark is None:
        raise TypeError(f"the YAML parser sent {event!r} from nowhere")
    return mark.line + 1, mark.column + 1


def _syntax_error(file: str, error: yaml.MarkedYAMLError) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    where = (mark.line + 1, mark.column + 1) if mark else ()
    words = " ".join(text for text in (error.context, error.problem) if text)
    hint = " (YAML is indented with spaces, not tabs)" if r"'\t'" in words else ""
    return _error(file, f"{words}{hint}", *where)


def _error(file: str, what: str, line: int | None = None, column: int | None = None) -> ConfigError:
    reason = what if column is None else f"column {column}: {what}"
    return ConfigError([Fault(reason, line=line, file=file)])
