"""Postfix's own client, which asks all the while: each look-up that fails is a mail that waits."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.lab.stream import LabError

from .packagehost import TABLE, PackageHost

PLACE = "/run/asking"
ANSWERS = 50
"""Of each who asks, that is taken for a sign of life."""
PATIENCE = 120.0  # seconds for what should have happened: Postfix waits 100 for a reply

# A connection for each look-up, as of a delivery that begins, with Postfix's times.
ANEW = """
cd "$1"
while [ ! -e enough ]; do
    while read -r key && [ ! -e enough ]; do
        postmap -q "$key" "$2" 2>&1 || echo "no answer: $?"
        sleep 0.02
    done <keys
done >anew."$3"
"""

# The same for domains of which nothing is known yet: they publish none, as the resolver says.
UNKNOWN = """
cd "$1"
number=0
while [ ! -e enough ]; do
    number=$((number + 1))
    postmap -q "new$number.example" "$2" 2>&1 || echo "no answer: $?"
    sleep 0.02
done >unknown
"""
NOT_FOUND = "no answer: 1"
"""Alone; where a look-up fails, postmap says why before it."""

# One connection that is kept, and made anew when it is closed, as of an smtp(8) with much to do.
# What was asked and answered is counted at the end, for it is written late.
KEPT = """
cd "$1"
while [ ! -e enough ]; do
    for part in parts/*; do
        [ ! -e enough ] || break
        cat "$part"
        sleep 0.05
    done
done | tee kept.asked | postmap -q - "$2" >kept 2>&1
"""


class Asking:
    """What those who ask were told."""

    def __init__(self, host: PackageHost, expected: str, anew: int) -> None:
        self._host = host
        self._expected = expected
        self._anew = [f"{PLACE}/anew.{number}" for number in range(anew)]

    def go_on(self) -> None:
        """Return when each who asks anew was told much, beginning now."""
        enough = [len(self._lines(file)) + ANSWERS for file in self._anew]
        deadline = time.monotonic() + PATIENCE
        while any(
            len(self._lines(file)) < count for file, count in zip(self._anew, enough, strict=True)
        ):
            if time.monotonic() > deadline:
                raise LabError(f"Postfix waits in vain: {self.failures()}")
            time.sleep(0.1)

    def failures(self) -> Counter[str]:
        """Return what they were told instead of the answer, and how often."""
        told = Counter(line for file in self._anew for line in self._lines(file))
        del told[self._expected]
        unknown = Counter(self._lines(f"{PLACE}/unknown"))
        del unknown[NOT_FOUND]
        return told + unknown

    def kept(self) -> tuple[int, Counter[str]]:
        """Return how often was asked over the kept connection, and what was told, at the end."""
        told = Counter(line.partition("\t")[2] or line for line in self._lines(f"{PLACE}/kept"))
        return len(self._lines(f"{PLACE}/kept.asked")), told

    def _lines(self, file: str) -> list[str]:
        path = self._host.path(file)
        return path.read_text().splitlines() if path.exists() else []


@contextmanager
def asking(
    host: PackageHost, keys: Sequence[str], expected: str, *, anew: int = 2, unknown: bool = True
) -> Iterator[Asking]:
    """Have Postfix's client ask for all `keys`, again and again, and be told `expected` each time.

    And for domains that are new, if `unknown`. Whatever else it was told is an error.
    """
    host.run(f"rm -rf {PLACE}; mkdir -p {PLACE}/parts")
    host.path(f"{PLACE}/keys").write_text("".join(f"{key}\n" for key in keys))
    host.run(f"split --lines=50 --suffix-length=5 {PLACE}/keys {PLACE}/parts/")
    processes = [
        host.system.start("sh", "-c", ANEW, "anew", PLACE, TABLE, str(number))
        for number in range(anew)
    ]
    processes.extend(
        host.system.start("sh", "-c", script, "ask", PLACE, TABLE)
        for script in ((KEPT, UNKNOWN) if unknown else (KEPT,))
    )
    told = Asking(host, expected, anew)
    try:
        told.go_on()
        yield told
        told.go_on()
    finally:
        host.path(f"{PLACE}/enough").touch()
        for process in processes:
            process.communicate(timeout=PATIENCE)
    assert told.failures() == Counter(), dict(told.failures())
    asked, answered = told.kept()
    assert answered == Counter({expected: asked})
