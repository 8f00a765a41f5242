"""Own domains, as whoever sees or steers the daemon has them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from mtasts_resolver.config import Config, DnsConfig, OwnDomainConfig
from mtasts_resolver.control.api.endpoint import Call, Peer, RefusedError
from mtasts_resolver.control.api.endpoints import ENDPOINTS
from mtasts_resolver.control.api.owndomains import OwnDomainPath
from mtasts_resolver.control.values.owndomains import OwnDomainDetails, OwnDomainList
from mtasts_resolver.control.values.verdict import NAMED_DOMAINS, worries
from mtasts_resolver.control.views.metrics.owndomains import MAX_SHOWN_HOSTS
from mtasts_resolver.control.views.status import view_status
from mtasts_resolver.control.web.app import application
from mtasts_resolver.control.web.metrics import exposition
from mtasts_resolver.control.web.overview import OWN as SHOWN
from mtasts_resolver.daemon.parts import Parts
from mtasts_resolver.findings import Finding, Severity
from mtasts_resolver.owndomains import keeping, work
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.worker.supervisor import Supervisor
from tests.events import events
from tests.unit.control.parts import idle_parts
from tests.unit.control.test_metrics import at, scrape
from tests.unit.knowledge.world import DAY, START, FakeClock, settle
from tests.unit.owndomains.seen import (
    AT,
    BROKEN,
    DOMAIN,
    SOON,
    FakeLooker,
    cut_off,
    host,
    observed,
)
from tests.unit.owndomains.test_checking import at_once

MANY = 15
HANDLES = {endpoint.name: endpoint.handle for endpoint in ENDPOINTS}
CONFIG = Config(
    dns=DnsConfig(dnssec="off"),
    own_domains=(OwnDomainConfig(domain=DOMAIN), OwnDomainConfig(domain="never.example")),
)
HOSTILE = "\u202e<script>alert(1)</script>\x1b[31m"
ERROR = BROKEN.found("mx1.own.example", f"no STARTTLS {HOSTILE}")
WARNING = SOON.found("mx1.own.example", "9 days are left")


class Checked:
    """A daemon whose discoverer, and whose judge, say what the test has them say."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.clock = cast("FakeClock", parts.clock)
        self.looker = FakeLooker(parts.clock)
        self.findings: Sequence[Finding] = ()
        parts.own_domains.means.discoverer = cast("Supervisor", self.looker)

    async def begin(self) -> None:
        own = self.parts.own_domains
        own.work = await work.begin(own.means)
        own.work.checks._judge = self.judge
        own.work.checks._beside = at_once
        own.work.reconfigure(self.parts.in_force.config)

    async def end(self) -> None:
        await self.parts.own_domains.close()
        self.parts.own_domains.work = None

    def judge(self, _seen: Observed, _before: object) -> tuple[Finding, ...]:
        return tuple(self.findings)

    async def check(self, *findings: Finding, seen: Observed | None = None) -> OwnDomainDetails:
        self.findings = findings
        self.looker.shown = lambda _: seen or observed()
        await self.clock.advance(60)
        return cast("OwnDomainDetails", await self.asked("ownDomainCheck", DOMAIN))

    async def asked(self, name: str, domain: str | None = None) -> Any:
        handle: Any = HANDLES[name]
        params = None if domain is None else OwnDomainPath(domain=domain)
        return await handle(Call(self.parts, params, None, Peer(1, 0, "root")))


@pytest.fixture
async def checked(tmp_path: Path) -> AsyncIterator[Checked]:
    parts = idle_parts(tmp_path, CONFIG)
    own = Checked(parts)
    parts.history.open()
    await own.begin()
    yield own
    await own.end()
    await parts.history.close()


async def test_a_domain_that_was_never_checked_says_so(checked: Checked) -> None:
    found: OwnDomainList = await checked.asked("ownDomains")
    first, second = found.domains
    assert (first.domain, second.domain) == (DOMAIN, "never.example")
    assert (first.checked, first.severity, first.worst, first.errors) == (None, None, "", 0)
    assert first.next == "2027-01-15T08:00:30Z"
    assert (await checked.asked("ownDomain", DOMAIN)).observed is None


async def test_a_check_by_command_is_answered_with_all_of_it(checked: Checked) -> None:
    found = await checked.check(ERROR, WARNING)
    assert found.severity is Severity.ERROR
    assert (found.errors, found.warnings, found.notes) == (1, 1, 0)
    assert found.worst.startswith("mx1.own.example: no STARTTLS")
    assert found.checked == "2027-01-15T08:01:00Z"
    assert found.certificate_expires == "2027-03-16T08:00:00Z"
    assert found.certificate_host == "mta-sts.own.example"
    assert found.findings == (ERROR, WARNING)
    assert found.observed is not None
    assert found.observed.record.texts == ("v=STSv1; id=1;",)
    assert await checked.asked("ownDomain", DOMAIN.upper()) == found


async def test_the_first_certificate_to_expire_is_told(checked: Checked) -> None:
    hosts = tuple(host(f"mx{n}.own.example", "aa", days=n) for n in (30, 5, 20))
    found = await checked.check(seen=observed(mx_hosts=hosts))
    assert found.certificate_host == "mx5.own.example"


@pytest.mark.parametrize("name", ["ownDomain", "ownDomainCheck"])
async def test_what_is_no_own_domain_is_refused(checked: Checked, name: str) -> None:
    for domain in ("other.example", "no domain", "x" * 400):
        with pytest.raises(RefusedError) as refused:
            await checked.asked(name, domain)
        assert refused.value.status == 404
        assert "is not one of own_domains" in refused.value.problem.error


async def test_a_second_check_at_once_is_refused(checked: Checked) -> None:
    await checked.check()
    with pytest.raises(RefusedError, match="asked for a moment ago") as refused:
        await checked.asked("ownDomainCheck", DOMAIN)
    assert refused.value.status == 409


async def test_what_cannot_be_checked_leaves_what_was(checked: Checked) -> None:
    await checked.check(WARNING)
    with pytest.raises(RefusedError, match="cut off") as refused:
        await checked.check(seen=cut_off())
    assert refused.value.status == 503
    found = await checked.asked("ownDomain", DOMAIN)
    assert "cut off" in found.trouble
    samples = await scrape(checked.parts)
    assert samples[at("own_domain_not_checked", domain=DOMAIN)] == 1
    assert found.findings == (WARNING,)


async def test_without_own_domains_there_is_nothing(tmp_path: Path) -> None:
    parts = idle_parts(tmp_path, Config(dns=DnsConfig(dnssec="off")))
    found = Checked(parts)
    assert (await found.asked("ownDomains")).domains == ()
    with pytest.raises(RefusedError, match="is not one of own_domains"):
        await found.asked("ownDomainCheck", DOMAIN)
    assert (await view_status(parts)).own_domains == ()
    assert not any("own_domain" in name for name, _ in await scrape(parts))


async def test_what_is_wrong_is_a_worry(checked: Checked) -> None:
    parts = checked.parts
    for findings, critical in (((), []), ((WARNING,), [False]), ((ERROR, WARNING), [True])):
        await checked.check(*findings)
        found = replace(await view_status(parts), trouble={})
        mine = [worry for worry in worries(found) if DOMAIN in worry.words]
        assert [worry.critical for worry in mine] == critical
    assert mine[0].words.endswith("; and 1 more")
    assert mine[0].action == f"mtasts-resolver check --from-daemon {DOMAIN} says what to do"


async def test_what_cannot_be_checked_for_long_is_a_worry(checked: Checked) -> None:
    await checked.check()
    with pytest.raises(RefusedError):
        await checked.check(seen=cut_off())
    found = replace(await view_status(checked.parts), trouble={})
    assert not worries(found)
    await checked.clock.advance(2 * DAY)
    (worry,) = worries(replace(await view_status(checked.parts), trouble={}))
    assert (worry.critical, worry.words.startswith(f"{DOMAIN} cannot be checked")) == (False, True)


async def test_metrics_have_each_certificate_and_what_is_wrong(checked: Checked) -> None:
    await checked.check(ERROR, WARNING)
    samples = await scrape(checked.parts)
    expiry = "own_domain_certificate_expiry_timestamp_seconds"
    for name in ("mta-sts.own.example", "mx1.own.example"):
        assert (
            samples[at(expiry, domain=DOMAIN, host=name)] == (AT + timedelta(days=60)).timestamp()
        )
    for severity, count in (("error", 1), ("warning", 1), ("note", 0)):
        assert samples[at("own_domain_findings", domain=DOMAIN, severity=severity)] == count
    assert samples[at("own_domain_checked_timestamp_seconds", domain=DOMAIN)] == START + 60
    assert samples[at("notify_failures_total")] == 0
    never = {name for name, labels in samples if ("domain", "never.example") in labels}
    assert never == {"mtasts_resolver_own_domain_not_checked"}
    assert samples[at("own_domain_not_checked", domain=DOMAIN)] == 0


@pytest.mark.threat("seen-too-much")
async def test_labels_are_bounded(checked: Checked) -> None:
    hosts = tuple(host(f"mx{number}.own.example", "aa") for number in range(50))
    await checked.check(seen=observed(mx_hosts=hosts))
    samples = await scrape(checked.parts)
    expiry = "mtasts_resolver_own_domain_certificate_expiry_timestamp_seconds"
    assert len([name for name, _ in samples if name == expiry]) == MAX_SHOWN_HOSTS


async def test_a_policy_host_that_takes_mail_has_one_sample(checked: Checked) -> None:
    """Two of the same labels are no metrics: some that read them take none of all."""
    hosts = (host(f"mta-sts.{DOMAIN}", "aa", days=9),)
    await checked.check(seen=observed(mx_hosts=hosts))
    lines = (await exposition(checked.parts)).decode().splitlines()
    (line,) = [line for line in lines if line.startswith("mtasts_resolver_own_domain_certificate_")]
    assert float(line.split()[-1]) == (AT + timedelta(days=9)).timestamp()


async def test_the_page_has_what_is_wrong_in_order_and_no_strangers_markup(
    checked: Checked,
) -> None:
    await checked.check(ERROR, WARNING)
    transport = httpx.ASGITransport(app=application(checked.parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        text = (await client.get(f"/own-domains/{DOMAIN}")).text
        overview = (await client.get("/")).text
        none = await client.get("/own-domains/never.example")
        other = await client.get("/own-domains/other.example")
    assert text.index("mx-broken") < text.index("expires-soon")
    assert "mend it" in text
    assert "mx1.own.example" in text
    assert "own-record found" in text
    for page in (text, overview):
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert "\x1b" not in page
    assert f'href="./own-domains/{DOMAIN}"' in overview
    assert "1 error, 1 warning" in overview
    assert "Not checked yet" in none.text
    assert (none.status_code, other.status_code) == (200, 404)


async def test_a_restart_knows_the_last_check(checked: Checked, tmp_path: Path) -> None:
    await checked.check(WARNING)
    await checked.end()
    again = Checked(idle_parts(tmp_path, CONFIG))
    again.parts.own_domains.means.history = checked.parts.history
    await again.begin()
    found = await again.asked("ownDomain", DOMAIN)
    assert found.findings == (WARNING,)
    assert found.observed == replace(observed(), at=found.observed.at)
    await again.end()


async def test_what_is_no_own_domain_any_more_is_forgotten(
    checked: Checked, tmp_path: Path
) -> None:
    await checked.check(WARNING)
    checked.parts.own_domains.reconfigure(
        replace(CONFIG, own_domains=(OwnDomainConfig(domain="other.example"),))
    )
    await checked.end()
    again = Checked(idle_parts(tmp_path, CONFIG))
    again.parts.own_domains.means.history = checked.parts.history
    await again.begin()
    assert (await again.asked("ownDomain", DOMAIN)).checked is None
    await again.end()


async def test_of_many_that_are_wrong_some_are_named(checked: Checked) -> None:
    await checked.check(WARNING)
    found = replace(await view_status(checked.parts), trouble={})
    (own, _) = found.own_domains
    many = tuple(
        replace(own, domain=f"d{number}.example", errors=int(number == MANY - 1))
        for number in range(MANY)
    )
    told = worries(replace(found, own_domains=many))
    assert [worry.critical for worry in told] == [True, False, False, False]
    assert told[0].words.startswith(f"d{MANY - 1}.example: ")
    assert told[-1].words == f"{MANY - NAMED_DOMAINS} more own domains"


async def test_the_overview_shows_those_with_which_most_is_wrong(tmp_path: Path) -> None:
    own = tuple(OwnDomainConfig(domain=f"d{number}.example") for number in range(MANY))
    checked = Checked(idle_parts(tmp_path, replace(CONFIG, own_domains=own)))
    checked.parts.history.open()
    await checked.begin()
    checked.findings = (ERROR,)
    await checked.asked("ownDomainCheck", f"d{MANY - 1}.example")
    transport = httpx.ASGITransport(app=application(checked.parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        overview = (await client.get("/")).text
        everything = (await client.get("/own-domains")).text
    assert f'<a href="./own-domains">all {MANY}</a>' in overview
    assert overview.index(f"d{MANY - 1}.example</bdi>") < overview.index("d0.example</bdi>")
    assert overview.count("/own-domains/") == SHOWN
    assert everything.count("/own-domains/") == MANY
    await checked.end()
    await checked.parts.history.close()


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]"])
async def test_what_another_program_has_kept_is_checked_anew(
    checked: Checked, tmp_path: Path, text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await checked.check(WARNING)
    own = checked.parts.own_domains
    assert own.work is not None
    own.work._kept.put(DOMAIN, text or msgspec.json.encode({"domain": DOMAIN}))
    own.work._kept.put(work.UNTOLD, text)
    await checked.end()
    again = Checked(idle_parts(tmp_path, CONFIG))
    again.parts.own_domains.means.history = checked.parts.history
    await again.begin()
    assert (await again.asked("ownDomain", DOMAIN)).checked is None
    assert [event for _, event, _ in events(caplog, "WARNING")] == ["own-domain-check-invalid"]
    await again.end()


async def test_who_asks_before_they_are_read_waits_for_it(tmp_path: Path) -> None:
    checked = Checked(idle_parts(tmp_path, CONFIG))
    asked = asyncio.create_task(checked.asked("ownDomains"))
    await settle()
    assert not asked.done()
    running = asyncio.create_task(checked.parts.own_domains.run())
    checked.parts.history.open()
    found: OwnDomainList = await asked
    assert [each.domain for each in found.domains] == [DOMAIN, "never.example"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await checked.end()
    await checked.parts.history.close()


async def test_where_they_cannot_be_read_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "BEGIN_PATIENCE", 0.0)
    checked = Checked(idle_parts(tmp_path, CONFIG))
    for name, domain in (("ownDomains", None), ("ownDomain", DOMAIN), ("ownDomainCheck", DOMAIN)):
        with pytest.raises(RefusedError, match="are not read yet") as refused:
            await checked.asked(name, domain)
        assert refused.value.status == 503
