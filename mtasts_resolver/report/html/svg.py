"""What matplotlib draws, made a part of a page: small, the same each time, in the page's colours.

matplotlib writes a document with a style for everything below, styles in attributes, and names that
another chart of the same page has too. A page whose Content-Security-Policy allows none but its own
style needs attributes in their place; and in dark and light other colours, so a colour that stands
for a variable of the page's style (COLORS) becomes that variable.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from xml.etree import ElementTree as ET

COLORS: Mapping[str, str] = MappingProxyType(
    {
        "#010101": "ink",
        "#020202": "muted",
        "#030303": "rule",
        "#040404": "verified",
        "#050505": "encrypted",
        "#060606": "plain",
        "#070707": "unknown",
        "#080808": "held",
        "#090909": "ground",
    }
)
"""What is drawn in which colour, and the variable of the page's style that it becomes."""
COLOR_OF: Mapping[str, str] = MappingProxyType({name: color for color, name in COLORS.items()})

_PLACES = 1  # after the point, of a coordinate: a tenth of a point is thinner than any line
_FLOAT = re.compile(r"-?\d+\.\d+")
_REFERENCE = re.compile(r"url\(#(?P<id>[^)]+)\)")
_NUMERIC = frozenset({"d", "x", "y", "width", "height", "transform", "points", "viewBox"})
_KEPT_STYLES = frozenset(
    {"fill", "stroke", "stroke-width", "stroke-dasharray", "text-anchor", "font-size", "opacity"}
)
_USELESS = frozenset({"metadata", "style", "title"})


def part_of_page(document: str, name: str, title: str, description: str) -> str:
    """Return what matplotlib has drawn as an element of a page; `name` is unique in that page."""
    # What is parsed is what matplotlib has written a moment ago, of nobody else.
    root = ET.fromstring(document)  # noqa: S314
    used = set(_references(root))
    _simplify(root, name, used)
    box = root.get("viewBox", "")
    children = list(root)
    root.clear()
    root.attrib = {
        "viewBox": box,
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-description",
    }
    ET.SubElement(root, "title", {"id": f"{name}-title"}).text = title
    ET.SubElement(root, "desc", {"id": f"{name}-description"}).text = description
    root.extend(children)
    return ET.tostring(root, encoding="unicode")


def _references(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        for value in element.attrib.values():
            yield from (found["id"] for found in _REFERENCE.finditer(value))
            if value.startswith("#"):
                yield value[1:]


def _simplify(element: ET.Element, name: str, used: set[str]) -> None:
    for child in list(element):
        if not isinstance(child.tag, str) or _local(child.tag) in _USELESS:
            element.remove(child)
        else:
            _simplify(child, name, used)
    element.tag = _local(element.tag)
    element.tail = None
    if element.tag != "text":
        element.text = None
    attributes = dict(_attributes(element))
    if (own := attributes.pop("id", None)) in used:
        attributes["id"] = f"{name}-{own}"
    element.attrib = {
        key: _value(key, value, name)
        for key, value in attributes.items()
        if not (key == "transform" and value.startswith("rotate(-0 "))
    }


def _attributes(element: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield the attributes of an element, those of its style as if they were its own."""
    for key, value in element.attrib.items():
        if key != "style":
            yield _local(key), value
            continue
        for part in value.split(";"):
            inner, _, words = (piece.strip() for piece in part.partition(":"))
            if inner == "font":
                yield "font-size", words.split("px")[0].rsplit(" ", 1)[-1]
            elif inner in _KEPT_STYLES:
                yield inner, words


def _value(key: str, value: str, name: str) -> str:
    if value in COLORS:
        return f"var(--{COLORS[value]})"
    if key == "href":
        return f"#{name}-{value[1:]}"
    if key in _NUMERIC:
        return " ".join(_FLOAT.sub(_rounded, value).split())
    return _REFERENCE.sub(rf"url(#{name}-\g<id>)", value)


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.{_PLACES}f}".removesuffix(".0")


def _local(name: str) -> str:
    return name.rpartition("}")[2]
