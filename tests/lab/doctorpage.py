"""`python -m tests.lab.doctorpage`: write docs/doctor.md anew, typed in a booted Debian 13."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import debian13
from .booted import BootedSystem
from .doctored import COMMAND, Doctor, as_installed, resolver
from .namespace import ROOT, missing
from .sessions import rewrite
from .stream import LabError
from .terminal import shown

PAGE = ROOT / "docs" / "doctor.md"
_SHELL = ("env", "--chdir=/", "sh", "-c")
_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Owner:
    """Who has set the system up, and types what the page says."""

    def __init__(self, doctor: Doctor) -> None:
        self._system = doctor.system

    def happen(self, step: str) -> None:
        """Do what a comment of the page says."""
        match step:
            case "installed":
                self._system.run("systemctl", "start", "postfix")
            case "mended":
                script = self._system.outcome(COMMAND, "doctor", "--fix")[1]
                self._system.run(*_SHELL, script)
            case _:
                raise LabError(f"the page has a step {step} that nobody knows")

    def spell(self, line: str) -> str:
        return line

    def type(self, line: str) -> str:
        """Return what a terminal shows of a command's output."""
        command = self._system.command(*_SHELL, line)
        return shown(command, path=_PATH)


@contextmanager
def owner_of(system: BootedSystem) -> Iterator[Owner]:
    """Have the system as the page takes it up: with Postfix and a resolver that validates."""
    with as_installed(system) as doctor, resolver(doctor):
        yield Owner(doctor)


def main() -> None:
    if reason := missing() or debian13.missing():
        sys.exit(f"The page cannot be written: {reason}.")
    tarball = debian13.tarball(lambda what: print(what, file=sys.stderr))  # noqa: T201  progress
    with tempfile.TemporaryDirectory() as place:
        try:
            with BootedSystem(Path(place), tarball) as system, owner_of(system) as owner:
                text = rewrite(PAGE.read_text("utf-8"), owner)
        except LabError as error:
            sys.exit(f"The lab does not work: {error}")
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
