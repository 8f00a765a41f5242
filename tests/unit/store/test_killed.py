"""The process dies without warning: what is older than a second is on the disk (C2)."""

import asyncio
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.store.support import contents_of, policy

ROUNDS = 3

# Prints the number of each policy and the time of its put, until it is killed.
SCRIPT = """
import asyncio, sys, time
from pathlib import Path
from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.store.sqlite import SqliteStore
from tests.unit.store.support import policy

async def main(path, number):
    store = SqliteStore(Path(path), clock=SystemClock())
    await store.open()
    while True:
        store.put(policy(f"d{number}.example", document="x" * (number % 5000)))
        print(number, time.monotonic(), flush=True)
        number += 1
        await asyncio.sleep(0.002)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def put_until_killed(path: Path, first: int, seconds: float) -> list[tuple[int, float]]:
    """Return what a process that was killed after `seconds` of putting said that it had put."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), str(first)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said: list[tuple[int, float]] = []
    for line in process.stdout:
        number, moment = line.split()
        said.append((int(number), float(moment)))
        if said[-1][1] - said[0][1] > seconds:
            process.kill()
            break
    # The last line may be cut short; whatever it says is younger than a second.
    process.communicate()
    return said


@pytest.mark.threat("store-killed")
@pytest.mark.row("C2")
def test_sigkill_costs_at_most_the_last_second(tmp_path: Path) -> None:
    path = tmp_path / "policies.sqlite"
    chance = random.Random(8461)  # noqa: S311 - when to kill is no secret
    durable: set[int] = set()
    first = 0
    for _ in range(ROUNDS):
        said = put_until_killed(path, first, seconds=chance.uniform(1.1, 2.0))
        died = said[-1][1]
        durable |= {number for number, moment in said if moment < died - 1}
        first = said[-1][0] + 100

        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = asyncio.run(contents_of(path))
        assert found.keys() >= {f"d{number}.example" for number in durable}
        for number in durable:
            domain = f"d{number}.example"
            assert found[domain] == policy(domain, document="x" * (number % 5000))
    assert len(durable) > ROUNDS
    assert sorted(file.name for file in tmp_path.iterdir()) == ["policies.sqlite"]
