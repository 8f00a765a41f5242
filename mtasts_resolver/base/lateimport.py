"""Imports, and other work that takes milliseconds, while look-ups are answered."""

import asyncio
import gc
import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")

# Seconds that a thread may keep the interpreter to itself while another one waits for it. For each
# turn of the event loop that is what an import costs.
BRIEFLY = 0.0005
USUALLY = sys.getswitchinterval()


async def import_beside(*names: str) -> list[ModuleType]:
    """Import modules in a thread; the event loop turns meanwhile."""
    return await asyncio.to_thread(_import, names)


async def work_beside(work: Callable[[], T]) -> T:
    """Return what `work` returns, done in a thread; the event loop turns meanwhile."""
    return await asyncio.to_thread(_briefly, work)


def _briefly(work: Callable[[], T]) -> T:
    sys.setswitchinterval(BRIEFLY)
    try:
        return work()
    finally:
        sys.setswitchinterval(USUALLY)


def _import(names: tuple[str, ...]) -> list[ModuleType]:
    gc.disable()  # what modules define is no garbage: to look for some among it takes its time
    sys.setswitchinterval(BRIEFLY)
    try:
        found = [importlib.import_module(name) for name in names]
        gc.freeze()  # not where that failed: much of it is garbage then
    finally:
        sys.setswitchinterval(USUALLY)
        gc.enable()
    return found
