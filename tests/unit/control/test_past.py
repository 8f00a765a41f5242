"""What was known at a time, made of the history: each state, and what follows from it."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtasts_resolver.config import Config, MapOptions
from mtasts_resolver.control.values.history import PastAnswer, PastState
from mtasts_resolver.control.views.history import view_history
from mtasts_resolver.control.views.past import MAX_HOPS, view_past
from mtasts_resolver.daemon.parts import Parts
from mtasts_resolver.policy import NextHop
from mtasts_resolver.store.changes import Change, Subject, bounded
from mtasts_resolver.store.changetable import Wanted
from tests.unit.control.parts import hold, idle_parts
from tests.unit.knowledge.world import START, document, fattest_document

GOOD = "good.example"
SECURE = "secure match=mx.good.example servername=hostname"
REQUIRED = "required\nmx.good.example: usable TLSA records"
ENFORCE, TESTING = document("enforce"), document("testing")


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    config = Config(maps={"strict": MapOptions(testing="enforce"), "plain": MapOptions(dane=False)})
    made = idle_parts(tmp_path, config)
    made.history.open()
    yield made
    await made.history.close()


def change(time: float, subject: Subject, event: str, **more: Any) -> Change:
    domain = "" if subject is Subject.DAEMON else GOOD
    return Change(START + time, domain, subject, event, **more)


def found(time: float, text: str, policy_id: str = "1") -> Change:
    return change(time, Subject.POLICY, "found", now=text, now_id=policy_id)


def answered(time: float, text: str, **more: Any) -> Change:
    given = {"hop": GOOD, "map": "default", **more}
    return change(time, Subject.ANSWER, text.split(maxsplit=1)[0], now=text, **given)


async def past(parts: Parts, time: float, *changes: Change, hop: str = GOOD) -> PastState:
    await keep(parts, changes)
    return await view_past(parts, NextHop(hop), START + time)


async def keep(parts: Parts, changes: Iterable[Change]) -> None:
    for each in changes:
        parts.history.note(each)
    await parts.history.flush()


def of_map(state: PastState, name: str = "default") -> PastAnswer:
    (answer,) = [answer for answer in state.answers if name in answer.maps]
    return answer


async def test_each_map_has_its_own_answer(parts: Parts) -> None:
    state = await past(parts, 5, found(0, TESTING), change(1, Subject.DANE, "required",
                                                          now=REQUIRED, hop=GOOD))  # fmt: skip
    assert [of_map(state, name).answer for name in ("default", "strict", "plain")] == [
        "dane-only",
        "dane-only",
        "notfound",
    ]
    before = await view_past(parts, NextHop(GOOD), START + 0.5)
    assert [of_map(before, name).answer for name in ("default", "strict", "plain")] == [
        "notfound",
        "secure",
        "notfound",
    ]
    assert not any(answer.given for answer in state.answers)


async def test_however_many_next_hops_were_asked_for_few_are_told(parts: Parts) -> None:
    hops = [f"{GOOD}:{port}" for port in range(600, 900)]
    rows = [answered(1, "dane", hop=hop) for hop in hops]
    rows += [change(1, Subject.DANE, "required", now=REQUIRED, hop=hop) for hop in hops]
    state = await past(parts, 5, *rows, *rows, hop="good.example")
    told = list(dict.fromkeys(answer.hop for answer in state.answers))
    assert told == [GOOD, *hops[:-MAX_HOPS:-1]]
    assert [dane.hop for dane in state.dane] == hops[-MAX_HOPS:]


async def test_without_dnssec_dane_takes_no_part(parts: Parts) -> None:
    state = await past(
        parts,
        5,
        found(0, ENFORCE),
        change(0, Subject.DANE, "required", now=REQUIRED, hop=GOOD),
        change(2, Subject.DAEMON, "dnssec-unavailable"),
        change(8, Subject.DAEMON, "dnssec-validated"),
    )
    assert (of_map(state).answer, state.dnssec) == ("secure", "dnssec-unavailable")
    assert of_map(await view_past(parts, NextHop(GOOD), START + 9)).answer == "dane-only"


@pytest.mark.parametrize(
    "turn",
    [
        found(3, document("enforce", max_age=86_400), "2"),
        change(3, Subject.DANE, "none", now="none", hop=GOOD, was="partial"),
        change(3, Subject.DAEMON, "configuration-reloaded"),
        change(3, Subject.DAEMON, "started"),
        change(3, Subject.OVERRIDE, "in-force", now="live", hop=GOOD),
    ],
    ids=lambda turn: f"{turn.subject} {turn.event}",
)
async def test_an_answer_is_given_until_something_turns(parts: Parts, turn: Change) -> None:
    await keep(parts, [found(0, ENFORCE), answered(1, SECURE), turn])
    states = [await view_past(parts, NextHop(GOOD), START + time) for time in (0.5, 2, 4)]
    assert [of_map(state).given for state in states] == [False, True, False]
    assert {of_map(state).text for state in states} == {SECURE}
    # The same answer again, as a look-up gets it later.
    await keep(parts, [answered(6, SECURE)])
    state = await view_past(parts, NextHop(GOOD), START + 4)
    assert of_map(state).given
    assert of_map(state).seen == "2027-01-15T08:00:06Z"


async def test_what_was_foretold_was_not_given(parts: Parts) -> None:
    state = await past(parts, 3, found(0, TESTING), answered(1, "notfound", given=False,
                                                            was=SECURE))  # fmt: skip
    assert (of_map(state).answer, of_map(state).given) == ("notfound", False)
    await keep(parts, [answered(9, "notfound")])
    assert of_map(await view_past(parts, NextHop(GOOD), START + 3)).given


async def test_a_policy_that_was_cached_when_the_history_begins(parts: Parts) -> None:
    hold(parts, GOOD)
    state = await past(parts, 0)
    assert state.policy is not None
    assert (state.policy.mode, state.policy.since, state.history_begins) == ("enforce", None, None)
    changed = change(5, Subject.POLICY, "changed", was=ENFORCE, was_id="1", now=TESTING)
    state = await past(parts, 2, changed)
    assert state.policy is not None
    assert (state.policy.mode, state.policy.id, state.policy.since) == ("enforce", "1", None)


async def test_of_a_text_that_was_cut_nothing_is_made_up(parts: Parts) -> None:
    state = await past(parts, 1, found(0, bounded(fattest_document())))
    assert state.policy is not None
    assert state.policy.mode is None
    assert of_map(state).answer is None


async def test_an_override_counts_until_its_end_date(parts: Parts) -> None:
    text = "encrypt\nuntil 2027-01-15T08:00:05Z"
    everywhere = Change(
        START + 1, "", Subject.OVERRIDE, "in-force", text, hop=".example", reason="agreed"
    )
    state = await past(parts, 3, found(0, ENFORCE), everywhere)
    assert state.override is not None
    assert (of_map(state).answer, state.override.reason) == ("encrypt", "agreed")
    assert of_map(await view_past(parts, NextHop(GOOD), START + 5)).answer == "secure"


@pytest.mark.parametrize(
    ("time", "running"), [(-1, None), (1, True), (3, False), (5, None), (7, True)]
)
async def test_whether_the_daemon_ran(parts: Parts, time: float, running: bool | None) -> None:
    turns = [(0, "started"), (2, "stopped"), (4, "started"), (6, "started")]
    state = await past(parts, time, *(change(at, Subject.DAEMON, event) for at, event in turns))
    assert state.running is running


TEXTS = st.sampled_from([None, "", ENFORCE, TESTING, SECURE, "notfound", "required\nx", "skip"]) | (
    st.text(max_size=30)
)


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.builds(
            Change,
            time=st.integers(0, 9).map(lambda seconds: START + seconds),
            domain=st.sampled_from([GOOD, ""]),
            subject=st.sampled_from(Subject),
            event=st.sampled_from(["found", "secure", "notfound", "temp", "started", "stopped"]),
            now=TEXTS,
            was=TEXTS,
            hop=st.sampled_from(["", GOOD, f"{GOOD}:587", ".example", "no hop"]),
            map=st.sampled_from(["", "default", "(tcp_table)", "(unknown)", "gone"]),
            reason=st.text(max_size=10),
            given=st.booleans(),
        ),
        max_size=12,
    ),
    time=st.integers(-1, 10),
)
async def test_whatever_the_history_holds_there_is_an_account(
    rows: list[Change], time: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    parts = idle_parts(tmp_path_factory.mktemp("past"))
    parts.history.open()
    try:
        state = await past(parts, time, *rows)
        kept = await view_history(parts, Wanted(domain=GOOD), 100)
    finally:
        await parts.history.close()
    for answer in state.answers:
        assert not answer.given or answer.since is not None
    assert len(kept.changes) <= len(rows)
