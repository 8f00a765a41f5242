"""Our configuration as it is written from another one: what differs from the defaults, and why."""

import re
from collections.abc import Iterator

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.config import MAX_FILE_BYTES, ConfigError, Loaded, parse_config, parse_yaml
from mtasts_resolver.migration.takeover import ITEM, OurSetting

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NULL = "null"  # in any case: no key, but nothing

Tree = dict[str, "Tree | OurSetting"]


def config_text(settings: list[OurSetting], origin: str) -> str:
    """Return the file's text; empty where the defaults do."""
    if not settings:
        return ""
    head = [
        f"# Made by `mtasts-resolver migrate` from {escaped(origin)}.",
        "# What is not here is as the defaults of mtasts-resolver are.",
        "",
    ]
    return "\n".join([*head, *_lines(_tree(settings), "")]) + "\n"


def sets_nothing(data: bytes, file: str) -> bool:
    """Tell whether a configuration holds nothing but comments. Raise ConfigError."""
    if len(data) > MAX_FILE_BYTES:
        return False
    return parse_yaml(data, file).value in (None, {})


def checked_config(text: str, file: str) -> Loaded:
    """Return what the daemon will make of the text; raise ConfigError where that is nothing."""
    try:
        return parse_config(text.encode(), file)
    except ConfigError as error:
        reasons = "; ".join(fault.reason for fault in error.faults)
        raise ValueError(f"what was made is not valid, which is a fault here: {reasons}") from error


def _tree(settings: list[OurSetting]) -> Tree:
    tree: Tree = {}
    for setting in settings:
        place = tree
        for name in setting.path[:-1]:
            below = place.setdefault(name, {})
            if not isinstance(below, dict):
                raise TypeError(f"{setting.path} is below a value")
            place = below
        place[setting.path[-1]] = setting
    return tree


def _lines(tree: Tree, indent: str) -> Iterator[str]:
    for name, below in tree.items():
        if isinstance(below, OurSetting):
            yield f"{indent}{_key(name)}: {below.value}  # {escaped(below.because)}"
            continue
        if name == ITEM:
            for number, line in enumerate(_lines(below, "")):
                yield f"{indent}{'  ' if number else '- '}{line}"
            continue
        yield f"{indent}{_key(name)}:"
        yield from _lines(below, f"{indent}  ")


def _key(name: str) -> str:
    return name if _PLAIN.match(name) and name.lower() != _NULL else f'"{name}"'
