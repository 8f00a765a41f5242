"""constraints.txt and constraints-build.txt pin what setup.cfg and pyproject.toml require."""

from itertools import groupby
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from releasing.metadata import (
    EXTRAS,
    build_requirements,
    oldest_python,
    pythons,
    run_requirements,
)
from releasing.pins import Pin, needed, read_pins
from releasing.tree import BUILD_CONSTRAINTS, CONSTRAINTS

PINS = read_pins(CONSTRAINTS.read_text(encoding="utf-8"))
RUN = run_requirements()
ALL = run_requirements(EXTRAS)
PYTHONS = pythons()


def environment(python: str, machine: str = "x86_64") -> dict[str, str]:
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_machine": machine,
        "sys_platform": "linux",
        "os_name": "posix",
        "platform_system": "Linux",
    }


def in_force(python: str, machine: str) -> dict[str, Pin]:
    chosen = {}
    pins = (pin for pin in PINS if pin.holds(environment(python, machine)))
    for name, several in groupby(pins, key=lambda pin: pin.name):
        (chosen[name],) = several
    return chosen


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", PYTHONS)
def test_on_every_python_each_requirement_has_one_pin_that_satisfies_it(
    python: str, machine: str
) -> None:
    pins = in_force(python, machine)
    for requirement in ALL:
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin.version), f"{requirement}: {pin.version} does not"


def test_the_pythons_that_are_looked_at_begin_with_the_oldest() -> None:
    assert PYTHONS[0] == oldest_python()
    assert len(PYTHONS) > 1


def test_nothing_is_pinned_that_nobody_asked_for() -> None:
    assert needed(PINS, ALL) == PINS


def test_what_only_the_extra_asks_for_is_known() -> None:
    run = {pin.name for pin in needed(PINS, RUN)}
    assert {"httpx", "anyio", "cffi"} <= run
    assert not run & {"matplotlib", "numpy", "zstandard"}


def test_what_builds_the_program_is_pinned() -> None:
    pins = {pin.name: pin for pin in read_pins(BUILD_CONSTRAINTS.read_text(encoding="utf-8"))}
    for requirement in build_requirements():
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)].version)


@pytest.mark.parametrize("path", [CONSTRAINTS, BUILD_CONSTRAINTS], ids=lambda path: path.name)
def test_no_index_of_the_machine_that_wrote_them_is_in_them(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "://" not in text
    assert "index" not in text.lower()


@pytest.mark.threat("release-swapped")
@pytest.mark.parametrize(
    "text", ["httpx==0.28.1\n", "httpx>=0.28.1 \\\n    --hash=sha256:" + "0" * 64 + "\n"]
)
def test_what_is_no_pin_with_a_hash_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="httpx"):
        read_pins(text)
