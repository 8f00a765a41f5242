"""What is kept of DANE, for how long, and how it takes part in answers: rows D1, D2, D7."""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any

import pytest

from mtasts_resolver.answers.service import LookupService
from mtasts_resolver.base.overload import TOO_MANY, OverloadedError
from mtasts_resolver.config import CacheConfig, Config, DnsConfig, MapOptions, NameServer
from mtasts_resolver.discovery.dane import FAILURE_LIFETIME
from mtasts_resolver.discovery.dns.answer import DnsAnswer
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.validators import trusted
from mtasts_resolver.discovery.findings import FoundDane
from mtasts_resolver.knowledge import inflight
from mtasts_resolver.knowledge.cache import MAX_REPLIES
from mtasts_resolver.knowledge.dane import IN_USE, NOT_YET
from mtasts_resolver.knowledge.dnssec import PROBE_INTERVAL, RETRY_INTERVAL, DnssecProbe
from mtasts_resolver.knowledge.events import DaneFound, Discovered
from mtasts_resolver.knowledge.lifetimes import RETRY_SOON
from mtasts_resolver.policy import Dane, DaneFinding, Outcome
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import RECALLED, TimedReply
from tests.events import events
from tests.unit.discovery.zone import FAILED, TTL, Zone
from tests.unit.knowledge.world import World, ask, document, settle

GOOD = "good.example"
MX = "mx.good.example"
TLSA = f"3 1 1 {'00' * 32}"
LOCAL = NameServer("127.0.0.1")


class Resolvers(Zone):
    """A zone that named servers answer for."""

    def __init__(self, *servers: NameServer) -> None:
        super().__init__()
        self.names = servers or (LOCAL,)
        self.validating = True
        self.down = False
        self.gate: asyncio.Event | None = None

    @property
    def servers(self) -> tuple[NameServer, ...]:
        return self.names

    def only(self, accept: Callable[[NameServer, bool], bool], none_left: str) -> DnsClient:
        return Only(self, accept, none_left)

    def insisting_on_edns(self, insists: bool) -> DnsClient:
        return self

    async def query(self, name: str, rdtype: Any) -> DnsAnswer:
        if name == ".":
            self.add(".", "SOA", "a. b. 1 1 1 1 1", secure=self.validating)
        if self.down:
            raise FAILED
        answer = await super().query(name, rdtype)
        if self.gate is not None:
            await self.gate.wait()
        return answer


class Only(DnsClient):
    """Some of the servers of a zone; without any it behaves as the real client does."""

    def __init__(
        self, zone: Resolvers, accept: Callable[[NameServer, bool], bool], none_left: str
    ) -> None:
        self.zone = zone
        self.real = DnsClient([*zone.names]).only(accept, none_left)

    @property
    def servers(self) -> tuple[NameServer, ...]:
        return self.real.servers

    def insisting_on_edns(self, insists: bool) -> DnsClient:
        return self

    async def query(self, name: str, rdtype: Any) -> DnsAnswer:
        assert self.servers
        return await self.zone.query(name, rdtype)


class Running:
    """A world with a validating resolver, whose keeper and probe run."""

    def __init__(self, config: Config | None = None, zone: Resolvers | None = None) -> None:
        self.world = World(config)
        self.zone = zone or Resolvers()
        self.zone.add(GOOD, "MX", f"10 {MX}.").host(MX)
        mode = self.world.config.dns.dnssec
        self.discoverer = discoverer = self.world.discoverer(trusted(self.zone, mode))
        self.dnssec = DnssecProbe(discoverer, mode, self.world.clock, self.world.events)
        self.dane = self.world.dane(discoverer, self.dnssec)
        self.service = LookupService(
            self.world.sts,
            self.dane,
            self.world.overrides,
            clock=self.world.clock,
            config=self.world.config,
            counters=self.world.counters,
            events=self.world.events,
        )
        self.tasks = [
            asyncio.create_task(self.dnssec.run()),
            asyncio.create_task(self.dane.run()),
        ]

    async def ask(self, key: str = GOOD, map_name: str = "default") -> str:
        reply = await ask(self.service, key, map_name)
        await settle()
        return f"{reply.status} {reply.text}".strip()

    def publish_tlsa(self, *records: str) -> None:
        self.zone.add(f"_25._tcp.{MX}", "TLSA", *(records or [TLSA]))

    def questions(self, rdtype: str = "MX") -> int:
        return sum(kind == rdtype for _, kind in self.zone.asked)


@pytest.fixture
async def running() -> Any:
    made = Running()
    yield made
    for task in made.tasks:
        task.cancel()


@pytest.mark.row("D1")
async def test_dane_goes_before_an_enforced_policy(running: Running) -> None:
    running.world.internet.publish(GOOD, document())
    running.publish_tlsa()
    assert await running.ask() == "OK dane-only"
    assert await running.ask() == "OK dane-only"
    assert running.questions() == 1


@pytest.mark.row("D1")
async def test_without_tlsa_records_the_policy_decides(running: Running) -> None:
    running.world.internet.publish(GOOD, document())
    assert (await running.ask()).startswith("OK secure match=mx.good.example")
    assert await running.ask("other.example") == "NOTFOUND"


@pytest.mark.threat("dns-hides-tlsa")
@pytest.mark.row("D2", "A4")
async def test_a_failed_look_up_defers_what_a_policy_enforces_and_leaves_the_rest_to_postfix(
    running: Running,
) -> None:
    running.zone.fail(GOOD, "MX")
    assert await running.ask() == "OK dane"
    running.world.internet.publish(GOOD, document())
    await running.world.clock.advance(TTL + 1)
    reply = await running.ask()
    assert reply.startswith("TEMP ")
    assert "SERVFAIL from 127.0.0.1" in reply


@pytest.mark.row("K5", "K3")
async def test_dane_is_known_per_next_hop_and_mta_sts_per_domain(running: Running) -> None:
    running.world.internet.publish(GOOD, document())
    running.publish_tlsa()
    running.zone.host(GOOD, TLSA, port=587)
    secure = "OK secure match=mx.good.example servername=hostname"
    for _ in range(2):  # found out, and from memory
        assert await running.ask(GOOD) == "OK dane-only"
        assert await running.ask(f"[{GOOD}]") == secure
        assert await running.ask(f"{GOOD}:587") == secure
        assert await running.ask(f"[{GOOD}]:587") == "OK dane-only"
    assert running.world.internet.queries == [GOOD]
    assert len(running.world.sts.cache) == 1


@pytest.mark.row("K5")
async def test_every_spelling_of_a_next_hop_shares_what_is_known_and_the_reply(
    running: Running,
) -> None:
    spellings = {
        GOOD: ("GOOD.example", "good.example.", "good.example:25", "good.example:smtp"),
        f"[{GOOD}]:587": ("[Good.Example.]:submission", "[good.example]:0587"),
    }
    for known, (key, others) in enumerate(spellings.items(), start=1):
        await running.ask(key)
        kept = {id(running.service.answer(Request("default", one))) for one in (key, *others)}
        assert len(kept) == 1
        assert len(running.dane.cache) == known


@pytest.mark.threat("next-hop-ports")
@pytest.mark.row("K5")
async def test_no_number_of_ports_makes_what_is_kept_of_a_domain_grow_without_end(
    running: Running,
) -> None:
    running.world.internet.publish(GOOD, document())
    held = []
    for port in range(1, 2 * MAX_REPLIES):
        await running.ask(f"[{GOOD}]:{port}")
        held.append(running.service.answer(Request("default", f"[{GOOD}]:{port}")))
    entry = running.world.sts.cache.get(GOOD)
    assert entry is not None
    assert len(entry.replies) == MAX_REPLIES
    # Those that the policy cannot recall any more hold no longer.
    now = running.world.clock.now
    assert [reply for reply in held if isinstance(reply, TimedReply) and now < reply.until] == [
        *entry.replies
    ]


@pytest.mark.parametrize("gone", ["the policy", "what is known of DANE"])
async def test_a_reply_goes_with_either_that_it_was_made_of(running: Running, gone: str) -> None:
    """And what is left of it, where the other holds it, takes no room."""
    running.world.internet.publish(GOOD, document())
    await running.ask()
    held = running.service.answer(Request("default", GOOD))
    assert isinstance(held, TimedReply)
    (running.world.sts if gone == "the policy" else running.dane).cache.remove(GOOD)
    assert held.until < running.world.clock.now
    assert (held.reply, held.wire) == (RECALLED, b"")


async def test_a_next_hop_that_was_asked_for_once_is_evicted_before_one_in_use(
    running: Running,
) -> None:
    await running.ask()
    entry = running.dane.cache.get(GOOD)
    assert entry is not None
    assert not entry.referenced
    await running.ask()
    assert entry.referenced


@pytest.mark.row("D10")
async def test_a_map_may_want_dane_only_where_it_is_required() -> None:
    running = Running(Config(maps={"strict": MapOptions(dane="only")}))
    running.zone.add(GOOD, "MX", f"10 {MX}.", "20 mx2.good.example.").host("mx2.good.example")
    running.publish_tlsa()
    assert await running.ask(map_name="strict") == "NOTFOUND"
    assert await running.ask() == "OK dane"  # each map has its own answer from what is known
    assert running.questions() == 1
    running.zone.add("all.example", "MX", f"10 {MX}.").fail("none.example", "MX")
    assert await running.ask("all.example", "strict") == "OK dane-only"
    assert (await running.ask("none.example", "strict")).startswith("TEMP DANE may be required")
    assert await running.ask("none.example") == "OK dane"


async def test_a_map_may_leave_dane_out() -> None:
    running = Running(Config(maps={"plain": MapOptions(dane=False, sni=False)}))
    running.world.internet.publish(GOOD, document())
    running.publish_tlsa()
    assert await running.ask(map_name="plain") == "OK secure match=mx.good.example"
    assert running.questions() == 0
    assert await running.ask() == "OK dane-only"


async def test_dane_and_mta_sts_are_discovered_side_by_side(running: Running) -> None:
    running.world.internet.publish(GOOD, document())
    await settle()
    running.zone.gate = running.world.internet.gate = asyncio.Event()
    waiting = asyncio.create_task(running.ask())
    await settle()
    assert running.world.internet.queries == [GOOD]
    assert running.questions() == 1
    running.zone.gate.set()
    assert (await waiting).startswith("OK secure")


async def test_however_many_ask_there_is_one_discovery(running: Running) -> None:
    running.publish_tlsa()
    assert set(await asyncio.gather(*(running.ask() for _ in range(50)))) == {"OK dane-only"}
    assert running.questions() == running.world.counters.dane_discoveries == 1


async def test_a_reply_counts_as_memory_of_the_policies_alone(running: Running) -> None:
    await running.ask()
    bytes_of = (running.world.sts.cache.bytes, running.dane.cache.bytes)
    await running.ask()
    assert running.world.sts.cache.bytes > bytes_of[0]
    assert running.dane.cache.bytes == bytes_of[1]


async def test_a_smaller_limit_holds_at_once(running: Running) -> None:
    for number in range(10):
        await running.ask(f"d{number}.example")
    running.dane.reconfigure(Config(cache=CacheConfig(memory_entries=3), lookup_timeout=0.05))
    assert len(running.dane.cache) == 3
    running.zone.gate = asyncio.Event()
    assert "more than 0.05 s" in (await running.dane.resolve(GOOD)).reason
    running.zone.gate.set()


async def test_where_dnssec_is_off_dane_is_off() -> None:
    running = Running(Config(dns=DnsConfig(dnssec="off")))
    assert (await running.dane.resolve(GOOD)).status is Dane.OFF
    assert (await running.dane.hosts(GOOD)).status is Dane.OFF
    now = running.world.clock.now
    for entry in (running.dane.lookup(GOOD), running.dane.known(GOOD)):
        assert entry is not None
        assert (entry.finding.status, entry.asked) == (Dane.OFF, now)
    assert running.questions() == 0


async def test_what_is_known_can_be_seen_without_a_look_up(running: Running) -> None:
    running.publish_tlsa()
    assert running.dane.known(GOOD) is None
    await running.ask()
    entry = running.dane.known(GOOD)
    assert entry is not None
    asked = running.world.clock.now
    running.world.clock.now = entry.stale_at
    assert running.dane.known(GOOD) is entry
    running.world.clock.now = entry.until
    assert running.dane.known(GOOD) is None
    await settle()
    assert entry.asked == asked
    assert running.questions() == 1


async def test_each_host_is_asked_for_afresh_and_told_but_not_kept(running: Running) -> None:
    running.publish_tlsa()
    await running.ask()
    for _ in range(2):
        found = await running.dane.hosts(GOOD)
        assert [(host.name, host.outcome) for host in found.hosts] == [(MX, Outcome.USABLE)]
    assert running.questions() == 3
    entry = running.dane.known(GOOD)
    assert entry is not None
    assert entry.finding == found._replace(hosts=())


async def test_next_hops_of_which_the_same_is_known_share_it(running: Running) -> None:
    for name in ("a.example", "b.example"):
        running.zone.add(name, "MX", f"10 {MX}.")
        await running.ask(name)
    a, b = (running.dane.known(name) for name in ("a.example", "b.example"))
    assert a is not None
    assert b is not None
    assert a.finding is b.finding


async def test_a_discovery_that_has_not_begun_in_time_is_overload_and_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inflight, "MAX_AT_ONCE", 1)
    running = Running(Config(lookup_timeout=0.05))
    await settle()
    running.zone.gate = asyncio.Event()
    busy = asyncio.create_task(running.dane.resolve("busy.example"))
    await settle()
    with pytest.raises(OverloadedError):
        await running.dane.resolve(GOOD)
    reason = "the look-up took more than 0.05 s; try again"
    assert await busy == DaneFinding(Dane.UNKNOWN, reason)  # it had its turn
    running.zone.gate.set()


async def test_a_bug_in_a_discovery_is_told_and_the_next_one_begins_afresh(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(running.discoverer, "dane", None)
        with pytest.raises(TypeError):
            await running.dane.resolve(GOOD)
    (told,) = events(caplog, "ERROR")
    assert told.fields["domain"] == GOOD
    assert told.fields["during"] == "DANE discovery"
    assert (await running.dane.resolve(GOOD)).status is Dane.NONE


async def test_what_each_discovery_came_to_is_told(running: Running) -> None:
    ended: list[Discovered] = []
    found: list[DaneFound] = []
    running.world.events.listen(Discovered, ended.append)
    running.world.events.listen(DaneFound, found.append)
    running.publish_tlsa()
    running.zone.gate = asyncio.Event()
    waiting = asyncio.create_task(running.ask())
    await running.world.clock.advance(2)
    running.zone.gate.set()
    await waiting
    await running.ask("other.example")
    running.zone.fail(GOOD, "MX")
    await running.dane.renew(GOOD)
    entry = running.dane.known(GOOD)
    assert entry is not None
    running.world.clock.now = entry.stale_at
    await running.ask()
    ended = [told for told in ended if told.what == "dane"]
    assert ended == [
        Discovered("dane", False, "found", "", 2),
        Discovered("dane", False, "absent", "", 0),
        Discovered("dane", True, "failed", "dns-server-failure", 0),
        Discovered("dane", False, "failed", "dns-server-failure", 0),
    ]
    assert running.world.counters.dane_discoveries == len(ended)
    assert [(told.hop, told.finding.status, told.known) for told in found] == [
        (GOOD, Dane.REQUIRED, None),
        ("other.example", Dane.NONE, None),
    ]
    assert [host.name for host in found[0].finding.hosts] == [MX]
    running.zone.add(GOOD, "MX", f"10 {MX}.")
    await running.dane.refetch(GOOD)
    assert found[-1].known == entry.finding


async def test_while_we_are_too_busy_what_is_known_holds_to_its_end_and_no_longer(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(hop: str) -> FoundDane:
        raise OverloadedError(TOO_MANY)

    running.publish_tlsa()
    await running.ask()
    entry = running.dane.known(GOOD)
    assert entry is not None
    monkeypatch.setattr(running.discoverer, "dane", refuse)
    with pytest.raises(OverloadedError):
        await running.dane.resolve("other.example")
    assert await running.dane.renew(GOOD) is entry
    assert entry.stale_at == running.world.clock.now + RETRY_SOON
    running.world.clock.now = entry.until
    with pytest.raises(OverloadedError):
        await running.dane.resolve(GOOD)


async def test_what_is_over_is_not_held_though_nothing_new_is_found(running: Running) -> None:
    running.publish_tlsa()
    await running.ask()
    entry = running.dane.known(GOOD)
    assert entry is not None
    running.zone.fail(GOOD, "MX")
    running.world.clock.now = entry.until
    assert (await running.dane.resolve(GOOD)).status is Dane.UNKNOWN
    new = running.dane.known(GOOD)
    assert new is not None
    assert new.asked == running.world.clock.now  # else it would soon be out of use


async def test_what_was_asked_for_an_hour_ago_is_renewed_and_what_before_is_not(
    running: Running,
) -> None:
    await running.ask()
    entry = running.dane.known(GOOD)
    assert entry is not None
    entry.asked = running.world.clock.now - IN_USE
    renewed = await running.dane.renew(GOOD)
    assert renewed is not None
    assert renewed.asked == entry.asked
    renewed.asked -= 1
    assert await running.dane.renew(GOOD) is None
    assert running.questions() == 2


async def test_an_administrator_may_have_it_asked_for_and_dropped(running: Running) -> None:
    for hop in (GOOD, "other.example"):
        await running.ask(hop)
    assert await running.ask() == "NOTFOUND"
    running.publish_tlsa()
    await running.dane.refetch(GOOD)
    assert await running.ask() == "OK dane-only"
    await running.dane.purge(GOOD)
    assert (running.dane.known(GOOD), GOOD in running.dane) == (None, False)
    assert running.dane.known("other.example") is not None


async def test_the_schedule_is_no_longer_than_memory_and_keeps_whom_it_has() -> None:
    running = Running(Config(cache=CacheConfig(memory_entries=2)))
    hops = ("a.example", "b.example", "c.example")
    for hop in hops:
        await running.ask(hop)
    assert [hop in running.dane for hop in hops] == [True, True, False]
    entry = running.dane.known("b.example")
    assert entry is not None
    await running.world.clock.advance(entry.stale_at - running.world.clock.now)
    due = running.dane.due_at("b.example")
    assert due is not None
    assert entry.stale_at < due < math.inf
    assert running.dane.known("c.example") is not None


async def test_a_finding_lives_by_its_ttl_and_is_renewed_behind_answers(running: Running) -> None:
    await running.ask()
    running.publish_tlsa()
    await running.world.clock.advance(TTL * 0.95)
    assert running.questions() == 2  # renewed before its end, since the domain is in use
    assert running.dane.lookup(GOOD) is not None
    assert await running.ask() == "OK dane-only"


async def test_a_domain_out_of_use_is_not_asked_for(running: Running) -> None:
    await running.ask()
    await running.world.clock.advance(IN_USE + 2 * TTL)
    asked = running.questions()
    assert asked <= IN_USE / (0.7 * TTL) + 2
    await running.world.clock.advance(10 * IN_USE)
    assert running.questions() == asked
    assert len(running.dane) == 0


async def test_a_renewal_that_comes_after_the_end_is_no_look_up(running: Running) -> None:
    await running.ask()
    entry = running.dane.known(GOOD)
    assert entry is not None
    running.world.clock.now = entry.until + 1  # as on a host that was too busy
    renewed = await running.dane.renew(GOOD)
    assert renewed is not None
    assert renewed.asked == entry.asked


async def test_a_failed_renewal_keeps_what_dns_said_until_its_ttl_ends(running: Running) -> None:
    running.publish_tlsa()
    assert await running.ask() == "OK dane-only"
    running.zone.fail(GOOD, "MX")
    await running.world.clock.advance(TTL * 0.95)
    assert await running.ask() == "OK dane-only"
    assert running.questions() <= 1 + 3  # once a minute, for two and a half minutes at most
    await running.world.clock.advance(TTL * 0.05 + 1)
    assert await running.ask() == "OK dane"
    running.zone.add(GOOD, "MX", f"10 {MX}.")
    await running.world.clock.advance(FAILURE_LIFETIME)
    assert await running.ask() == "OK dane-only"


@pytest.mark.row("D7")
async def test_a_resolver_that_does_not_validate_turns_dane_off_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    running = Running()
    running.zone.validating = False
    running.publish_tlsa()
    assert await running.ask() == "NOTFOUND"
    await running.world.clock.advance(10 * PROBE_INTERVAL)
    assert [record.msg for record in caplog.records] == ["dnssec-unavailable"]
    assert "does not authenticate the SOA record of the root" in running.dnssec.state
    running.zone.validating = True
    await running.world.clock.advance(PROBE_INTERVAL)
    assert await running.ask() == "OK dane-only"
    assert [record.msg for record in caplog.records][1:] == ["dnssec-validated"]
    assert running.dnssec.state == "127.0.0.1 validates, and is trusted"


@pytest.mark.row("D7")
async def test_what_was_known_is_not_renewed_while_nobody_validates(running: Running) -> None:
    await running.ask()
    running.zone.validating = False
    await running.world.clock.advance(PROBE_INTERVAL)
    asked = running.questions()
    await running.world.clock.advance(2 * TTL)
    assert running.questions() == asked


@pytest.mark.row("D7")
async def test_only_a_resolver_on_this_host_is_believed_unless_the_administrator_says_so() -> None:
    remote = NameServer("192.0.2.53")
    for config, servers, answer in (
        (Config(), (remote,), "NOTFOUND"),
        (Config(), (remote, LOCAL), "OK dane-only"),
        (Config(), (NameServer("::1"),), "OK dane-only"),
        (Config(), (NameServer("127.0.0.53"),), "NOTFOUND"),  # systemd-resolved hands AD on
        (Config(dns=DnsConfig(dnssec="trust")), (NameServer("127.0.0.53"),), "OK dane-only"),
        (Config(dns=DnsConfig(dnssec="trust")), (remote,), "OK dane-only"),
        (Config(dns=DnsConfig(dnssec="off")), (LOCAL,), "NOTFOUND"),
    ):
        running = Running(config, Resolvers(*servers))
        running.publish_tlsa()
        assert await running.ask() == answer, (config.dns, servers)


async def test_until_a_name_server_answers_an_enforced_policy_is_not_put_before_dane() -> None:
    running = Running()
    running.world.internet.publish(GOOD, document())
    running.zone.down = True
    reply = await running.ask()
    assert running.dane.known(GOOD) is None
    assert await running.dane.hosts(GOOD) == DaneFinding(Dane.UNKNOWN, NOT_YET)
    assert reply.startswith("TEMP ")
    assert "no name server has answered yet" in reply
    running.zone.down = False
    await running.world.clock.advance(RETRY_INTERVAL)
    assert (await running.ask()).startswith("OK secure")


@pytest.mark.parametrize("status", list(Dane))
async def test_the_reply_to_each_status_is_one_of_the_table(status: Dane) -> None:
    """The table itself is proved elsewhere; here, that a status reaches it."""
    running = Running(Config(dns=DnsConfig(dnssec="off" if status is Dane.OFF else "auto")))
    running.world.internet.publish(GOOD, document())
    second = "mx2.good.example"
    match status:
        case Dane.REQUIRED:
            running.publish_tlsa()
        case Dane.PARTIAL:
            running.publish_tlsa()
            running.zone.add(GOOD, "MX", f"10 {MX}.", f"20 {second}.").host(second)
        case Dane.UNKNOWN:
            running.zone.fail(MX, "A")
    expected = {Dane.REQUIRED: "OK dane-only", Dane.UNKNOWN: "TEMP "}.get(status, "OK secure ")
    assert (await running.ask()).startswith(expected)
