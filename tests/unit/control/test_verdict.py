"""What is wrong is said once, for monitoring and for the status page."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from mtasts_resolver.control.values.status import DaemonStatus, WayInStatus
from mtasts_resolver.control.values.verdict import worries
from mtasts_resolver.control.views.readiness import PARTS
from mtasts_resolver.control.views.status import view_status
from tests.unit.control.parts import idle_parts

NOW, DAY = "2026-11-26T12:00:00Z", "2026-11-27T12:00:00Z"


@pytest.fixture
async def well(tmp_path: Path) -> DaemonStatus:
    return replace(await view_status(idle_parts(tmp_path)), trouble={}, now=NOW)


def failing(found: DaemonStatus, soonest: str) -> DaemonStatus:
    return replace(found, policies=replace(found.policies, failing=2, expires_soonest=soonest))


def test_where_all_is_well_there_is_no_worry(well: DaemonStatus) -> None:
    assert worries(well) == []


@pytest.mark.parametrize("part", PARTS)
def test_each_part_that_is_not_well_is_critical(well: DaemonStatus, part: str) -> None:
    (worry,) = worries(replace(well, trouble={part: "it is gone"}))
    assert worry.critical
    assert worry.words == f"{part}: it is gone"
    assert worry.action


def test_a_way_in_that_is_closed_is_a_warning(well: DaemonStatus) -> None:
    ways_in = (
        WayInStatus(name="control", address="unix:/x", trouble=None),
        WayInStatus(name="http", address=None, trouble="this machine has no such address"),
    )
    (worry,) = worries(replace(well, ways_in=ways_in))
    assert (worry.critical, worry.words) == (False, "http: this machine has no such address")


def test_the_critical_comes_first(well: DaemonStatus) -> None:
    faulty = replace(well.configuration, faulty=True)
    found = replace(well, configuration=faulty, trouble={"store": "no space left on device"})
    assert [worry.critical for worry in worries(found)] == [True, False]


@pytest.mark.parametrize(
    ("soonest", "critical"),
    [
        ("2026-11-27T11:00:00Z", [True]),
        (DAY, [False]),
        ("2026-11-29T11:00:00Z", [False]),
        ("2026-11-29T12:00:00Z", []),
    ],
)
def test_failing_policies_worry_by_what_is_left_to_the_first(
    well: DaemonStatus, soonest: str, critical: list[bool]
) -> None:
    found = worries(failing(well, soonest))
    assert [worry.critical for worry in found] == critical
    assert all("2 policies failing" in worry.words for worry in found)


def test_the_bounds_are_those_that_monitoring_gives(well: DaemonStatus) -> None:
    found = failing(well, DAY)
    assert worries(found, warning_days=1, critical_days=0) == []
    assert worries(found, warning_days=2, critical_days=1.5)[0].critical
