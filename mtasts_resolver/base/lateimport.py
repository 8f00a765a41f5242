"""Imports while look-ups are answered."""

import asyncio
import gc
import importlib
import sys
from types import ModuleType

# Seconds that a thread may keep the interpreter to itself while another one waits for it. For each
# turn of the event loop that is what an import costs.
BRIEFLY = 0.0005
USUALLY = sys.getswitchinterval()


async def import_beside(*names: str) -> list[ModuleType]:
    """Import modules in a thread; the event loop turns meanwhile."""
    return await asyncio.to_thread(_import, names)


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
