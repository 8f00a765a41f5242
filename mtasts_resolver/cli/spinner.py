"""A sign of life on a terminal while a command waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """Show on standard error, where that is a terminal, what the block says that it waits for."""
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _step: None
        return
    with console.status("") as status:
        yield lambda step: status.update(Text(step, no_wrap=True, overflow="ellipsis"))
