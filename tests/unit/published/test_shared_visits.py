"""Many domains have the same MX hosts: one look at all of them visits each once."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
import trustme

from mtasts_resolver.published import sharedvisits
from mtasts_resolver.published.observed import SeenAddress
from mtasts_resolver.published.sharedvisits import MailHostSeen, SharedVisits
from tests.unit.discovery.mailhost import mail_host
from tests.unit.discovery.policyhost import DOMAIN, tls
from tests.unit.published.world import MX, RECORDS, observing, trusting

OTHER = "y.example"
SEEN = MailHostSeen(SeenAddress(address="192.0.2.1"), None)


@pytest.mark.parametrize(("share", "more"), [(True, 0), (False, 1)])
async def test_of_two_domains_with_one_mx_host_it_is_visited_once_where_that_is_wanted(
    ca: trustme.CA, ca_file: Path, *, share: bool, more: int
) -> None:
    records = [*RECORDS, f"{OTHER}. 300 IN MX 10 {MX}."]
    async with (
        mail_host(tls(ca.issue_cert(MX))) as mail,
        observing(
            records, https=trusting(ca_file), smtp_port=mail.port, share_visits=share
        ) as observer,
    ):
        first = await observer.observe(DOMAIN)
        visits = mail.connections
        assert visits
        second = await observer.observe(OTHER)
    assert mail.connections == visits * (1 + more)
    assert first.mx_hosts == second.mx_hosts
    assert first.mx_hosts[0].addresses[0].tls is not None


async def test_who_gives_up_ends_no_visit_that_another_waits_for() -> None:
    shared, go_on, looks = SharedVisits(), asyncio.Event(), 0

    async def look() -> MailHostSeen:
        nonlocal looks
        looks += 1
        await go_on.wait()
        return SEEN

    first, second = (asyncio.create_task(shared.visit("a", "1", look)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    go_on.set()
    assert await second == SEEN
    assert looks == 1


async def test_a_visit_that_this_host_failed_is_made_again() -> None:
    shared = SharedVisits()

    async def fail() -> MailHostSeen:
        raise MemoryError

    async def look() -> MailHostSeen:
        return SEEN

    with pytest.raises(MemoryError):
        await shared.visit("a", "1", fail)
    await asyncio.sleep(0)
    assert await shared.visit("a", "1", look) == SEEN


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharedvisits, "MAX_KEPT", 2)
    shared, looked = SharedVisits(), list[str]()

    async def look(name: str) -> MailHostSeen:
        looked.append(name)
        return SEEN

    for name in "abcca":
        await shared.visit(name, "1", partial(look, name))
    assert looked == ["a", "b", "c", "a"]
