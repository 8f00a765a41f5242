"""All that works for domains of one's own, put together once there are some."""

import asyncio
from contextlib import suppress
from functools import partial

import msgspec

from mtasts_resolver.base import logs
from mtasts_resolver.base.undecodable import UNDECODABLE
from mtasts_resolver.config import Config
from mtasts_resolver.owndomains.checking import OwnChecks
from mtasts_resolver.owndomains.events import OwnDomainChecked
from mtasts_resolver.owndomains.lastcheck import LastCheck
from mtasts_resolver.owndomains.means import OwnDomainMeans
from mtasts_resolver.owndomains.notes import OwnDomainHistory, OwnDomainLog
from mtasts_resolver.owndomains.notify import Notify
from mtasts_resolver.published.judge import judge
from mtasts_resolver.store.keptchecks import KeptChecks, checks_path

log = logs.get(__name__)

UNTOLD = ""  # in the place of a domain: what is new, and is yet to be told

_decoder = msgspec.json.Decoder(LastCheck)


async def begin(means: OwnDomainMeans) -> "OwnDomainWork":
    """Return what works, with the last checks that were kept."""
    await means.history.begun()
    work = OwnDomainWork(means)
    await work.read()
    return work


class OwnDomainWork:
    """Checks, keeps, notes and tells."""

    def __init__(self, means: OwnDomainMeans) -> None:
        events, clock = means.events, means.clock
        self._kept = KeptChecks(checks_path(means.policies), clock=clock)
        self._last: dict[str, LastCheck] = {}
        self.checks = OwnChecks(means.discoverer, judge, events, clock)
        self.log = OwnDomainLog(events, clock)
        self._history = OwnDomainHistory(events, means.history)
        self.notify = Notify(events, clock, partial(self._kept.put, UNTOLD))
        events.listen(OwnDomainChecked, self._checked)

    async def read(self) -> None:
        """Read what was kept, in a turn of the event loop each."""
        texts = await self._kept.open()
        with suppress(*UNDECODABLE):  # another program's; the history has it
            self.notify.restore(texts.pop(UNTOLD, b"[]"))
        for domain, text in texts.items():
            await asyncio.sleep(0)
            check = _decoded(domain, text)
            if check is None:
                self._kept.drop(domain)
            else:
                self._last[domain] = check

    def reconfigure(self, config: Config) -> None:
        """Take settings, the first ones too; forget what is no longer an own domain."""
        before = {*self._last, *(standing.options.domain for standing in self.checks)}
        self.checks.take(config.own_domains, self._last)
        self._last = {}
        for domain in before - {options.domain for options in config.own_domains}:
            self._kept.drop(domain)
        self.notify.command = config.notify

    async def run(self) -> None:
        """Work for ever; ends by cancellation."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.checks.run(), name="own domains")
            tasks.create_task(self.notify.run(), name="notify")

    async def close(self) -> None:
        """End it, and keep what is known."""
        self.notify.close()
        await self.checks.close()
        await self._kept.close()
        self.log.flush(at_once=True)

    def _checked(self, told: OwnDomainChecked) -> None:
        self._kept.put(told.check.domain, msgspec.json.encode(told.check))


def _decoded(domain: str, text: bytes) -> LastCheck | None:
    """Return a check that was kept; None where it is of no use, as after a change of program."""
    try:
        check = _decoder.decode(text)
        check.observed()
    except UNDECODABLE as error:
        log.warning(
            "own-domain-check-invalid", domain=domain, reason=str(error), action="it is made anew"
        )
        return None
    return check if check.domain == domain else None
