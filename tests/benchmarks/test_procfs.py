"""What the kernel tells of a process: read as proc(5) has it, and from a real process."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.procfs import TICKS, children, cpu_seconds, family, resident_bytes


def put_process(
    proc: Path, pid: int, *, command: str = "python", ticks: str = "0 0 0 0", child: str = ""
) -> None:
    directory = proc / str(pid)
    thread = directory / "task" / str(pid)
    thread.mkdir(parents=True)
    (thread / "children").write_text(child)
    between = "S 1 1 1 0 -1 4194304 102 0 0 0"
    (directory / "stat").write_text(
        f"{pid} ({command}) {between} {ticks} 20 0 1 0 550555 3133440\n"
    )
    (directory / "smaps_rollup").write_text(
        "55 ---p 00000000 00:00 0    [rollup]\n"
        f"Rss:     9999 kB\nShared_Clean:     {10 * pid} kB\nShared_Dirty:      1 kB\n"
        f"Private_Clean:   {pid} kB\nPrivate_Dirty:    2 kB\nPrivate_Hugetlb:    64 kB\n"
    )


def test_cpu_is_that_of_the_process_and_of_children_that_have_ended(tmp_path: Path) -> None:
    put_process(tmp_path, 7, ticks="100 20 3 4")
    assert cpu_seconds(7, tmp_path) == pytest.approx(127 / TICKS)


def test_a_command_may_hold_spaces_and_parentheses(tmp_path: Path) -> None:
    put_process(tmp_path, 7, command="a) S 9 (b", ticks="1 2 0 0")
    assert cpu_seconds(7, tmp_path) == pytest.approx(3 / TICKS)


def test_living_descendants_count(tmp_path: Path) -> None:
    put_process(tmp_path, 7, ticks="1 0 0 0", child="8 9 ")
    put_process(tmp_path, 8, ticks="10 0 0 0", child="10 ")
    put_process(tmp_path, 9, ticks="100 0 0 0")
    put_process(tmp_path, 10, ticks="1000 0 0 0")
    assert list(family(7, tmp_path)) == [7, 8, 10, 9]
    assert cpu_seconds(7, tmp_path) == pytest.approx(1111 / TICKS)


def test_memory_that_is_shared_counts_once(tmp_path: Path) -> None:
    put_process(tmp_path, 7, child="8 ")
    put_process(tmp_path, 8)
    assert resident_bytes(7, tmp_path) == ((7 + 2) + (8 + 2) + (80 + 1)) * 1024


def test_children_of_every_thread_count(tmp_path: Path) -> None:
    put_process(tmp_path, 7, child="8 ")
    thread = tmp_path / "7" / "task" / "70"
    thread.mkdir()
    (thread / "children").write_text("9 ")
    assert sorted(children(7, tmp_path)) == [8, 9]


def test_a_thread_that_ends_while_it_is_looked_at(tmp_path: Path) -> None:
    put_process(tmp_path, 7, child="8 ")
    (tmp_path / "7" / "task" / "70").mkdir()  # and no file in it any more
    assert children(7, tmp_path) == [8]


def test_memory_in_another_unit_is_not_taken_for_kibibytes(tmp_path: Path) -> None:
    put_process(tmp_path, 7)
    (tmp_path / "7" / "smaps_rollup").write_text("Private_Dirty:\t 12 MB\n")
    with pytest.raises(ValueError, match="MB"):
        resident_bytes(7, tmp_path)


def test_a_process_without_memory_of_its_own(tmp_path: Path) -> None:
    put_process(tmp_path, 7)
    (tmp_path / "7" / "smaps_rollup").write_text("")
    assert resident_bytes(7, tmp_path) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_real_process() -> None:
    before = cpu_seconds(os.getpid())
    while time.process_time() < before + 2 / TICKS:
        pass
    assert cpu_seconds(os.getpid()) > before
    assert resident_bytes(os.getpid()) > 1_000_000
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        assert child.pid in children(os.getpid())
        child.communicate()
