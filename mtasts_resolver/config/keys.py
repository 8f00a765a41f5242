"""What is known of each key besides its type, as the annotation of the section's field says it."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import msgspec
from msgspec import NODEFAULT, Struct

from mtasts_resolver.config.kinds import Kind


class Section(Struct, frozen=True):
    """The values of some keys; each has a Key in its annotation."""


@dataclass(frozen=True)
class Key:
    """One key of one section."""

    description: str
    of: Kind | type[Section]
    """What stands there: a value, or a section."""
    most: int | None = None
    """Where it is a list: how long it may be."""
    bare: str | None = None
    """Where it is a list of sections: which of their keys an item is that is a value alone."""
    named: Kind | None = None
    """Where it is a mapping to what stands there: of what."""
    reload: bool | None = None
    """Whether a reload applies it, for the keys at the top, and so for those below."""
    default: Any = NODEFAULT
    """That of the field, which `section_keys` fills in; where it is None the value may be null."""

    @property
    def required(self) -> bool:
        return self.default is NODEFAULT


@functools.cache
def section_keys(cls: type[Section]) -> Mapping[str, Key]:
    """Return the keys of the section `cls` by their names, in the schema's order."""
    return {field.name: _key(field) for field in msgspec.structs.fields(cls)}


def _key(field: msgspec.structs.FieldInfo) -> Key:
    key: Key
    _, key = get_args(field.type)
    made = field.default_factory
    return replace(key, default=field.default if made is NODEFAULT else made())


def takes_value(section: type[Section], name: str, text: str) -> bool:
    """Tell whether a key of a section that has a value, and none below it, takes this one."""
    try:
        _kind(section, name).parse(text)
    except ValueError:
        return False
    return True


def value_range(section: type[Section], name: str) -> str:
    """Return between what the value of such a key must be, such as `1h to 7d`."""
    return _kind(section, name).valid.partition(":")[0]


def _kind(section: type[Section], name: str) -> Kind:
    kind = section_keys(section)[name].of
    if not isinstance(kind, Kind):
        raise TypeError(f"{name} is a section")
    return kind
