"""Whether a resolver validates and is to be believed: row D7."""

import asyncio

import pytest

from mtasts_resolver.base.events import Events
from mtasts_resolver.config import DnssecTrust
from mtasts_resolver.discovery.errors import DnsConfigError, DnsTimeoutError
from mtasts_resolver.discovery.findings import Probe
from mtasts_resolver.knowledge.dnssec import PROBE_INTERVAL, RETRY_INTERVAL, DnssecProbe
from mtasts_resolver.knowledge.events import DnssecChanged, ProbeFailed
from mtasts_resolver.worker.direct import DirectDiscoverer
from tests.unit.knowledge.world import FakeClock, FakeFetcher, FakeInternet, settle

VALIDATES = Probe(authenticated=True, answered=("::1",), trusted=("127.0.0.1", "::1"))
DOES_NOT = Probe(authenticated=False, answered=("::1",), trusted=("::1",), why_not="no AD")
SILENT = DnsTimeoutError("SOA .: no answer in time")


class Servers(DirectDiscoverer):
    """Name servers that answer a probe as the test says."""

    def __init__(self) -> None:
        internet = FakeInternet()
        super().__init__(internet, FakeFetcher(internet), internet, None)
        self.answer: Probe | Exception = VALIDATES
        self.probes = 0

    async def probe(self) -> Probe:
        self.probes += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Probing:
    """A probe, its servers, and what is told."""

    def __init__(self, mode: DnssecTrust = "auto") -> None:
        self.clock = FakeClock()
        self.servers = Servers()
        events = Events()
        self.told: list[object] = []
        events.listen(DnssecChanged, self.told.append)
        events.listen(ProbeFailed, self.told.append)
        self.dnssec = DnssecProbe(self.servers, mode, self.clock, events)

    async def probe(self, answer: Probe | Exception) -> tuple[bool | None, str]:
        """Return what is known after a probe that is answered so."""
        self.servers.answer = answer
        await self.dnssec.probe()
        return self.dnssec.validates, self.dnssec.state


@pytest.mark.row("D7")
async def test_what_is_known_is_what_the_last_answer_says_and_is_told_when_it_changes() -> None:
    probing = Probing()
    assert (probing.dnssec.validates, probing.dnssec.state) == (None, "not probed yet")
    for _ in range(2):
        validates = await probing.probe(VALIDATES)
        assert validates == (True, "127.0.0.1, ::1 validates, and is trusted")
    for _ in range(2):
        assert await probing.probe(DOES_NOT) == (False, "no AD")
    assert probing.told == [
        DnssecChanged(validates=True, servers=("127.0.0.1", "::1")),
        DnssecChanged(validates=False, reason="no AD"),
    ]


@pytest.mark.row("D7")
async def test_no_answer_says_nothing_of_dnssec() -> None:
    probing = Probing()
    assert await probing.probe(SILENT) == (None, str(SILENT))
    known = await probing.probe(VALIDATES)
    assert await probing.probe(SILENT) == known
    assert probing.told[0] == probing.told[-1] == ProbeFailed(str(SILENT))


@pytest.mark.row("D7")
async def test_without_a_name_server_to_be_trusted_there_is_no_dane() -> None:
    probing = Probing()
    error = DnsConfigError("no name server is trusted")
    assert await probing.probe(error) == (False, str(error))
    assert probing.told == [DnssecChanged(validates=False, reason=str(error))]


@pytest.mark.row("D7")
async def test_where_dnssec_is_off_nobody_is_asked() -> None:
    probing = Probing("off")
    await probing.dnssec.run()
    assert await probing.dnssec.first_probe() is False
    assert await probing.probe(VALIDATES) == (False, "dns.dnssec is off")
    assert (probing.servers.probes, probing.told) == (0, [])


async def test_it_is_asked_soon_until_something_is_known_and_then_every_minute() -> None:
    probing = Probing()
    probing.servers.answer = SILENT
    running = asyncio.create_task(probing.dnssec.run())
    await settle()
    await probing.clock.advance(2 * RETRY_INTERVAL)
    assert probing.servers.probes == 3
    probing.servers.answer = DOES_NOT
    await probing.clock.advance(RETRY_INTERVAL)
    assert probing.servers.probes == 4
    await probing.clock.advance(PROBE_INTERVAL - 1)
    assert probing.servers.probes == 4
    await probing.clock.advance(1)
    assert probing.servers.probes == 5
    running.cancel()
