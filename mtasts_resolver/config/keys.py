"""The schema as data: what loading and the reference page need to know of each key."""

import functools
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from mtasts_resolver.config.kinds import Choice, Kind, Switch


class Key(Struct, frozen=True):
    """One key of one section."""

    name: str
    description: str
    shape: Literal["value", "list", "section", "sections", "named sections"]
    """One value, a list of values, one section, a list of sections, or sections under names."""
    kind: Kind | None
    """The kind of the value or values; None where the shape is made of sections."""
    section: type[Struct] | None
    """The section; None where the shape is made of values."""
    optional: bool
    """Whether the value may be null."""
    required: bool
    default: Any
    max_items: int | None
    """How long a list may be."""
    reload: bool | None
    """Whether a reload applies it; None but at the top."""


@functools.cache
def section_keys(cls: type[Struct]) -> tuple[Key, ...]:
    """Return the keys of the section `cls`, in the schema's order."""
    return tuple(_key(field) for field in msgspec.structs.fields(cls))


def _key(field: msgspec.structs.FieldInfo) -> Key:
    if get_origin(field.type) is not Annotated:
        raise TypeError(f"the key {field.name} is not described")
    annotated, meta = get_args(field.type)
    if not isinstance(meta, Meta) or not meta.description or meta.extra is None:
        raise TypeError(f"the key {field.name} is not described")
    inner, optional = _without_none(annotated)
    shape, item = _shape(inner)
    is_section = isinstance(item, type) and issubclass(item, Struct)
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    return Key(
        name=field.name,
        description=meta.description,
        shape=_SECTION_SHAPES[shape] if is_section else shape,
        kind=None if is_section else meta.extra["kind"] or _kind(item, field.name),
        section=item if is_section else None,
        optional=optional,
        required=field.required,
        default=default,
        max_items=meta.extra["max_items"],
        reload=meta.extra["reload"],
    )


_SECTION_SHAPES: dict[str, Any] = {
    "value": "section",
    "list": "sections",
    "names": "named sections",
}


def _without_none(annotated: Any) -> tuple[Any, bool]:  # noqa: ANN401  an annotation
    if get_origin(annotated) is not UnionType:
        return annotated, False
    (inner,) = (part for part in get_args(annotated) if part is not NoneType)
    return inner, True


def _shape(inner: Any) -> tuple[Any, Any]:  # noqa: ANN401  an annotation
    origin, arguments = get_origin(inner), get_args(inner)
    if origin is tuple:
        return "list", arguments[0]
    if origin is dict:
        return "names", arguments[1]
    return "value", inner


def _kind(item: Any, name: str) -> Kind:  # noqa: ANN401  an annotation
    if item is bool:
        return Switch()
    if get_origin(item) is Literal:
        return Choice(get_args(item))
    raise TypeError(f"the key {name} has no kind")
