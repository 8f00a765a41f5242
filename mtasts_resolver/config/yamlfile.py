"""YAML as a configuration file needs it: mappings, lists and text.

A plain scalar stays the text that was written, and the schema says what it means. So the traps of
YAML 1.1 are not there: `off` is no boolean where a word is wanted, `0660` is no octal number,
`1:30` is not ninety. Anchors, aliases, tags and several documents are refused, and so is a key that
stands twice.
"""

import re

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

from mtasts_resolver.base.quoting import quote

_SURROGATE = re.compile(r"[\ud800-\udfff]")  # which only an escape such as "\ud800" can hold
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")

MAX_FILE_BYTES = 65_536  # a large configuration has 4 KiB; the parser takes a second for 1 MiB
MAX_DEPTH = 8  # the schema needs 3; the builder below calls itself at each level

Raw = str | list["Raw"] | dict[str, "Raw"] | None
"""A value: text, a list, a mapping, or None for nothing, `~` and `null` without quotes."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class YamlError(ValueError):
    """The text is not the YAML described above; the message names the line and column."""


def parse_yaml(data: bytes) -> tuple[Raw, list[str]]:
    """Return what `data` holds, and what is wrong with it although it could be read.

    Raise YamlError where it could not.
    """
    if len(data) > MAX_FILE_BYTES:
        raise YamlError(f"the file is longer than {MAX_FILE_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlError(f"line {line}: the file is not UTF-8") from None
    try:
        return _Builder(text).build()
    except YamlError:
        raise
    except (ValueError, OverflowError):  # what the parser leaves of chr()
        raise YamlError(r'an escape as in "\U00110000" stands for no character') from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(
            f"line {line}: the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        ) from None
    except yaml.MarkedYAMLError as error:
        raise YamlError(_describe(error)) from None


class _Builder:
    """Makes values from the events of the YAML parser, which itself does not recurse."""

    def __init__(self, text: str) -> None:
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)
        self._faults: list[str] = []

    def build(self) -> tuple[Raw, list[str]]:
        value: Raw = None
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise YamlError(f"{_at(event)}: a second document begins")
            elif isinstance(event, NodeEvent):
                value = self._value(event, "$", 1)
        return value, self._faults

    def _value(self, event: Event, path: str, depth: int) -> Raw:
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise YamlError(f"{_at(event)}: anchors and aliases are not supported")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise YamlError(f"{_at(event)}: tags such as {tag!a} are not supported")
        if depth > MAX_DEPTH:
            raise YamlError(f"{_at(event)}: nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, SequenceStartEvent):
            return self._list(path, depth)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path, depth)
        return _scalar(event)

    def _list(self, path: str, depth: int) -> list[Raw]:
        items: list[Raw] = []
        while not isinstance(event := next(self._events), CollectionEndEvent):
            items.append(self._value(event, f"{path}[{len(items)}]", depth + 1))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, Raw]:
        items: dict[str, Raw] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), CollectionEndEvent):
            key = self._value(event, path, depth + 1)
            if not isinstance(key, str):
                raise YamlError(f"{_at(event)}: a key is not text")
            line, _ = _position(event)
            value = self._value(next(self._events), f"{path}.{_step(key)}", depth + 1)
            if key in items:
                self._faults.append(
                    f"{path}: the key {quote(key)} stands twice, in line {lines[key]}"
                    f" and in line {line}"
                )
                continue
            items[key] = value
            lines[key] = line
        return items


def _scalar(event: Event) -> str | None:
    if not isinstance(event, ScalarEvent):
        raise TypeError(f"the YAML parser sent {event!r}")
    if found := _SURROGATE.search(event.value):
        raise YamlError(f"{_at(event)}: U+{ord(found[0]):04X} in a text is no character")
    plain = event.style is None
    return None if plain and event.value in _NULLS else str(event.value)


def _step(key: str) -> str:
    return key if _PLAIN_KEY.match(key) else quote(key)


def _position(event: Event) -> tuple[int, int]:
    """Return the line and column, from 1, at which `event` begins."""
    mark = event.start_mark
    if mark is None:
        raise TypeError(f"the YAML parser sent {event!r} from nowhere")
    return mark.line + 1, mark.column + 1


def _at(event: Event) -> str:
    line, column = _position(event)
    return f"line {line}, column {column}"


def _describe(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    words = " ".join(text for text in (error.context, error.problem) if text)
    hint = " (YAML is indented with spaces, not tabs)" if r"'\t'" in words else ""
    return f"{where}{words}{hint}"
