"""The command: `python -m benchmarks [SECTION]...`."""

import select
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape

from tests.lab.stream import LabError

from . import (
    busy,
    cold,
    growth,
    guests,
    hostile,
    hot,
    interference,
    memory,
    providers,
    reporting,
    start,
)
from .bench import Bench, Section
from .build import BenchError
from .page import PageError, machine, updated
from .plot import hot_plot
from .servers import Also
from .world import LISTED, listed

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "performance.svg"

SECTIONS: Mapping[str, Callable[[Bench], Section]] = {
    "hot": hot.measure,
    "cold": cold.measure,
    "providers": providers.measure,
    "start": start.measure,
    "memory": memory.measure,
    "interference": interference.measure,
    "guests": guests.measure,
    "busy": busy.measure,
    "hostile": hostile.measure,
    "growth": growth.measure,
    "report": reporting.measure,
}

HOLD = "lab"
HELD_AT_MOST = 3_600.0
"""Seconds: nothing of the benchmarks stays for ever."""


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice([*SECTIONS, HOLD]))
@click.option("--quick", is_flag=True, help="Measure shortly; the page is left alone.")
@click.option(
    "--also",
    multiple=True,
    metavar="NAME=HOST:PORT:MAP:PID",
    help="Have a server that runs already among the hot ones. It is asked in the network of its"
    " process, and must keep saying what it says when it is warmed.",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
def main(
    sections: tuple[str, ...], *, quick: bool, also: tuple[str, ...], json_file: Path | None
) -> None:
    """Measure, show the tables, and write them to docs/performance.md.

    Without SECTIONS all of them are measured, one after the other. `lab` measures nothing: it keeps
    the benchmarks' network open, so that servers for --also can be started in it.
    """
    # SIGTERM ends it as Ctrl-C does: whatever was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    if find_spec("postfix_mta_sts_resolver") is None:
        sys.exit("The other servers are missing: pip install --editable '.[test,bench]'")
    try:
        others = [Also.parse(text) for text in also]
    except ValueError as error:
        raise click.BadOptionUsage("also", str(error)) from None
    with tempfile.TemporaryDirectory(prefix="mtasts-bench-") as directory:
        try:
            measure(sections or tuple(SECTIONS), Path(directory), others, json_file, quick=quick)
        except (BenchError, LabError, PageError) as error:
            notes = getattr(error, "__notes__", [])
            sys.exit("\n".join([f"The benchmarks cannot go on: {error}", *notes]))


def measure(
    names: tuple[str, ...],
    directory: Path,
    others: list[Also],
    json_file: Path | None,
    *,
    quick: bool,
) -> None:
    """Measure each section, and write what came of it as soon as it is there."""
    console = Console()
    results: dict[str, Section] = {}
    with telling(console) as tell, Bench(directory, quick=quick, also=others, tell=tell) as bench:
        on = machine(bench.programs.compiler)
        for name in names:
            if name == HOLD:
                hold(bench, console)
                continue
            result = results[name] = SECTIONS[name](bench)
            text = result.markdown()
            console.print(f"\n{escape(text)}\n", soft_wrap=True)
            if not quick:
                day = datetime.now(UTC).strftime("%Y-%m-%d")
                write(name, f"{text}\n\nMeasured {day} on {on}.", result)
            if json_file is not None:
                figures = {"measured on": on, "quick": quick, "sections": results}
                json_file.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


def hold(bench: Bench, console: Console) -> None:
    """Say how to start a server in the world, and keep it until Enter, or the end of input."""
    world = bench.world
    lines = [
        "A server that is started so asks the benchmarks' DNS and trusts their policy hosts:",
        f"  SSL_CERT_FILE={world.ca_file} {shlex.join(world.namespace.command(['COMMAND']))}",
        f"The domains are {listed(0)} to {listed(LISTED - 1)}. Then, in another terminal:",
        "  make bench ARGS='hot --also NAME=127.0.0.1:PORT:MAP:PID'",
        f"Enter ends this network, or {HELD_AT_MOST / 60:.0f} minutes.",
    ]
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)
    select.select([sys.stdin], [], [], HELD_AT_MOST)


def write(name: str, text: str, result: Section) -> None:
    """Put a section into the page, and its picture beside it."""
    page = updated(PAGE.read_text(encoding="utf-8"), {name: text})
    PAGE.write_text(page, encoding="utf-8")
    if isinstance(result, hot.Hot):
        PLOT.write_text(hot_plot(result), encoding="utf-8")


@contextmanager
def telling(console: Console) -> Iterator[Callable[[str], None]]:
    """Show what is being done on a terminal; nothing in a pipe."""
    with console.status("compiling") as status:
        yield lambda what: status.update(escape(what))
