"""Knowing whether there is a resolver that validates DNSSEC and is to be believed."""

import asyncio

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.config import DnssecTrust
from mtasts_resolver.discovery.errors import DnsConfigError, DnsError
from mtasts_resolver.knowledge.events import DnssecChanged, ProbeFailed
from mtasts_resolver.worker.discoverer import Discoverer

# A resolver that begins or ceases to validate was configured anew; a question a minute is nothing.
PROBE_INTERVAL = 60.0
RETRY_INTERVAL = 5.0  # seconds, until the first answer: at boot the resolver may be late


class DnssecProbe:
    """Probes the trusted name servers, unless the configuration says `dns.dnssec: off`."""

    def __init__(
        self, discoverer: Discoverer, mode: DnssecTrust, clock: Clock, events: Events
    ) -> None:
        self._discoverer = discoverer
        self._mode = mode
        self._clock = clock
        self._events = events
        self._validates: bool | None = False if mode == "off" else None
        self.state = "dns.dnssec is off" if mode == "off" else "not probed yet"
        """Why `validates` is what it is, in words for an administrator."""
        self._probed = asyncio.Event()
        if mode == "off":
            self._probed.set()

    @property
    def validates(self) -> bool | None:
        """Tell whether DANE can be looked up; None where the first probe has had no answer yet."""
        return self._validates

    async def run(self) -> None:
        """Probe again and again; ends by cancellation."""
        while self._mode != "off":
            await self.probe()
            self._probed.set()
            known = self._validates is not None
            await self._clock.sleep(PROBE_INTERVAL if known else RETRY_INTERVAL)

    async def first_probe(self) -> bool | None:
        """Return `validates` when there was a probe at least."""
        await self._probed.wait()
        return self._validates

    async def probe(self) -> None:
        """Look whether the servers validate, and say so where that has changed.

        A server that does not answer leaves things as they are: it says nothing of DNSSEC.
        """
        if self._mode == "off":
            return
        try:
            found = await self._discoverer.probe()
        except DnsConfigError as error:
            self._unavailable(str(error))
        except (DnsError, OverloadedError) as error:
            self._events.publish(ProbeFailed(str(error)))
            if self._validates is None:
                self.state = str(error)
        else:
            if found.authenticated:
                self._validated(found.trusted)
            else:
                self._unavailable(found.why_not)

    def _validated(self, servers: tuple[str, ...]) -> None:
        if self._validates is not True:
            self._validates = True
            self.state = f"{', '.join(servers)} validates, and is trusted"
            self._events.publish(DnssecChanged(validates=True, servers=servers))

    def _unavailable(self, reason: str) -> None:
        if self._validates is not False:
            self._validates = False
            self.state = reason
            self._events.publish(DnssecChanged(validates=False, reason=reason))
