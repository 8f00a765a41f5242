"""Imports point down, as docs/architecture.md has it, and the pure rooms do no I/O.

A room is a package directly under `mtasts_resolver`. The pure rooms take values and return values,
so that they can be proved without a network, a disk or a clock.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "mtasts_resolver"

PAGE = ROOT / "docs" / "architecture.md"
_ROW = re.compile(r"\| `(?P<room>[a-z]+)` \| (?P<knows>.+) \| (?P<below>.*)\|\Z")


def rooms() -> Iterator[tuple[str, str, list[str]]]:
    """Yield each room of the page's table, what it knows, and what it may import."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if row := _ROW.match(line):
            yield row["room"], row["knows"], re.findall(r"`(\w+)`", row["below"])


# From the top to the bottom.
MAY_IMPORT = {room: below for room, _, below in rooms()}
PURE_ROOMS = [room for room, knows, _ in rooms() if knows.endswith("(pure)")]

# What a pure room may use. Nothing here opens a file or a socket, logs, waits, or asks for the time
# or for a random number.
PURE_MODULES = {
    *("collections", "dataclasses", "enum", "functools", "itertools", "re", "string", "typing"),
    *("idna", "ipaddress", "msgspec", "urllib.parse"),
    "calendar",  # it reckons with dates, and reads no clock
}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}

# The configuration is a schema; the one module that reads the file may name a path.
CONFIG_MODULES = PURE_MODULES | {
    *("click", "difflib", "ipaddress", "json", "msgspec", "os", "pathlib", "textwrap", "types"),
    *("yaml",),
}


def sources() -> dict[str, ast.Module]:
    """Return the syntax tree of every module of the package, by dotted name."""
    trees = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return trees


SOURCES = sources()


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted name of each module that `tree` imports, at its top or further in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that a reader sees where they point"
            assert node.module is not None
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in SOURCES else node.module


def room(module: str) -> str | None:
    """Return the room of a module of the package, None for the package itself."""
    return module.split(".")[1] if "." in module else None


IMPORTS = {module: set(imports(tree)) for module, tree in SOURCES.items()}
INNER = {
    module: {name for name in names if name.split(".")[0] == PACKAGE}
    for module, names in IMPORTS.items()
}


def test_the_page_names_every_room_and_no_other() -> None:
    loose = {path.stem for path in (ROOT / PACKAGE).glob("*.py")}
    assert loose == {"__init__", "__main__"}
    assert {room(module) for module in SOURCES} - {None, "__main__"} == set(MAY_IMPORT)
    assert PURE_ROOMS == ["postfix", "maillog", "tlsrpt", "policy", "findings"]


def test_the_page_names_no_module_that_is_not_there() -> None:
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE.read_text(encoding="utf-8"))
    assert named
    for name in named:
        assert (ROOT / PACKAGE / name).exists() or (ROOT / name).exists(), name


def test_the_pages_arrows_point_down() -> None:
    order = list(MAY_IMPORT)
    for place, own in enumerate(order):
        assert MAY_IMPORT[own] == [
            other for other in order[place + 1 :] if other in MAY_IMPORT[own]
        ]


@pytest.mark.parametrize("module", [module for module in SOURCES if room(module) in MAY_IMPORT])
def test_a_room_imports_what_the_page_allows(module: str) -> None:
    own = room(module)
    assert own is not None
    for name in INNER[module]:
        other = room(name)
        assert other in (None, own) or other in MAY_IMPORT[own], f"{module} imports {name}"


@pytest.mark.parametrize("own", MAY_IMPORT)
def test_the_page_allows_nothing_that_is_not_used(own: str) -> None:
    modules = [module for module in SOURCES if room(module) == own]
    used = {room(name) for module in modules for name in INNER[module]}
    assert set(MAY_IMPORT[own]) <= used


@pytest.mark.parametrize("own", ["config", "policy"])
def test_others_import_the_face_of_a_room_that_has_one(own: str) -> None:
    others = [module for module in SOURCES if room(module) != own]
    used = {name for module in others for name in INNER[module] if room(name) == own}
    assert used == {f"{PACKAGE}.{own}"}


def test_no_module_imports_itself_through_others() -> None:
    graph = {module: names & SOURCES.keys() for module, names in INNER.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("module", [module for module in SOURCES if room(module) in PURE_ROOMS])
def test_pure_rooms_do_no_io(module: str) -> None:
    for name in IMPORTS[module] - INNER[module]:
        assert is_allowed(name, PURE_MODULES), f"{module} imports {name}"
    for name in INNER[module]:
        assert room(name) in PURE_ROOMS, f"{module} imports {name}"
    calls = {
        node.func.id
        for node in ast.walk(SOURCES[module])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & IMPURE_CALLS


@pytest.mark.parametrize(
    ("part", "others"), [("judge", ["observed"]), ("publication", ["observed", "judge"])]
)
def test_what_is_published_is_judged_and_decided_without_io(part: str, others: list[str]) -> None:
    """They are parts of a room whose other parts ask the world."""
    modules = [name for name in SOURCES if f"{PACKAGE}.published.{part}" in name]
    assert modules
    pure = {f"{PACKAGE}.{name}" for name in ("policy", "findings", "base.quoting", "base.spans")}
    own = {f"{PACKAGE}.published.{name}" for name in (part, *others)}
    for module in modules:
        for name in IMPORTS[module] - INNER[module]:
            assert is_allowed(name, PURE_MODULES | {"shlex", "datetime"}), (
                f"{module} imports {name}"
            )
        for name in INNER[module]:
            assert is_allowed(name, pure | own), f"{module} imports {name}"


@pytest.mark.parametrize("module", [module for module in SOURCES if room(module) == "config"])
def test_configuration_asks_no_network_no_clock_and_no_log(module: str) -> None:
    for name in IMPORTS[module] - INNER[module]:
        assert is_allowed(name, CONFIG_MODULES), f"{module} imports {name}"


# What is called so in more than one module, and why that misleads nobody.
TWICE = {
    "main": "the beginning of each program: of the commands, of the process that discovers",
    "application": "what is behind a door, each of which finds it by this name",
}


def public_names(tree: ast.Module) -> Iterator[str]:
    """Yield the classes, functions and names of types that a module defines for others."""
    for node in tree.body:
        match node:
            case ast.ClassDef(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                names = [name]
            case ast.Assign([ast.Name(name)]) | ast.AnnAssign(ast.Name(name)):
                names = [name] if re.search("[A-Z][a-z]", name) else []  # Level = Literal[...]
            case _:
                continue
        yield from (name for name in names if not name.startswith("_"))


def test_no_name_twice_for_two_things() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for module, tree in SOURCES.items():
        for name in public_names(tree):
            places[name].append(module)
    twice = {name: at for name, at in places.items() if len(at) > 1}
    assert twice.keys() == TWICE.keys(), twice


def everything_imported_by(module: str) -> set[str]:
    """Return each module that `module` imports when it is imported, directly or through others."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            tree = SOURCES.get(name)
            waiting += imports(at_the_top(tree)) if tree is not None else []
    return seen


def at_the_top(tree: ast.Module) -> ast.Module:
    """Return the imports that run when the module is imported, and not for types alone."""
    statements = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return ast.Module(list(statements), [])


def test_the_daemon_leaves_the_libraries_of_discovery_to_the_discoverer() -> None:
    """They take longer to import than a start may take, and parse what strangers send."""
    imported = {name.split(".")[0] for name in everything_imported_by(f"{PACKAGE}.daemon.run")}
    assert {"uvloop", "msgspec", "sqlitedict"} <= imported
    assert not imported & {"dns", "httpx", "httpcore", "ssl", "cryptography"}


def is_allowed(name: str, modules: set[str]) -> bool:
    """Tell whether the module `name`, or a package that holds it, is one of `modules`."""
    parts = name.split(".")
    return any(".".join(parts[:end]) in modules for end in range(1, len(parts) + 1))


def test_libraries_stay_in_their_rooms() -> None:
    """No exception or type of a library crosses the seam it was wrapped at."""
    homes = {
        # answers/explanation shows the MX records; worker loads what is loaded late otherwise;
        # doctor looks at the MX records of this host's own domains
        "dns": {"discovery", "answers", "worker", "doctor"},
        "httpx": {"discovery", "control"},  # control asks the daemon, over its socket
        "httpcore": {"discovery"},
        "ssl": {"discovery", "doctor"},  # doctor asks port 25 of this host for TLS
        "cryptography": {"discovery", "doctor"},  # and reads Postfix's certificates
        "sqlitedict": {"store"},
        "sqlite3": {"store", "migration"},  # which reads the cache of another program
        "yaml": {"config"},
        "idna": {"policy"},
        "logging": {"base"},  # the rest logs events
        "click": {"cli", "config", "control"},  # config and control print their pages
        "rich": {"cli"},
        "uvloop": {"daemon", "worker"},
        "starlette": {"control"},
        "uvicorn": {"control"},
        "prometheus_client": {"control"},
        "jinja2": {"control", "report"},
        "matplotlib": {"report"},
    }
    for module, names in IMPORTS.items():
        for name in names:
            library = name.split(".")[0]
            assert room(module) in homes.get(library, {room(module)}), f"{module} imports {name}"
