"""Maps that only observe, and overrides, as look-ups meet them."""

import pytest

from mtasts_resolver.answers import observing
from mtasts_resolver.answers.observing import ObservedAnswers
from mtasts_resolver.answers.overrides import OverridesChanged
from mtasts_resolver.base.overload import MisconfiguredError
from mtasts_resolver.config import Config, MapOptions, OverrideOptions
from mtasts_resolver.config.kinds import EndTime
from mtasts_resolver.knowledge import inflight
from mtasts_resolver.postfix.codec import Request
from mtasts_resolver.postfix.reply import NOT_FOUND, Status, TimedReply
from tests.events import events
from tests.unit.answers.test_service import service_for
from tests.unit.knowledge.world import DAY, START, World, ask, document

SECURE = "secure match=mx.good.example servername=hostname"
OBSERVING = Config(answer="observe", maps={"pilot": MapOptions(answer="live")})


def overriding(answer: str = "live", **patterns: str) -> Config:
    overrides = {
        pattern.replace("_", "."): OverrideOptions(action=action, reason="r")  # type: ignore[arg-type]
        for pattern, action in patterns.items()
    }
    return Config(answer=answer, overrides=overrides)  # type: ignore[arg-type]


def publishing(config: Config) -> World:
    world = World(config)
    world.internet.publish("good.example", document())
    return world


async def test_a_map_that_observes_says_not_found_cold_and_warm_and_counts_what_it_would_be() -> (
    None
):
    world = publishing(OBSERVING)
    service = service_for(world)
    assert await ask(service, "good.example") == NOT_FOUND
    warm = service.answer(Request("default", "good.example"))
    assert isinstance(warm, TimedReply)
    assert await ask(service, "good.example") == warm.reply == NOT_FOUND
    assert (await ask(service, "good.example", "pilot")).text == SECURE
    assert await ask(service, "none.example") == NOT_FOUND
    assert await ask(service, ".example") == NOT_FOUND
    counted = {(one.map_name, one.answer, one.would_be): one.count for one in service.tallies}
    assert counted == {
        ("default", "notfound", "secure"): 2,
        ("pilot", "secure", ""): 1,
        ("default", "notfound", "notfound"): 2,
    }


async def test_it_says_not_found_in_place_of_a_temporary_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = publishing(Config(answer="observe", on_dns_failure="defer"))
    world.internet.dns_down = True
    service = service_for(world)
    assert await ask(service, "good.example") == NOT_FOUND
    monkeypatch.setattr(inflight, "MAX_QUEUED", 0)
    world.internet.dns_down = False
    assert await ask(service, "other.example") == NOT_FOUND
    would_be = {tally.would_be: tally.count for tally in service.tallies}
    assert would_be["temp"] >= 1
    service.reconfigure(Config(on_dns_failure="defer"))
    world.internet.dns_down = True
    assert (await ask(service, "third.example")).status is Status.TEMP


async def test_a_bug_holds_no_mail_where_a_map_only_observes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = publishing(OBSERVING)
    service = service_for(world)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mtasts_resolver.answers.service.reply_for", broken)
    assert await ask(service, "good.example") == NOT_FOUND
    assert await ask(service, "good.example") == NOT_FOUND
    assert [line.event for line in events(caplog)] == ["answer-failed"]
    with pytest.raises(ZeroDivisionError):
        await ask(service, "good.example", "pilot")


async def test_the_log_tells_once_of_each_next_hop_and_again_when_it_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    world = publishing(OBSERVING)
    service = service_for(world)
    told = ObservedAnswers(world.events, world.clock)

    def lines() -> list[tuple[object, object, object]]:
        found = [
            (line.fields["map"], line.fields["hop"], line.fields["would_be"])
            for line in events(caplog)
            if line.event == "answer-observed"
        ]
        caplog.clear()
        return found

    for _ in range(3):
        await ask(service, "good.example")
        await ask(service, "none.example")
        await ask(service, "good.example", "pilot")
        service.reconfigure(OBSERVING)
    assert lines() == [("default", "good.example", f"OK {SECURE}")]
    await ask(service, "good.example", "tlsrpt")
    assert [line[:2] for line in lines()] == [("tlsrpt", "good.example")]
    world.internet.publish("good.example", document("testing"), "2")
    await world.clock.advance(2 * DAY)
    await ask(service, "good.example")
    await world.clock.advance(DAY)
    await ask(service, "good.example")
    assert lines() == [("default", "good.example", "NOTFOUND")]
    told.flush(at_once=True)


async def test_of_what_was_told_a_bounded_number_is_remembered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(observing, "MAX_TOLD", 2)
    world = World(OBSERVING)
    service = service_for(world)
    told = ObservedAnswers(world.events, world.clock)
    for domain in ("a.example", "b.example", "c.example", "a.example", "c.example"):
        world.internet.publish(domain, document())
        await ask(service, domain)
        service.reconfigure(OBSERVING)
    domains = [line.fields["domain"] for line in events(caplog) if line.event == "answer-observed"]
    assert domains == ["a.example", "b.example", "c.example", "a.example"]
    assert len(vars(told)["_told"]) == 2


# -- overrides -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "reply"),
    [
        ("skip", "NOTFOUND"),
        ("encrypt", "OK encrypt"),
        ("dane", "OK dane"),
        ("dane-only", "OK dane-only"),
        ("live", f"OK {SECURE}"),
    ],
)
async def test_an_override_is_answered_in_all_maps_and_nothing_is_looked_up(
    action: str, reply: str
) -> None:
    world = publishing(overriding(good_example=action))
    service = service_for(world)
    for map_name in ("default", "", "nobody-configured-it"):
        for key in ("good.example", "[good.example]:587", "GOOD.example."):
            assert str(await ask(service, key, map_name)) == reply
    assert bool(world.internet.queries) == (action == "live")


async def test_a_parent_domain_that_postfix_asks_for_is_not_found_whatever_is_overridden() -> None:
    """Else `skip` for a domain would be undone by the override of what is above it."""
    service = service_for(publishing(overriding(_example="encrypt", good_example="skip")))
    assert await ask(service, "good.example") == NOT_FOUND
    assert await ask(service, ".example") == NOT_FOUND
    assert str(await ask(service, "other.example")) == "OK encrypt"


async def test_where_a_map_observes_an_override_is_observed_too_save_live() -> None:
    world = publishing(overriding("observe", good_example="live", other_example="encrypt"))
    service = service_for(world)
    assert await ask(service, "other.example") == NOT_FOUND
    for _ in ("cold", "warm"):
        assert (await ask(service, "good.example")).text == SECURE
    counted = {(one.answer, one.would_be) for one in service.tallies}
    assert counted == {("notfound", "encrypt"), ("secure", "")}


async def test_one_next_hop_can_be_live_beside_others_of_its_domain() -> None:
    options = OverrideOptions(action="live", reason="pilot")
    world = publishing(Config(answer="observe", overrides={"[good.example]:587": options}))
    service = service_for(world)
    for _ in ("cold", "warm"):
        for key, text in (("good.example", ""), ("[good.example]:587", SECURE)):
            assert (await ask(service, key)).text == text


@pytest.mark.parametrize("action", ["skip", "live"])
async def test_no_answer_that_an_override_makes_outlives_it(action: str) -> None:
    options = OverrideOptions(
        action=action,  # type: ignore[arg-type]
        reason="r",
        until=EndTime(START + 10),
    )
    world = publishing(Config(answer="observe", overrides={"good.example": options}))
    service = service_for(world)
    await ask(service, "good.example")
    timed = service.answer(Request("default", "good.example"))
    assert isinstance(timed, TimedReply)
    assert timed.until <= world.clock.now + 10
    await world.clock.advance(10)
    await ask(service, "good.example")
    after = service.answer(Request("default", "good.example"))
    assert isinstance(after, TimedReply)
    assert (after.reply, after.tally.would_be) == (NOT_FOUND, "secure")


async def test_when_overrides_change_no_answer_from_before_holds() -> None:
    world = publishing(Config())
    service = service_for(world)
    await ask(service, "good.example")
    before = service.answer(Request("default", "good.example"))
    world.events.publish(OverridesChanged())
    assert service.answer(Request("default", "good.example")) is not before


async def test_a_bug_of_discovery_is_no_reason_to_defer_where_a_map_observes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = publishing(OBSERVING)
    service = service_for(world)

    async def misconfigured(_domain: str) -> None:
        raise MisconfiguredError("no certification authority")

    monkeypatch.setattr(world.sts, "resolve", misconfigured)
    assert await ask(service, "good.example") == NOT_FOUND
