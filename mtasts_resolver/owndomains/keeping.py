"""What the daemon has of its own domains from the start on: next to nothing, until there are some.

What checks them is imported then, beside the answers.
"""

import asyncio
from typing import TYPE_CHECKING

from mtasts_resolver.base.lateimport import import_beside
from mtasts_resolver.config import Config
from mtasts_resolver.owndomains.means import OwnDomainMeans

if TYPE_CHECKING:  # else a daemon without own domains had it all in memory
    from mtasts_resolver.owndomains.work import OwnDomainWork

# What is imported when there are own domains. It has a function `begin`.
WORK = "mtasts_resolver.owndomains.work"
# Seconds that who asks for own domains waits until they are read: they come behind all else of a
# start.
BEGIN_PATIENCE = 20.0


class OwnDomains:
    """The domains of `own_domains`, and whoever checks them once there are some."""

    def __init__(self, means: OwnDomainMeans, config: Config) -> None:
        self.means = means
        self.work: OwnDomainWork | None = None
        """None until there are own domains."""
        self._wanted = asyncio.Event()
        self._begun = asyncio.Event()
        self.reconfigure(config)

    def reconfigure(self, config: Config) -> None:
        """Take new settings."""
        self._config = config
        if config.own_domains:
            self._wanted.set()
        if self.work is not None:
            self.work.reconfigure(config)

    async def run(self) -> None:
        """Check them, for ever; ends by cancellation."""
        await self._wanted.wait()
        if self.work is None:
            (module,) = await import_beside(WORK)
            work: OwnDomainWork = await module.begin(self.means)
            work.reconfigure(self._config)
            self.work = work
            self._begun.set()
        await self.work.run()

    async def begun(self) -> "OwnDomainWork | None":
        """Return whoever checks, a moment after the start or the reload that wants it.

        None where there are no own domains. Raise TimeoutError where the disk does not answer.
        """
        if self.work is None and self._wanted.is_set():
            async with asyncio.timeout(BEGIN_PATIENCE):
                await self._begun.wait()
        return self.work

    def flush_logs(self, *, at_once: bool = False) -> None:
        """Tell what was left out of the log lately."""
        if self.work is not None:
            self.work.log.flush(at_once=at_once)

    async def close(self) -> None:
        """End it, and keep what is known."""
        if self.work is not None:
            await self.work.close()
