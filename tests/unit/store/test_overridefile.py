"""The overrides that were added by command, on the disk: whole, private, and mended by hand."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.postfix.override import Override, parse_override
from mtasts_resolver.store.overridefile import (
    MAX_ADDED,
    MAX_OVERRIDES_BYTES,
    FoundOverrides,
    OverrideFile,
)


def added(pattern: str = "a.example", **values: object) -> Override:
    usual = {"action": "skip", "policy": None, "reason": "r", "until": None, "user": "root"}
    return parse_override(pattern=pattern, added=1.0, **(usual | values))  # type: ignore[arg-type]


OVERRIDES = (
    added("a.example", until=1_798_761_599.0),
    added(".b.example", action=None, policy="secure match=nexthop", reason="“quoted”\\"),
    added("[c.example]:587", action="live", user=""),
)


@pytest.fixture
def file(tmp_path: Path) -> OverrideFile:
    return OverrideFile(tmp_path / "policies.sqlite")


def test_what_was_written_is_read_and_nobody_else_can(file: OverrideFile) -> None:
    assert file.read() == FoundOverrides(())
    file.write(OVERRIDES)
    assert file.read() == FoundOverrides(OVERRIDES)
    assert file.path.name == "policies.overrides.json"
    for path in file.path.parent.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_it_has_room_for_as_many_as_there_may_be_of_the_longest(file: OverrideFile) -> None:
    label = "x" * 63
    longest = [
        added(
            f"a{number:05}.{label}.{label}.{label}.{'x' * 40}",
            action=None,
            policy="secure match=" + ":".join(["a.example"] * 198),
            reason="\U0001d11e" * 200,
            until=1e9,
            user="u" * 64,
        )
        for number in range(MAX_ADDED)
    ]
    file.write(longest)
    assert file.path.stat().st_size < MAX_OVERRIDES_BYTES
    assert len(file.read().overrides) == MAX_ADDED


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\0" * 100,
        b'{"overrides": [',
        b'{"overrides": 5}',
        b"[" * 100_000,
        b'{"overrides": []}' + b" " * MAX_OVERRIDES_BYTES,
        b"\xff",
    ],
    ids=["empty", "zeros", "cut", "no-list", "deep", "long", "no-text"],
)
def test_of_a_file_that_is_damaged_the_last_good_ones_are_kept(
    file: OverrideFile, damage: bytes
) -> None:
    file.write(OVERRIDES)
    file.path.write_bytes(damage)
    found = OverrideFile(file.path.with_name("policies.sqlite")).read()
    assert found.overrides == OVERRIDES
    assert len(found.faults) == 1


def test_before_a_damaged_file_is_written_again_it_is_set_aside(file: OverrideFile) -> None:
    file.write(OVERRIDES)
    file.path.write_bytes(b"damage")
    assert file.read().faults
    file.write(OVERRIDES[:1])
    assert file.read() == FoundOverrides(OVERRIDES[:1])
    (aside,) = file.path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == b"damage"


def test_one_override_that_is_wrong_costs_no_other(file: OverrideFile) -> None:
    file.path.write_text(
        """{"comment": "mended at night", "overrides": [
            {"pattern": "A.example", "action": "skip", "reason": "by hand", "new": 1},
            {"pattern": "b.example", "action": "skipp", "reason": "r"},
            {"pattern": "c.example", "action": "skip"},
            {"pattern": "d.example", "action": "skip", "reason": "r", "until": "soon"},
            {"pattern": "a.example", "action": "encrypt", "reason": "again"},
            5,
            {"pattern": "e.example", "policy": "may", "reason": "r", "until": "2026-12-31"}
        ]}"""
    )
    found = file.read()
    assert [override.pattern for override in found.overrides] == ["a.example", "e.example"]
    assert found.overrides[0].reason == "by hand"
    assert found.overrides[1].until == 1_798_761_599.0
    assert [fault.partition(":")[0] for fault in found.faults] == [
        f"override {number}" for number in (2, 3, 4, 5, 6)
    ]
    assert "a.example stands twice" in found.faults[3]


def test_more_than_can_be_known_are_left_out(file: OverrideFile) -> None:
    file.write(added(f"a{number}.example") for number in range(MAX_ADDED + 1))
    found = file.read()
    assert len(found.overrides) == MAX_ADDED
    assert "more than 1,000" in found.faults[0]


@pytest.mark.threat("own-files-written")
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_can_write_leads_nobody(file: OverrideFile, mode: int) -> None:
    file.write(OVERRIDES)
    copied = file.read().overrides
    file.path.write_text(
        '{"overrides": [{"pattern": ".example", "action": "skip", "reason": "x"}]}'
    )
    file.path.chmod(mode)
    found = file.read()
    assert found.overrides == copied
    assert found.faults == ("others than the daemon's user can write it",)


@pytest.mark.threat("link-in-store")
def test_a_link_leads_nobody(file: OverrideFile, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("{}")
    file.path.symlink_to(elsewhere)
    assert file.read().faults == ("it cannot be read: Too many levels of symbolic links",)


def test_what_a_killed_process_left_half_written_is_in_nobodys_way(file: OverrideFile) -> None:
    file.path.with_name(f"{file.path.name}.new").write_text("half")
    file.write(OVERRIDES)
    assert file.read() == FoundOverrides(OVERRIDES)


def test_where_it_cannot_be_written_what_it_holds_stays(file: OverrideFile) -> None:
    file.write(OVERRIDES)
    blocked = file.path.with_name(f"{file.path.name}.new")
    blocked.mkdir()
    with pytest.raises(OSError, match="irectory"):
        file.write(())
    blocked.rmdir()
    assert file.read() == FoundOverrides(OVERRIDES)


@pytest.mark.threat("store-damaged")
@given(st.binary(max_size=200))
def test_any_bytes_are_overrides_or_faults(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = OverrideFile(tmp_path_factory.getbasetemp() / "any.sqlite")
    file.path.write_bytes(data)
    file.path.chmod(0o600)
    found = file.read()
    assert found.faults or data.strip().startswith(b"{")


_values = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=20)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["pattern", "action", "policy", "reason", "until", "user", "added"]),
            st.one_of(_values, st.sampled_from(["a.example", "skip", "2026-12-31"])),
        ),
        max_size=5,
    )
)
def test_any_list_is_overrides_each_of_which_could_have_been_added(
    tmp_path_factory: pytest.TempPathFactory, lines: list[object]
) -> None:
    file = OverrideFile(tmp_path_factory.getbasetemp() / "list.sqlite")
    file.path.unlink(missing_ok=True)
    file.path.write_bytes(msgspec.json.encode({"overrides": lines}))
    file.path.chmod(0o600)
    found = file.read()
    assert len(found.overrides) + len(found.faults) == len(lines)
    again = OverrideFile(file.path.with_name("again.sqlite"))
    again.write(found.overrides)
    assert again.read() == FoundOverrides(found.overrides)
