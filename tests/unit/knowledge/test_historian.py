"""What the history is told of policies and of DANE, and what weakens protection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.knowledge.events import (
    DaemonChanged,
    DaneFound,
    DnssecChanged,
    PolicyChanged,
    PolicyExpired,
    PolicyForgotten,
    PolicyFound,
    PolicyImported,
    PolicyPurged,
    ProtectionWeakened,
    RecordLost,
    RecordReturned,
    RefreshFailed,
    RefreshRecovered,
    StoredPolicyDropped,
    StoredPolicyInvalid,
)
from mtasts_resolver.knowledge.historian import Historian
from mtasts_resolver.knowledge.lifetimes import Urgency
from mtasts_resolver.policy import (
    Dane,
    DaneFinding,
    MxHost,
    Outcome,
    Weakening,
    parse_text,
)
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.changes import Change, Subject
from mtasts_resolver.store.changetable import Wanted
from mtasts_resolver.store.history import History
from tests.events import events
from tests.unit.knowledge.world import DAY, START, World, document, settle

GOOD = "good.example"
HOUR = 3_600.0


class Told:
    """A world whose history is kept, and what was told to weaken protection."""

    def __init__(self, world: World, file: Path) -> None:
        self.world = world
        self.file = file
        self.weakened: list[ProtectionWeakened] = []
        self.begin()

    def begin(self) -> None:
        world = self.world
        self.history = History(self.file, clock=world.clock, events=world.events)
        self.historian = Historian(world.events, self.history, world.clock, world.config)
        world.events.listen(ProtectionWeakened, self.weakened.append)
        self.history.open()

    async def restart(self) -> None:
        await self.history.close()
        self.world.restart()
        self.begin()

    async def changes(self, domain: str = GOOD) -> list[Change]:
        """Return the changes of `domain`, the first one first."""
        found: list[Change] = []
        async for page in self.history.pages(Wanted(domain=domain)):
            found += [recorded.change for recorded in page]
        return found[::-1]

    async def events(self, domain: str = GOOD) -> list[str]:
        return [f"{change.subject} {change.event}" for change in await self.changes(domain)]

    async def publish(self, text: str, policy_id: str, *, after: float = HOUR) -> None:
        """Have the domain publish a policy, and a look-up notice it."""
        self.world.internet.publish(GOOD, text, policy_id)
        await self.world.clock.advance(after)
        await self.world.mode(GOOD)


@pytest.fixture
async def tell(tmp_path: Path) -> AsyncIterator[Callable[..., Told]]:
    begun: list[Told] = []

    def begin(config: Config | None = None) -> Told:
        begun.append(Told(World(config), tmp_path / "history.sqlite"))
        return begun[-1]

    yield begin
    for told in begun:
        await told.history.close()
        await told.world.sts.close()


async def test_a_policy_that_is_not_enforced_any_more(
    tell: Callable[..., Told], caplog: pytest.LogCaptureFixture
) -> None:
    told = tell()
    await told.publish(document("enforce"), "1", after=0)
    await told.publish(document("testing"), "2")
    found, changed = await told.changes()
    assert (found.event, found.now, found.now_id, found.was) == (
        "found",
        document("enforce"),
        "1",
        None,
    )
    assert found.time == START
    assert (changed.event, changed.was, changed.was_id) == ("changed", document("enforce"), "1")
    assert (changed.now, changed.now_id) == (document("testing"), "2")
    assert changed.time == START + HOUR
    assert changed.weakened == ("mode",)
    assert told.weakened == [ProtectionWeakened(GOOD, [Weakening.MODE], "enforce", "testing")]
    (warning,) = events(caplog, "WARNING")
    assert warning.event == "protection-weakened"
    assert warning.fields["domain"] == GOOD
    assert str(warning.fields["was"]) == "enforce"


async def test_a_host_that_the_policy_did_not_allow(tell: Callable[..., Told]) -> None:
    told = tell()
    await told.publish(document("enforce", "*.good.example"), "1", after=0)
    await told.publish(document("enforce", "mx.good.example"), "2")
    assert told.weakened == []
    await told.publish(document("enforce", "mx.good.example", "mx.evil.example"), "3")
    assert [change.weakened for change in await told.changes()] == [(), (), ("mx",)]
    assert [event.weakened for event in told.weakened] == [[Weakening.MX]]


async def test_a_change_that_leaves_the_id_is_one(tell: Callable[..., Told]) -> None:
    told = tell()
    await told.publish(document("enforce"), "1", after=0)
    told.world.internet.publish(GOOD, document("none"), "1")
    await told.world.sts.renew(GOOD)
    changed = (await told.changes())[-1]
    assert (changed.was_id, changed.now_id, changed.weakened) == ("1", "1", ("mode",))


async def test_a_record_that_is_gone_while_a_policy_is_cached_and_its_return(
    tell: Callable[..., Told], caplog: pytest.LogCaptureFixture
) -> None:
    told = tell()
    await told.publish(document("enforce"), "1", after=0)
    record = told.world.internet.records.pop(GOOD)
    for _ in range(3):
        await told.world.clock.advance(HOUR)
        await told.world.mode(GOOD)
    await told.world.sts.renew(GOOD)  # the policy is fetched again all the same
    await told.world.clock.advance(HOUR)
    assert await told.world.mode(GOOD) == "enforce"
    assert await told.events() == ["policy found", "record gone"]
    gone = (await told.changes())[-1]
    assert (gone.now, gone.weakened) == ("no-record", ("record-gone",))
    assert GOOD in gone.reason
    assert [logged.event for logged in events(caplog, "WARNING")] == ["protection-weakened"]

    await told.restart()
    await told.world.sts.resolve(GOOD)
    await settle()
    told.world.internet.records[GOOD] = record
    await told.world.clock.advance(HOUR)
    await told.world.mode(GOOD)
    assert await told.events() == ["policy found", "record gone", "record back"]


async def test_a_domain_that_leaves_mta_sts_as_it_should_is_no_warning(
    tell: Callable[..., Told],
) -> None:
    """RFC 8461 §8.3: mode none, and then nothing."""
    told = tell()
    await told.publish(document("testing"), "1", after=0)
    await told.publish(document("none"), "2")
    del told.world.internet.records[GOOD]
    await told.world.clock.advance(HOUR)
    await told.world.mode(GOOD)
    assert await told.events() == ["policy found", "policy changed", "record gone"]
    assert told.weakened == []


async def test_with_testing_enforced_it_is_one(tell: Callable[..., Told]) -> None:
    told = tell(Config(maps={"strict": MapOptions(testing="enforce")}))
    await told.publish(document("testing"), "1", after=0)
    await told.publish(document("none"), "2")
    assert [event.weakened for event in told.weakened] == [[Weakening.MODE]]
    told.world.events.publish(PolicyExpired("other.example", TESTED, "1"))
    assert told.weakened.pop().weakened == [Weakening.EXPIRED]
    told.historian.reconfigure(Config())
    await told.publish(document("testing"), "3")
    await told.publish(document("none"), "4")
    assert len(told.weakened) == 1


async def test_a_policy_that_expires_and_comes_back(
    tell: Callable[..., Told], caplog: pytest.LogCaptureFixture
) -> None:
    told = tell()
    text = document("enforce", max_age=int(DAY))
    await told.publish(text, "1", after=0)
    internet = told.world.internet
    del internet.records[GOOD], internet.documents[GOOD]
    await told.world.clock.advance(DAY + 1)
    assert await told.world.mode(GOOD) is None
    await told.publish(text, "1", after=4 * HOUR)
    changes = {change.event: change for change in await told.changes()}
    assert [change for change in changes if change != "failed"] == ["found", "expired"]
    assert (changes["expired"].was, changes["expired"].now) == (text, None)
    assert changes["expired"].weakened == ("expired",)
    warned = [logged.event for logged in events(caplog, "WARNING")]
    assert warned.count("policy-expired") == 1
    assert "protection-weakened" not in warned


async def test_a_policy_that_expires_while_the_daemon_is_down(tell: Callable[..., Told]) -> None:
    """Its end is known when the clock has been right for days, and is kept as when it was."""
    told = tell()
    await told.publish(document("enforce", max_age=int(DAY)), "1", after=0)
    await told.history.close()
    await told.world.clock.advance(2 * DAY)
    told.world.restart()
    told.begin()
    running = asyncio.create_task(told.world.sts.run())
    await told.world.clock.advance(4 * DAY)
    found, expired = await told.changes()
    assert (found.event, expired.event, expired.now) == ("found", "expired", None)
    assert expired.time == START + DAY
    assert GOOD not in told.world.store.rows
    running.cancel()


async def test_a_restart_repeats_nothing(tell: Callable[..., Told]) -> None:
    told = tell()
    await told.publish(document("enforce"), "1", after=0)
    await told.restart()
    assert await told.world.mode(GOOD) == "enforce"
    del told.world.store.rows[GOOD]  # the policy is lost, the history is not
    await told.restart()
    assert await told.world.mode(GOOD) == "enforce"
    assert await told.events() == ["policy found"]


async def test_what_fails_to_be_refreshed_and_recovers(tell: Callable[..., Told]) -> None:
    told = tell()
    await told.publish(document("enforce"), "1", after=0)
    told.world.internet.web_down = True
    await told.world.sts.renew(GOOD)
    told.world.internet.web_down = False
    await told.world.clock.advance(HOUR)
    await told.world.sts.renew(GOOD)
    failed = [change for change in await told.changes() if change.event == "failed"]
    assert [(change.now, "503" in change.reason) for change in failed] == [
        ("policy-fetch-status", True)
    ]
    assert (await told.events())[-1] == "refresh recovered"


# -- DANE ------------------------------------------------------------------------------------------


def finding(status: Dane, *hosts: str, outcome: Outcome = Outcome.USABLE) -> DaneFinding:
    return DaneFinding(status, "why", tuple(MxHost(host, outcome) for host in hosts))


REQUIRED = finding(Dane.REQUIRED, "mx1.good.example", "mx2.good.example")
SHUFFLED = finding(Dane.REQUIRED, "mx2.good.example", "mx1.good.example")
NONE = finding(Dane.NONE, "mx1.good.example", outcome=Outcome.ABSENT)
UNKNOWN = finding(Dane.UNKNOWN)


async def test_what_dane_is_and_each_host(tell: Callable[..., Told]) -> None:
    told = tell()
    publish = told.world.events.publish
    publish(DaneFound(GOOD, REQUIRED, None))
    publish(DaneFound(GOOD, SHUFFLED, REQUIRED))
    publish(DaneFound(f"{GOOD}:587", REQUIRED, None))
    publish(DaneFound(GOOD, finding(Dane.REQUIRED, "mx1.good.example"), REQUIRED))
    first, second = (f"mx{number}.good.example: usable TLSA records" for number in (1, 2))
    assert [(change.hop, change.now) for change in await told.changes()] == [
        (GOOD, f"required\n{first}\n{second}"),
        (f"{GOOD}:587", f"required\n{first}\n{second}"),
        (GOOD, f"required\n{first}"),
    ]
    assert told.weakened == []


@pytest.mark.parametrize(
    "known", [(REQUIRED,), (REQUIRED, UNKNOWN), (REQUIRED, None), (REQUIRED, UNKNOWN, None)]
)
async def test_dane_that_is_lost_is_told_once(
    known: tuple[DaneFinding | None, ...],
    tell: Callable[..., Told],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also where memory does not know what was: after a restart, or a failed look-up."""
    told = tell()
    before: DaneFinding | None = None
    for found in known:
        if found is not None:
            told.world.events.publish(DaneFound(GOOD, found, before))
        else:
            await told.restart()
        before = found
    told.world.events.publish(DaneFound(GOOD, NONE, before))
    told.world.events.publish(DaneFound(GOOD, NONE, NONE))
    changes = await told.changes()
    assert changes[-1].weakened == ("dane-lost",)
    (lost,) = told.weakened
    assert (lost.was, lost.now, lost.reason) == ("required", "none", "why")
    assert [logged.event for logged in events(caplog, "WARNING")] == ["protection-weakened"]


async def test_dane_that_is_lost_is_told_at_once_where_nothing_was_kept(
    tell: Callable[..., Told],
) -> None:
    told = tell()
    for status in (Dane.NONE, Dane.PARTIAL):
        told.world.events.publish(DaneFound(f"{status.value}.example", finding(status), REQUIRED))
        assert told.weakened.pop().now == status.value
    (change,) = await told.changes("partial.example")
    assert change.weakened == ("dane-lost",)
    assert told.weakened == []


async def test_that_all_is_well_is_kept_only_where_it_was_not(tell: Callable[..., Told]) -> None:
    told = tell()
    told.world.events.publish(RecordReturned(GOOD))
    told.world.events.publish(RefreshRecovered(GOOD))
    assert await told.changes() == []


async def test_of_a_domain_without_dane_nothing_is_kept(tell: Callable[..., Told]) -> None:
    told = tell()
    for known in (None, NONE, UNKNOWN):
        told.world.events.publish(DaneFound(GOOD, NONE, known))
    told.world.events.publish(DaneFound(GOOD, UNKNOWN, NONE))
    assert await told.changes() == []


async def test_whose_word_on_dnssec_counts_is_kept_of_the_daemon(tell: Callable[..., Told]) -> None:
    told = tell()
    told.world.events.publish(DnssecChanged(validates=True, servers=("127.0.0.1", "::1")))
    told.world.events.publish(DnssecChanged(validates=False, reason="it does not"))
    told.world.events.publish(DaemonChanged("configuration-reloaded", "cache"))
    changes = await told.changes("")
    assert {change.time for change in changes} == {START}
    assert [(change.event, change.reason) for change in changes] == [
        ("dnssec-validated", "127.0.0.1, ::1"),
        ("dnssec-unavailable", "it does not"),
        ("configuration-reloaded", "cache"),
    ]


ENFORCED, TESTED = (parse_text(document(mode)) for mode in ("enforce", "testing"))
OLD = StoredPolicy(GOOD, "1", document(), START - 30 * DAY, START - 30 * DAY)


REQUIRED_TEXT = "\n".join(
    ["required", *(f"mx{number}.good.example: usable TLSA records" for number in (1, 2))]
)


def kept(subject: Subject, event: str, **fields: object) -> Change:
    return msgspec.convert(
        {"time": START, "domain": GOOD, "subject": subject, "event": event, **fields}, Change
    )


@pytest.mark.parametrize(
    ("event", "change"),
    [
        (
            PolicyFound(GOOD, ENFORCED, "1"),
            kept(Subject.POLICY, "found", now=document(), now_id="1"),
        ),
        (
            PolicyChanged(GOOD, ENFORCED, "2", TESTED, "1"),
            kept(
                Subject.POLICY,
                "changed",
                now=document(),
                now_id="2",
                was=document("testing"),
                was_id="1",
            ),
        ),
        (
            PolicyExpired(GOOD, TESTED, "1"),
            kept(Subject.POLICY, "expired", was=document("testing"), was_id="1"),
        ),
        (
            PolicyForgotten(GOOD, ENFORCED, "1"),
            kept(Subject.POLICY, "forgotten", was=document(), was_id="1"),
        ),
        (PolicyForgotten(GOOD, None, None), kept(Subject.POLICY, "forgotten")),
        (
            PolicyPurged(GOOD, ENFORCED, "1", "anna"),
            kept(Subject.POLICY, "purged", was=document(), was_id="1", by="anna"),
        ),
        (
            PolicyImported(GOOD, ENFORCED, "1", "anna"),
            kept(Subject.POLICY, "imported", now=document(), now_id="1", by="anna"),
        ),
        (
            StoredPolicyInvalid(GOOD, "line 1"),
            kept(Subject.POLICY, "damaged", reason="line 1"),
        ),
        (
            StoredPolicyDropped(OLD, DAY),
            kept(Subject.POLICY, "expired", time=START - DAY, was=document(), was_id="1"),
        ),
        (
            RecordLost(GOOD, TESTED, "no-record", "there is none"),
            kept(Subject.RECORD, "gone", now="no-record", reason="there is none"),
        ),
        (
            RecordLost(GOOD, None, "no-record", "there is none"),
            kept(Subject.RECORD, "gone", now="no-record", reason="there is none"),
        ),
        (
            RefreshFailed(GOOD, "dns-timeout", "no answer", DAY, Urgency.LAST),
            kept(Subject.REFRESH, "failed", now="dns-timeout", reason="no answer"),
        ),
        (
            DaneFound(f"[{GOOD}]:587", finding(Dane.PARTIAL, "mx.example"), None),
            kept(
                Subject.DANE,
                "partial",
                now="partial\nmx.example: usable TLSA records",
                hop=f"[{GOOD}]:587",
                reason="why",
            ),
        ),
    ],
)
async def test_what_does_not_weaken_protection_is_kept_with_all_that_is_told(
    event: object, change: Change, tell: Callable[..., Told]
) -> None:
    told = tell()
    told.world.events.publish(event)
    assert await told.changes() == [change]
    assert told.weakened == []


@pytest.mark.parametrize(
    ("event", "change", "warning"),
    [
        (
            PolicyChanged(GOOD, TESTED, "2", ENFORCED, "1"),
            kept(
                Subject.POLICY,
                "changed",
                now=document("testing"),
                now_id="2",
                was=document(),
                was_id="1",
                weakened=["mode"],
            ),
            ("enforce", "testing", ""),
        ),
        (
            PolicyExpired(GOOD, ENFORCED, "1"),
            kept(Subject.POLICY, "expired", was=document(), was_id="1", weakened=["expired"]),
            ("enforce", "expired", ""),
        ),
        (
            RecordLost(GOOD, ENFORCED, "no-record", "there is none"),
            kept(
                Subject.RECORD,
                "gone",
                now="no-record",
                weakened=["record-gone"],
                reason="there is none",
            ),
            ("enforce", "no-record", "there is none"),
        ),
        (
            DaneFound(GOOD, NONE, REQUIRED),
            kept(
                Subject.DANE,
                "none",
                now="none\nmx1.good.example: no TLSA records",
                was=REQUIRED_TEXT,
                hop=GOOD,
                weakened=["dane-lost"],
                reason="why",
            ),
            ("required", "none", "why"),
        ),
    ],
)
async def test_what_weakens_protection_is_kept_and_told(
    event: object, change: Change, warning: tuple[str, ...], tell: Callable[..., Told]
) -> None:
    told = tell()
    if change.subject is Subject.DANE:  # what is usual is kept where there was something else
        told.world.events.publish(DaneFound(GOOD, REQUIRED, None))
    told.world.events.publish(event)
    assert (await told.changes())[-1] == change
    (weakened,) = told.weakened
    assert (weakened.domain, *weakened.weakened) == (GOOD, *change.weakened)
    assert (weakened.was, weakened.now, weakened.reason) == warning
