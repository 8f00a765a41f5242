"""Which override counts for a next hop, from when and until when."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.answers.overrides import (
    ANNOUNCED,
    DAY,
    FORGOTTEN_AFTER,
    LOOK,
    NoRoomError,
    NotAddedError,
    OverrideAdded,
    OverrideRemoved,
    Overrides,
    OverridesChanged,
)
from mtasts_resolver.base.events import Events
from mtasts_resolver.config import Config, OverrideOptions
from mtasts_resolver.policy import NextHop, parse_next_hop
from mtasts_resolver.postfix.override import Override, parse_override, patterns_for
from mtasts_resolver.store.overridefile import COPY, MAX_ADDED, OverrideFile
from tests.events import events as logged
from tests.unit.knowledge.world import START, FakeClock

ON_DISK = 5.0  # seconds until a thread that writes a file is a failure


class Heard:
    """What was published."""

    def __init__(self, events: Events) -> None:
        self.events: list[object] = []
        for kind in (OverridesChanged, OverrideAdded, OverrideRemoved):
            events.listen(kind, self.events.append)

    def take(self) -> list[str]:
        taken = [type(event).__name__ for event in self.events]
        self.events.clear()
        return taken


class Setting:
    """Overrides, their file and their clock."""

    def __init__(self, directory: Path, config: Config | None = None) -> None:
        self.clock = FakeClock()
        self.published = Events()
        self.heard = Heard(self.published)
        self.file = OverrideFile(directory / "policies.sqlite")
        self.overrides = Overrides(self.file, config or Config(), self.clock, self.published)
        self.overrides.load()

    def action(self, key: str) -> str | None:
        found = self.overrides.find(hop_of(key))
        return None if found is None else found.action

    def at(self, wall: float) -> None:
        self.clock.offset = wall - self.clock.now


def hop_of(key: str) -> NextHop:
    hop = parse_next_hop(key)
    assert hop is not None
    return hop


def added(pattern: str, action: str = "skip", until: float | None = None) -> Override:
    return parse_override(
        pattern=pattern,
        action=action,
        policy=None,
        reason="r",
        until=until,
        user="root",
        added=START,
    )


def configured(**patterns: str) -> Config:
    return Config(
        overrides={
            pattern.replace("_", "."): OverrideOptions(action=action, reason="r")  # type: ignore[arg-type]
            for pattern, action in patterns.items()
        }
    )


async def test_the_most_specific_pattern_counts(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    for pattern, action in (
        (".example", "skip"),
        (".b.example", "encrypt"),
        ("a.b.example", "dane"),
        ("[a.b.example]:587", "dane-only"),
    ):
        await setting.overrides.add(added(pattern, action))
    for key, action in (
        ("x.example", "skip"),
        ("b.example", "skip"),
        ("x.b.example", "encrypt"),
        ("y.x.b.example:587", "encrypt"),
        ("a.b.example", "dane"),
        ("A.B.example.", "dane"),
        ("[a.b.example]", "dane"),
        ("a.b.example:587", "dane"),
        ("[a.b.example]:submission", "dane-only"),
        ("c.a.b.example", "encrypt"),
    ):
        assert setting.action(key) == action, key
    assert setting.action("example.org") is None
    assert setting.action("xexample.org") is None


_labels = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3)
_hop = st.builds(
    NextHop,
    _labels.map(lambda labels: ".".join([*labels, "example"])),
    st.sampled_from(["25", "587"]),
    st.booleans(),
)


@given(hop=_hop, hops=st.lists(st.tuples(_hop, st.integers(0, 4)), max_size=8))
def test_what_is_found_is_the_first_of_the_next_hops_patterns_that_there_is(
    tmp_path_factory: pytest.TempPathFactory, hop: NextHop, hops: list[tuple[NextHop, int]]
) -> None:
    patterns = {
        [*patterns_for(other)][which % len([*patterns_for(other)])] for other, which in hops
    }
    options = {pattern: OverrideOptions(action="skip", reason="r") for pattern in patterns}
    setting = Setting(tmp_path_factory.getbasetemp(), Config(overrides=options))
    found = setting.overrides.find(hop)
    expected = next((pattern for pattern in patterns_for(hop) if pattern in patterns), None)
    assert (None if found is None else found.pattern) == expected


async def test_what_was_added_counts_before_what_is_configured_until_it_is_removed(
    tmp_path: Path,
) -> None:
    setting = Setting(tmp_path, configured(a_example="encrypt"))
    await setting.overrides.add(added("a.example", "skip"))
    assert setting.action("a.example") == "skip"
    assert [(one.origin, setting.overrides.state(one)) for one in setting.overrides] == [
        ("command", "in-force"),
        ("configuration", "hidden"),
    ]
    setting.overrides.reconfigure(configured(a_example="dane"))
    assert setting.action("a.example") == "skip"
    await setting.overrides.remove("a.example", "root")
    assert setting.action("a.example") == "dane"
    with pytest.raises(NotAddedError) as caught:
        await setting.overrides.remove("a.example", "root")
    assert caught.value.configured
    with pytest.raises(NotAddedError) as caught:
        await setting.overrides.remove("b.example", "root")
    assert not caught.value.configured


async def test_when_what_was_added_is_over_the_less_specific_and_the_configured_count_again(
    tmp_path: Path,
) -> None:
    setting = Setting(tmp_path, configured(a_example="encrypt", _example="dane"))
    await setting.overrides.add(added("a.example", until=START + 100))
    await setting.overrides.add(added("b.example", until=START + 100))
    setting.at(START + 99.9)
    assert (setting.action("a.example"), setting.action("b.example")) == ("skip", "skip")
    setting.at(START + 100)
    assert (setting.action("a.example"), setting.action("b.example")) == ("encrypt", "dane")


async def test_what_was_added_outlives_the_daemon(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    await setting.overrides.add(added("a.example"))
    await setting.overrides.add(added("a.example", "encrypt", START + 1e6))
    again = Setting(tmp_path)
    assert [*again.overrides] == [added("a.example", "encrypt", START + 1e6)]


async def test_whoever_keeps_answers_is_told_of_each_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    setting = Setting(tmp_path, configured(a_example="encrypt"))
    await setting.overrides.add(added("a.example"))
    assert setting.heard.take() == ["OverridesChanged", "OverrideAdded"]
    setting.overrides.reconfigure(configured(a_example="encrypt"))
    assert setting.heard.take() == []
    setting.overrides.reconfigure(configured(a_example="dane"))
    assert setting.heard.take() == ["OverridesChanged"]
    caplog.clear()
    await setting.overrides.remove("a.example", "hostmaster")
    assert setting.heard.take() == ["OverridesChanged", "OverrideRemoved"]
    (line,) = logged(caplog)
    assert (line.event, line.fields["pattern"], line.fields["user"]) == (
        "override-removed",
        "a.example",
        "hostmaster",
    )


async def test_one_that_cannot_be_written_does_not_count(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    blocked = tmp_path / f"{setting.file.path.name}.new"
    blocked.mkdir()
    with pytest.raises(OSError, match="irectory"):
        await setting.overrides.add(added("a.example"))
    assert setting.action("a.example") is None
    assert setting.heard.take() == []
    blocked.rmdir()
    await setting.overrides.add(added("a.example"))
    assert setting.action("a.example") == "skip"


async def test_many_at_once_are_all_kept(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    patterns = [f"a{number}.example" for number in range(20)]
    async with asyncio.timeout(ON_DISK):
        await asyncio.gather(*(setting.overrides.add(added(pattern)) for pattern in patterns))
    assert {one.pattern for one in Setting(tmp_path).overrides} == set(patterns)


async def test_there_are_no_more_than_can_be_known_and_old_ones_make_room(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    old = added("old.example", until=START - FORGOTTEN_AFTER)
    setting.file.write([old, *(added(f"a{number}.example") for number in range(MAX_ADDED - 1))])
    setting.overrides.load()
    await setting.overrides.add(added("b.example"))
    assert len([*setting.overrides]) == MAX_ADDED
    assert old not in [*setting.overrides]
    with pytest.raises(NoRoomError):
        await setting.overrides.add(added("c.example"))
    await setting.overrides.add(added("b.example", "encrypt"))
    assert setting.action("b.example") == "encrypt"


async def test_a_damaged_file_is_told_of_and_the_last_good_ones_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    setting = Setting(tmp_path)
    await setting.overrides.add(added("a.example"))
    setting.file.path.write_text("damage")
    setting.file.path.with_name(f"{setting.file.path.name}{COPY}").unlink()
    setting.overrides.reconfigure(Config())
    assert setting.action("a.example") == "skip"
    (line,) = [line for line in logged(caplog) if line.event == "overrides-damaged"]
    assert (line.level, line.fields["kept"]) == ("ERROR", 1)
    assert setting.overrides.faults
    await setting.overrides.add(added("b.example"))
    assert setting.overrides.faults == ()
    assert setting.file.read().faults == ()


async def test_a_file_that_was_mended_by_hand_counts_from_the_reload_on(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    await setting.overrides.add(added("a.example"))
    setting.file.path.write_text(
        '{"overrides": [{"pattern": "b.example", "action": "dane", "reason": "by hand"}]}'
    )
    setting.overrides.reconfigure(Config())
    assert (setting.action("a.example"), setting.action("b.example")) == (None, "dane")
    assert setting.heard.take()[-1] == "OverridesChanged"


@pytest.mark.parametrize(("action", "level"), [("skip", "WARNING"), ("dane-only", "INFO")])
async def test_one_that_weakens_is_a_warning_at_the_start_and_when_it_is_added(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, action: str, level: str
) -> None:
    caplog.set_level("INFO")
    setting = Setting(tmp_path, configured(a_example=action))
    working = asyncio.create_task(setting.overrides.run())
    await setting.clock.advance(0)
    await setting.overrides.add(added("b.example", action))
    working.cancel()
    lines = [line for line in logged(caplog) if line.event == "override-in-force"]
    assert [(line.fields["pattern"], line.level) for line in lines] == [
        ("a.example", level),
        ("b.example", level),
    ]


async def test_an_end_is_announced_once_a_day_for_a_week_and_then_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    setting = Setting(tmp_path)
    await setting.overrides.add(added("a.example", until=START + 10 * DAY))
    working = asyncio.create_task(setting.overrides.run())
    await setting.clock.advance(0)
    setting.heard.take()
    told = []
    for _ in range(13):
        caplog.clear()
        await setting.clock.advance(DAY)
        lines = [line for line in logged(caplog) if line.event.startswith("override-")]
        told.append([(line.event, line.level) for line in lines])
    working.cancel()
    ends = [("override-ends-soon", "WARNING")]
    # The first day ends as the week begins.
    assert told[:3] == [[], [], ends]
    assert told[3:9] == [ends] * 6
    assert told[9] == [("override-lapsed", "WARNING")]
    assert told[10:] == [[], [], []]
    assert setting.heard.take() == ["OverridesChanged"]
    assert ANNOUNCED == 7 * DAY


async def test_where_the_wall_clock_is_set_answers_are_made_anew_soon_after(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    override = added("a.example", until=START + DAY)
    await setting.overrides.add(override)
    working = asyncio.create_task(setting.overrides.run())
    await setting.clock.advance(LOOK)
    setting.heard.take()
    setting.at(START + 2 * DAY)
    await setting.clock.advance(LOOK)
    assert setting.heard.take() == ["OverridesChanged"]
    setting.at(START)
    await setting.clock.advance(LOOK)
    assert setting.heard.take() == ["OverridesChanged"]
    working.cancel()


async def test_an_answer_holds_until_the_override_ends(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    assert setting.overrides.ends(added("a.example")) == float("inf")
    ends = setting.overrides.ends(added("a.example", until=START + 100))
    assert ends == pytest.approx(setting.clock.now + 100)
