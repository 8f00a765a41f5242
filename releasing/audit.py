"""`make audit`: look up whether what constraints.txt pins has vulnerabilities that are known.

pip-audit asks its service, which is PyPI's unless an option says another. It ends well also if the
service knew none of the packages; here nothing goes by that was not looked up.
"""

import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from releasing.pins import Pin, read_pins
from releasing.tools import ToolError, run_tool
from releasing.tree import BUILD_CONSTRAINTS, CONSTRAINTS

FOUND_SOME = 1
"""pip-audit's exit status when it has found something, and also when it has failed."""


@dataclass(frozen=True)
class Audit:
    looked_up: int
    not_looked_up: list[str]
    vulnerabilities: list[str]


def groups(pins: Iterable[Pin]) -> list[list[Pin]]:
    """Return the pins in as few groups as can be, none with a name twice: pip-audit takes one."""
    made: list[list[Pin]] = []
    for pin in pins:
        free = (group for group in made if all(pin.name != other.name for other in group))
        if (group := next(free, None)) is None:
            made.append(group := [])
        group.append(pin)
    return made


def audit(pins: Iterable[Pin], options: Sequence[str] = ()) -> Audit:
    """Look the pins up, those for other Pythons too; raise ToolError. `options` are pip-audit's."""
    found = [_audit(group, options) for group in groups(pins)]
    return Audit(
        sum(one.looked_up for one in found),
        [text for one in found for text in one.not_looked_up],
        [text for one in found for text in one.vulnerabilities],
    )


def _audit(pins: Sequence[Pin], options: Sequence[str]) -> Audit:
    lines = [f"{pin.name}=={pin.version} --hash={pin.hashes[0]}\n" for pin in pins]
    with tempfile.TemporaryDirectory(prefix="mtasts-resolver-audit-") as place:
        asked, answered = Path(place) / "pins.txt", Path(place) / "audit.json"
        asked.write_text("".join(lines), encoding="utf-8")
        said = run_tool(
            *("pip-audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"),
            *("--requirement", str(asked), "--format", "json", "--output", str(answered)),
            *options,
            may_end=(0, FOUND_SOME),
            quiet=True,
        )
        if not answered.exists():
            reason = said.strip().rpartition("\n")[2]
            raise ToolError(f"pip-audit has failed, nothing is known of the pins: {reason}")
        return read_audit(answered.read_text(encoding="utf-8"))


def read_audit(answered: str) -> Audit:
    """Read pip-audit's JSON."""
    packages = json.loads(answered)["dependencies"]
    skipped = [package for package in packages if "skip_reason" in package]
    return Audit(
        len(packages) - len(skipped),
        [package["name"] for package in skipped],
        [
            f"{package['name']} {package['version']}: {', '.join([one['id'], *one['aliases']])}, "
            f"mended in {', '.join(one['fix_versions']) or 'no version yet'}"
            for package in packages
            for one in package.get("vulns", [])
        ],
    )


def verdict(found: Audit) -> str:
    """Return what is wrong and what to do, or nothing."""
    if found.vulnerabilities:
        listed = "\n".join(f"  {text}" for text in found.vulnerabilities)
        return (
            f"Known vulnerabilities:\n{listed}\n"
            "Pin what mends them: make constraints ARGS='--exclude-newer-package NAME=false'. What "
            "does not concern this program, with the reason: make audit ARGS='--ignore-vuln ID'"
        )
    if found.not_looked_up:
        all_of_them = len(found.not_looked_up) + found.looked_up
        return (
            f"{len(found.not_looked_up)} of {all_of_them} packages could not be looked up, such as "
            f"{found.not_looked_up[0]}: nothing is known of them. Is this host's way to PyPI a "
            "mirror without its JSON API? Another service: make audit ARGS='-s osv'"
        )
    return ""


def all_pins() -> list[Pin]:
    return [
        pin
        for path in (BUILD_CONSTRAINTS, CONSTRAINTS)
        for pin in read_pins(path.read_text(encoding="utf-8"))
    ]


def main(arguments: list[str]) -> None:
    try:
        found = audit(all_pins(), arguments)
    except ToolError as error:
        sys.exit(f"Not audited: {error}")
    if wrong := verdict(found):
        sys.exit(wrong)
    print(f"{found.looked_up} packages looked up: no known vulnerability")


if __name__ == "__main__":
    main(sys.argv[1:])
