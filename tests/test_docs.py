"""The documentation holds together: what a page refers to is there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from mtasts_resolver.cli import COMPLETE_VARIABLE, exit_codes
from mtasts_resolver.cli.reference import commands
from mtasts_resolver.control.views.metrics import METRICS
from mtasts_resolver.discovery import errors

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "postfix-examples").glob("*.md")]
)

_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


def prose(page: Path) -> str:
    return _CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of the page's headings, as GitHub and others make them."""
    headings = (found["text"].lower() for found in _HEADING.finditer(prose(page)))
    return frozenset(_NOT_IN_ANCHORS.sub("", text).replace(" ", "-") for text in headings)


def links(page: Path) -> Iterator[str]:
    for found in _LINK.finditer(prose(page)):
        if "://" not in found["target"]:
            yield found["target"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: there is no such file"
        if anchor:
            assert anchor in anchors(target), f"{link}: {target.name} has no such heading"


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    named = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    assert set((ROOT / "docs").glob("*.md")) - {index} <= named


def test_every_command_has_its_place_in_an_administrators_work() -> None:
    """Its options are in docs/commands.md, which tests/unit/cli/test_command_reference.py reads."""
    told = "".join(page.read_text("utf-8") for page in PAGES if page.stem != "commands")
    for words, _ in commands():
        assert re.search(rf"mtasts-resolver {words}\b", told), (
            f"{words}: no page says what it is for"
        )


def test_every_metric_is_documented_and_every_one_that_a_page_names_is_there() -> None:
    known = {metric.name for metric in METRICS}
    table = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    for name in known:
        assert f"\n| `{name}` |" in table, name
    for page in PAGES:
        named = set(re.findall(r"`(mtasts_resolver_[a-z_]+)`", page.read_text("utf-8")))
        assert named <= known, page.name


def test_every_code_of_a_failure_is_documented() -> None:
    page = (ROOT / "docs" / "logs.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", section(page, "Codes"), re.MULTILINE))
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    raised = {
        kind.code
        for kind in kinds
        if issubclass(kind, errors.DiscoveryError)
        and kind is not errors.NoRecordError
        and not kind.__subclasses__()
    }
    others = {"no-record", "record-invalid", "lookup-timeout", "service-unknown", "service-timeout"}
    assert documented == raised | others
    for code in others:
        assert any(f'"{code}"' in text for text in sources()), code


def section(page: str, heading: str) -> str:
    """Return the text below a heading of the second level."""
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def sources() -> Iterator[str]:
    return (path.read_text("utf-8") for path in (ROOT / "mtasts_resolver").rglob("*.py"))


def test_every_exit_code_is_documented() -> None:
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    codes = {value for name, value in vars(exit_codes).items() if name.isupper()}
    assert codes
    for code in codes | {0}:
        assert f"\n| `{code}` |" in page


def test_every_variable_of_the_environment_is_documented() -> None:
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    documented = set(re.findall(r"`([A-Z_]+)`", section(page, "Environment")))
    read = {name for path in (ROOT / "mtasts_resolver").rglob("*.py") for name in variables(path)}
    assert {"NO_COLOR", "STATE_DIRECTORY"} <= read
    assert read - {COMPLETE_VARIABLE, "PYTHONPATH"} <= documented


def variables(path: Path) -> Iterator[str]:
    """Yield the variables of the environment that a module looks for by name."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(ast.Attribute(of, "get" | "pop"), [ast.Constant(str(name)), *_]):
                pass
            case ast.Subscript(of, ast.Constant(str(name)), ast.Load()):
                pass
            case ast.Compare(ast.Constant(str(name)), [ast.In()], [of]):
                pass
            case _:
                continue
        if ast.unparse(of).rpartition(".")[2] in {"environ", "environment"}:
            yield name
