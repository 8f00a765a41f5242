"""The SBOM has what constraints.txt pins, all of it, and is the same each time."""

import json

from cyclonedx.validation.json import JsonStrictValidator

from mtasts_resolver import __version__
from releasing.pins import read_pins
from releasing.sbom import SCHEMA, sbom
from releasing.tree import CONSTRAINTS

TEXT = CONSTRAINTS.read_text(encoding="utf-8")
DATE = 1_796_083_200
SBOM = sbom(TEXT, DATE)
BOM = json.loads(SBOM)
COMPONENTS = {component["bom-ref"]: component for component in BOM["components"]}
ASKS_FOR = {entry["ref"]: entry.get("dependsOn", []) for entry in BOM["dependencies"]}


def test_it_is_valid() -> None:
    assert JsonStrictValidator(SCHEMA).validate_str(SBOM) is None


def test_it_has_every_pin_with_its_hashes_and_nothing_else() -> None:
    assert {
        (one["name"], one["version"]): {
            f"sha256:{value['content']}" for value in one["externalReferences"][0]["hashes"]
        }
        for one in COMPONENTS.values()
    } == {(pin.name, str(pin.version)): set(pin.hashes) for pin in read_pins(TEXT)}


def test_it_is_of_this_program() -> None:
    program = BOM["metadata"]["component"]
    assert (program["name"], program["version"]) == ("mtasts-resolver", __version__)
    assert BOM["metadata"]["timestamp"] == "2026-12-01T00:00:00+00:00"


def test_every_component_is_asked_for_by_another_or_by_the_program() -> None:
    reached, left = set(), ["mtasts-resolver"]
    while left:
        one = left.pop()
        if one not in reached:
            reached.add(one)
            left += ASKS_FOR[one]
    assert reached - {"mtasts-resolver"} == set(COMPONENTS)


def test_what_only_the_extra_asks_for_is_optional() -> None:
    scopes = {one["name"]: one["scope"] for one in COMPONENTS.values()}
    assert (scopes["httpx"], scopes["anyio"]) == ("required", "required")
    assert (scopes["matplotlib"], scopes["numpy"]) == ("optional", "optional")


def test_it_is_the_same_each_time_and_another_for_other_pins() -> None:
    assert sbom(TEXT, DATE) == SBOM
    other = json.loads(sbom(TEXT, DATE, "9.9.9"))
    assert other["serialNumber"] != BOM["serialNumber"]
