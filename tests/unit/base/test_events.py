"""Who hears what is published, and in which order."""

from typing import NamedTuple

import pytest

from mtasts_resolver.base.events import Events


class Rang(NamedTuple):
    """A bell."""

    times: int


class Stopped(NamedTuple):
    """Something else."""


def test_events_go_to_those_who_listen_to_their_class_in_turn() -> None:
    events, heard = Events(), list[object]()
    events.listen(Rang, lambda told: heard.append(("first", told.times)))
    events.listen(Rang, lambda told: heard.append(("second", told.times)))
    events.publish(Rang(1))
    events.publish(Stopped())
    assert heard == [("first", 1), ("second", 1)]


def test_who_joins_hears_what_was_kept_and_then_each_event_once() -> None:
    events, early, late = Events(), list[object](), list[object]()
    events.listen(Rang, early.append)
    events.publish(Rang(1))  # before anything is kept
    events.keep()
    events.publish(Rang(2))
    events.publish(Stopped())

    def begin() -> str:
        events.listen(Rang, late.append)
        events.listen(Stopped, late.append)
        return "begun"

    assert events.join(begin) == "begun"
    events.publish(Rang(3))
    assert early == [Rang(1), Rang(2), Rang(3)]
    assert late == [Rang(2), Stopped(), Rang(3)]


def test_what_is_published_of_what_was_kept_goes_to_all() -> None:
    events, early = Events(), list[object]()
    events.listen(Stopped, early.append)
    events.keep()
    events.publish(Rang(1))
    events.join(lambda: events.listen(Rang, lambda _: events.publish(Stopped())))
    assert early == [Stopped()]


def test_where_nobody_can_join_those_before_go_on() -> None:
    events, early = Events(), list[object]()
    events.listen(Rang, early.append)
    events.keep()

    def fail() -> None:
        events.listen(Rang, early.append)
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        events.join(fail)
    events.publish(Rang(1))
    assert early == [Rang(1)]
