"""Ready is a daemon all of whose parts are well; else it says why not."""

from pathlib import Path

import pytest

from mtasts_resolver.config import Config, DnsConfig
from mtasts_resolver.control.views.readiness import PARTS, view_trouble
from mtasts_resolver.daemon.parts import Parts
from mtasts_resolver.discovery.errors import DnsServerError
from mtasts_resolver.knowledge.nameservers import FAILURES_OF_AN_OUTAGE
from tests.unit.control.parts import idle_parts

NOT_RUNNING = {"discoverer": "the process that discovers is not running"}


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return idle_parts(tmp_path, Config(dns=DnsConfig(dnssec="off")))


async def test_each_part_that_is_not_well_says_why(parts: Parts) -> None:
    assert view_trouble(parts) == NOT_RUNNING
    parts.store._trouble = "/x/policies.sqlite: no space left on device"
    assert view_trouble(parts) == NOT_RUNNING | {
        "store": "/x/policies.sqlite: no space left on device"
    }


async def test_name_servers_that_fail_are_no_failure_of_a_domain(parts: Parts) -> None:
    failure = DnsServerError("TXT _mta-sts.x.example: SERVFAIL from 192.0.2.53")
    for _ in range(2 * FAILURES_OF_AN_OUTAGE):
        parts.sts._note_dns_failure(failure)
    assert PARTS["dns"](parts) is None  # a domain's own servers
    failure.outage = True
    for _ in range(FAILURES_OF_AN_OUTAGE):
        parts.sts._note_dns_failure(failure)
    assert PARTS["dns"](parts) == "the name servers do not answer"
    parts.sts._name_servers.answered()
    assert PARTS["dns"](parts) is None


async def test_no_word_of_the_name_servers_yet_is_not_ready(tmp_path: Path) -> None:
    parts = idle_parts(tmp_path)
    assert PARTS["dns"](parts) == "no name server has answered yet: not probed yet"
