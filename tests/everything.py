"""`python -m tests.everything ARGS`: pytest with these arguments; without any, all tests at once.

The lab and the tests of the whole program wait more than they compute, so the unit tests, which do
the reverse, go on beside them, and are told when both have ended.
"""

import subprocess
import sys
from tempfile import TemporaryFile

PYTEST = (sys.executable, "-m", "pytest")
UNIT = "tests/unit"
PACKAGES = "tests/packages"
"""What `make test-packages` runs: it builds for many minutes."""
BEHIND_OTHERS = ("nice", "-n", "2")
"""What waits for processes of its own comes first."""


def main(arguments: list[str]) -> int:
    if arguments:
        return subprocess.call([*PYTEST, *arguments])
    with TemporaryFile() as told:
        unit = subprocess.Popen(
            [*BEHIND_OTHERS, *PYTEST, UNIT], stdin=subprocess.DEVNULL, stdout=told, stderr=told
        )
        try:
            others = subprocess.call([*PYTEST, f"--ignore={UNIT}", f"--ignore={PACKAGES}"])
            units = unit.wait()
        finally:
            unit.terminate()
            unit.wait()
            told.seek(0)
            sys.stdout.write(told.read().decode(errors="replace"))
    return others or units


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
