"""Asks a system over its network, from outside: all that is in there is replaced meanwhile."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from selectors import EVENT_READ, DefaultSelector

from mtasts_resolver.config import InetAddress
from mtasts_resolver.control.client import ControlError
from mtasts_resolver.control.lookupclient import look_up
from tests.lab.booted import BootedSystem
from tests.lab.namespace import ROOT, environment

from .asking import PATIENCE

DAEMON = InetAddress("127.0.0.1", 8461)
PAUSE = 0.02  # seconds between two look-ups
MANY = 50
"""Look-ups without which a test has seen nothing."""


@contextmanager
def asking_over_network(
    system: BootedSystem, keys: tuple[str, ...], expected: str
) -> Iterator[None]:
    """Ask for all `keys`, again and again, a connection each; another answer is an error."""
    in_its_network = ("nsenter", f"--target={system.init}", "--net", "--")
    with subprocess.Popen(
        [*in_its_network, sys.executable, "-m", __name__, *keys],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        try:
            yield
        finally:
            said, _ = process.communicate(timeout=PATIENCE)
    told = Counter(json.loads(said))
    asked = told.pop(f"OK {expected}", 0)
    assert told == Counter(), dict(told)
    assert asked > MANY


def main() -> None:
    """Ask until standard input is closed, and tell how often each answer came."""
    told: Counter[str] = Counter()
    with DefaultSelector() as closed:
        closed.register(sys.stdin, EVENT_READ)
        for key in cycle(sys.argv[1:]):
            if closed.select(PAUSE):
                break
            try:
                told[str(look_up(DAEMON, "default", key))] += 1
            except ControlError as error:
                told[str(error)] += 1
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
