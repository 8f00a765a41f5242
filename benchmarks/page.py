"""docs/performance.md: prose by hand, and between markers what was measured."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_implementation, python_version, release

PACKAGES = ("uvloop", "dnspython", "httpx", "msgspec", "sqlitedict", "postfix-mta-sts-resolver")


class PageError(Exception):
    """The page has no place for what was measured."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are numbers, and stand to the right."""
    rules = ["---", *("--:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, rules, *rows])


def paragraphs(*parts: str) -> str:
    """Return the parts with an empty line between them."""
    return "\n\n".join(parts)


def updated(page: str, sections: Mapping[str, str]) -> str:
    """Return the page with each section's text between its markers. Raise PageError."""
    for name, text in sections.items():
        begin, end = f"<!-- {name}: written by make bench -->\n", f"<!-- end of {name} -->\n"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise PageError(f"the page must hold {begin.strip()} and {end.strip()} once each")
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n{text.strip()}\n\n{end}{after}"
    return page


def machine(compiler: str, proc: Path = Path("/proc")) -> str:
    """Return, in a sentence, what was measured on and with which versions."""
    cores, model = processor((proc / "cpuinfo").read_text())
    programs = [f"{python_implementation()} {python_version()}", *_versions()]
    return f"Linux {release()}, {cores} cores of {model}; {', '.join(programs)}; {compiler}"


def processor(cpuinfo: str) -> tuple[int, str]:
    """Return how many processors there are, and the name of the first."""
    fields = [line.partition(":") for line in cpuinfo.splitlines()]
    names = [value.strip() for name, _, value in fields if name.strip() == "model name"]
    cores = sum(name.strip() == "processor" for name, _, _ in fields)
    return cores, names[0] if names else sys.platform


def _versions() -> Iterable[str]:
    for package in PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
