"""How far long work has come, for a person who waits for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class Bar:
    """A bar on standard error, which may be nowhere."""

    def __init__(self, bar: Progress | None, what: str) -> None:
        self._bar = bar
        self._task = None if bar is None else bar.add_task(what, total=None)

    def __call__(self, done: int, total: int | None) -> None:
        """Tell how many are done, and of how many if that is known."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let the block write lines, which the bar would stand in."""
        if self._bar is None:
            yield
            return
        self._bar.stop()
        yield
        self._bar.start()


@contextmanager
def progress(what: str, *, shown: bool = True) -> Iterator[Bar]:
    """Show a bar while the block runs, if it is to be shown and standard error is a terminal."""
    console = Console(stderr=True)
    if not shown or not console.is_terminal or console.is_dumb_terminal:
        yield Bar(None, what)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    # Standard output is left alone: it may be a file.
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bar:
        yield Bar(bar, what)


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """Show on standard error, where that is a terminal, what the block says that it waits for."""
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _step: None
        return
    with console.status("") as status:
        yield lambda step: status.update(Text(step, no_wrap=True, overflow="ellipsis"))
