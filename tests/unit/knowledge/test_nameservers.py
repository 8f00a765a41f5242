"""An outage of our own name servers is told from domains whose servers always fail."""

import pytest

from mtasts_resolver.base.events import Events
from mtasts_resolver.discovery.errors import DnsServerError
from mtasts_resolver.knowledge.events import NameServersFailed, NameServersRecovered
from mtasts_resolver.knowledge.nameservers import NameServerHealth
from tests.unit.knowledge.world import FakeClock

REASON = ("dns-server-failure", "SERVFAIL")


class Servers:
    """The health of name servers, and what is told of it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        events = Events()
        self.told: list[object] = []
        events.listen(NameServersFailed, self.told.append)
        events.listen(NameServersRecovered, self.told.append)
        self.health = NameServerHealth(self.clock, events)

    def fail(self, times: int = 1, *, outage: bool = True) -> None:
        """Fail so many questions, a second apart."""
        error = DnsServerError("SERVFAIL")
        error.outage = outage
        for _ in range(times):
            self.health.failed(error)
            self.clock.now += 1


@pytest.fixture
def servers() -> Servers:
    return Servers()


def test_ten_failures_are_an_outage_and_one_answer_ends_it(servers: Servers) -> None:
    servers.fail(9)
    assert servers.told == []
    servers.fail(11)
    assert servers.told == [NameServersFailed(10, 9, *REASON)]
    servers.health.answered()
    servers.health.answered()
    assert servers.told[1:] == [NameServersRecovered(20)]


def test_a_minute_of_failures_is_an_outage_however_few_ask(servers: Servers) -> None:
    servers.fail()
    servers.clock.now += 58
    servers.fail()
    assert servers.told == []
    servers.fail()
    assert servers.told == [NameServersFailed(3, 60, *REASON)]


def test_the_next_outage_is_told_again_and_counted_from_its_own_beginning(
    servers: Servers,
) -> None:
    servers.fail(10)
    servers.health.answered()
    servers.clock.now += 1_000
    servers.fail(10)
    assert servers.told[2:] == [NameServersFailed(10, 9, *REASON)]


def test_where_other_questions_are_answered_the_domains_own_servers_fail(
    servers: Servers,
) -> None:
    servers.fail(100, outage=False)
    assert servers.told == []
    for _ in range(10):
        servers.fail(9)
        servers.fail(outage=False)
    assert servers.told == []
