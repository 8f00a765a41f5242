"""Steps of a discovery, and who reads them."""

from contextlib import ExitStack

import pytest

from mtasts_resolver.discovery.errors import ConnectError, NoRecordError
from mtasts_resolver.discovery.trace import Trace


def test_only_the_innermost_failure_is_recorded() -> None:
    trace = Trace()

    def work() -> None:
        with trace.step("outer"):
            with trace.step("fine") as step:
                step.outcome = "done"
            with trace.step("inner"):
                raise ConnectError("why")

    with pytest.raises(ConnectError):
        work()
    assert [(step.name, step.ok, step.outcome) for step in trace.steps] == [
        ("fine", True, "done"),
        ("inner", False, "why"),
    ]
    assert trace.current == "inner"


def test_whoever_waits_is_told_of_each_step_and_of_the_outer_one_when_it_goes_on() -> None:
    told: list[str] = []
    trace = Trace(told.append)
    with trace.step("outer"), trace.step("inner"):
        assert told == ["outer", "inner"]
    assert told == ["outer", "inner", "outer"]


def test_that_a_record_is_not_there_is_no_failure() -> None:
    trace = Trace()
    for absent in (True, False):
        with pytest.raises(NoRecordError), trace.step("TXT"):
            raise NoRecordError("why", ttl=1, absent=absent)
    assert [(step.ok, step.absent) for step in trace.steps] == [(False, True), (False, False)]


def test_after_a_step_the_outer_one_goes_on() -> None:
    trace = Trace(kept=False)
    with trace.step("outer"):
        with trace.step("inner"):
            assert trace.current == "inner"
        assert trace.current == "outer"


def test_without_a_reader_nothing_is_kept() -> None:
    trace = Trace(kept=False)
    with trace.step("one"):
        pass
    assert trace.steps == []


def test_of_steps_side_by_side_one_that_goes_on_is_told() -> None:
    told: list[str] = []
    trace = Trace(told.append)
    with ExitStack() as one, ExitStack() as other:
        one.enter_context(trace.step("one"))
        other.enter_context(trace.step("other"))
        one.close()
        assert told == ["one", "other", "other"]
    assert [step.name for step in trace.steps] == ["one", "other"]
