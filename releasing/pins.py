r"""constraints.txt as a value: what is pinned, for which Pythons, and what asked for it.

The form is pip's. What asked for a pin, uv writes in comments below it:

    numpy==2.4.6 ; python_full_version < '3.12' \
        --hash=sha256:0161...
        # via
        #   contourpy
        #   matplotlib
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

_HASH = re.compile(r"^--hash=(sha256:[0-9a-f]{64})$")
_ASKED_BY = re.compile(r"^#(?: via|  ) (?P<name>[A-Za-z0-9._-]+)")


@dataclass(frozen=True)
class Pin:
    name: NormalizedName
    version: Version
    marker: Marker | None
    hashes: tuple[str, ...]
    asked_by: frozenset[NormalizedName]

    def holds(self, environment: Mapping[str, str]) -> bool:
        return self.marker is None or self.marker.evaluate(dict(environment))


def read_pins(text: str) -> list[Pin]:
    """Raise ValueError for what is no pin with hashes."""
    blocks: list[list[str]] = []
    for line in text.splitlines():
        words = line.strip().removesuffix("\\").strip()
        if line[:1] not in {"", " ", "#"}:
            blocks.append([words])
        elif blocks and words:
            blocks[-1].append(words)
    return [_pin(block) for block in blocks]


def _pin(block: list[str]) -> Pin:
    wanted = Requirement(block[0])
    (only,) = wanted.specifier
    hashes = tuple(found[1] for line in block[1:] if (found := _HASH.match(line)))
    if only.operator != "==" or not hashes:
        raise ValueError(f"{block[0]}: no version is pinned, or no hash is there")
    asked_by = (found["name"] for line in block[1:] if (found := _ASKED_BY.match(line)))
    return Pin(
        canonicalize_name(wanted.name),
        Version(only.version),
        wanted.marker,
        hashes,
        frozenset(canonicalize_name(name) for name in asked_by),
    )


def needed(pins: Iterable[Pin], wanted: Iterable[Requirement]) -> list[Pin]:
    """Of `pins`, those that `wanted` needs, directly or through others."""
    pins = list(pins)
    names = {canonicalize_name(requirement.name) for requirement in wanted}
    while more := {pin.name for pin in pins if pin.asked_by & names} - names:
        names |= more
    return [pin for pin in pins if pin.name in names]
