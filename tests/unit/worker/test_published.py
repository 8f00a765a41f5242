"""The daemon has its other process look at all that a domain publishes."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import trustme

from mtasts_resolver.config import Config
from mtasts_resolver.published.observe import Observer
from mtasts_resolver.published.observed import Observed, SeenFailure, SeenHost, SeenTexts
from mtasts_resolver.worker import messages, metering
from mtasts_resolver.worker.lag import Lag
from tests.unit.discovery.policyhost import DOMAIN
from tests.unit.published.world import configured_for
from tests.unit.worker.test_child import ask_once, serving
from tests.unit.worker.test_metering import compute
from tests.unit.worker.test_supervisor import running

ASK = messages.Ask(1, "published", DOMAIN, smtp=False)


def observed(domain: str = DOMAIN, failure: SeenFailure | None = None) -> Observed:
    return Observed(
        domain=domain,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        record=SeenTexts(name=f"_mta-sts.{domain}", failure=failure),
        reports=SeenTexts(name=f"_smtp._tls.{domain}"),
        policy_host=SeenHost(name=f"mta-sts.{domain}"),
        smtp=False,
    )


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


def remove(path: Path) -> None:
    path.unlink()


async def test_what_is_seen_comes_home_whole(trust: Path) -> None:
    async with configured_for(https={"ca_file": trust, "timeout": 1.0}) as config:
        async with running(config) as discoverer:
            await discoverer.ready()
            found = await discoverer.published(DOMAIN, smtp=False)
        here = await Observer(config).observe(DOMAIN, smtp=False)
    assert found.record.texts == ("v=STSv1; id=1;",)
    assert not found.smtp
    assert msgspec.structs.replace(found, at=here.at) == here


async def test_one_domain_is_looked_at_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0

    async def observe(_: Observer, domain: str, *, smtp: bool) -> Observed:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return observed(domain)

    monkeypatch.setattr(Observer, "observe", observe)
    async with serving(Config()) as (channel, arrived):
        assert await arrived.get() == messages.Ready()
        for number in range(5):
            channel.send(messages.encode(messages.Ask(number, "published", DOMAIN)))
        answers = [await arrived.get() for _ in range(5)]
    assert all(isinstance(answer, messages.Found) for answer in answers)
    assert most == 1


async def test_a_look_may_cost_more_than_a_discovery_but_not_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metering, "MOST", 20_000_000)
    monkeypatch.setattr("mtasts_resolver.worker.child.MOST_OF_ALL", 200_000_000)
    steps = 10

    async def observe(*_: object, **__: object) -> Observed:
        for _step in range(steps):
            compute(0.01)
            await asyncio.sleep(0)
        return observed()

    monkeypatch.setattr(Observer, "observe", observe)
    assert isinstance(await ask_once(Config(), ASK), messages.Found)
    steps = 1_000
    answer = await ask_once(Config(), ASK)
    assert isinstance(answer, messages.Failed)
    assert answer.code == "observation-costly"
    assert f"looking at {DOMAIN}" in answer.reason


@pytest.mark.parametrize("failure", [None, SeenFailure("dns-timeout", "no answer")])
async def test_what_may_have_failed_since_we_were_late_is_for_another_try(
    monkeypatch: pytest.MonkeyPatch, failure: SeenFailure | None
) -> None:
    late = 0.0

    async def observe(*_: object, **__: object) -> Observed:
        nonlocal late
        late = 100.0
        return observed(failure=failure)

    monkeypatch.setattr(Observer, "observe", observe)
    monkeypatch.setattr(Lag, "seconds", property(lambda _: late))
    answer = await ask_once(Config(), ASK)
    assert isinstance(answer, messages.Found if failure is None else messages.Overloaded)


async def test_a_trust_store_that_is_gone_is_a_shortage_of_ours(
    trust: Path,
) -> None:
    async with configured_for(https={"ca_file": trust}) as config, serving(config) as link:
        channel, arrived = link
        assert await arrived.get() == messages.Ready()
        remove(trust)
        channel.send(messages.encode(ASK))
        answer = await arrived.get()
    assert isinstance(answer, messages.Overloaded)
    assert str(trust) in answer.reason
