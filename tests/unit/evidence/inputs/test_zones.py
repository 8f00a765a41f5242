"""The zone of times that do not say it."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mtasts_resolver.evidence.inputs import zones
from mtasts_resolver.evidence.inputs.errors import InputError
from mtasts_resolver.evidence.inputs.zones import local_offset, zone_called, zone_of_host


def wall(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_a_zone_with_summer_time() -> None:
    ahead = local_offset(zone_called("Europe/Berlin"))
    assert ahead(wall("2026-01-01 12:00"), False) == 3_600
    assert ahead(wall("2026-07-01 12:00"), False) == 7_200
    # 2026-10-25, 02:00 to 03:00, there twice.
    assert ahead(wall("2026-10-25 02:30"), False) == 7_200
    assert ahead(wall("2026-10-25 02:30"), True) == 3_600


@pytest.mark.parametrize(
    ("name", "seconds"), [("+01:00", 3_600), ("-0330", -12_600), ("UTC", 0), ("Z", 0)]
)
def test_an_offset(name: str, seconds: int) -> None:
    assert local_offset(zone_called(name))(wall("2026-07-01 12:00"), False) == seconds


@pytest.mark.parametrize("name", ["", "Europe/Nowhere", "+25:00", "../../etc/passwd", "/etc", "\0"])
def test_what_is_no_zone(name: str) -> None:
    with pytest.raises(InputError, match="no zone is called"):
        zone_called(name)


def test_the_hosts_zone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TZ", ":Asia/Kolkata")
    assert str(zone_of_host()) == "Asia/Kolkata"
    monkeypatch.delenv("TZ")
    zoneinfo = tmp_path / "zoneinfo" / "Europe"
    zoneinfo.mkdir(parents=True)
    (zoneinfo / "Berlin").touch()
    (tmp_path / "localtime").symlink_to(zoneinfo / "Berlin")
    monkeypatch.setattr(zones, "LOCALTIME", tmp_path / "localtime")
    assert zone_of_host() == ZoneInfo("Europe/Berlin")
    monkeypatch.setattr(zones, "LOCALTIME", tmp_path / "missing")
    assert zone_of_host() == UTC


def test_a_time_that_no_calendar_has() -> None:
    assert local_offset(zone_called("Europe/Berlin"))(10**15, False) == 0
