"""Debian 13's postconf(1), run from outside: what `doctor` reads of Postfix 3.10."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mtasts_resolver.doctor.instance import PostfixInstance
from mtasts_resolver.doctor.reading import read_postfix
from tests.system.postfixes import lines, settle, write_postfix

PROGRAMS = ("postconf", "postmap")
WRAPPER = '#!/bin/sh\nexec {chroot} {root} /usr/sbin/{program} "$@"\n'


@dataclass
class ModernPostfix:
    """Writes and reads instances. Without a root the machine itself is a Debian 13."""

    root: Path | None
    directory: Path
    """Where they are, in there."""
    path: str
    """Of its programs, as in PATH."""

    def read(self, parameters: Mapping[str, str], master_cf: str = "") -> PostfixInstance:
        """Return what is read of an instance with such a main.cf."""
        return self.read_text(lines(parameters), master_cf)

    def read_text(self, main_cf: str, master_cf: str = "") -> PostfixInstance:
        outside = (
            self.directory if self.root is None else self.root / self.directory.relative_to("/")
        )
        etc = write_postfix(outside, main_cf, master_cf, "3.10")
        text = (etc / "main.cf").read_text()
        (etc / "main.cf").write_text(text.replace(str(outside), str(self.directory)))
        settle(etc)
        reading = read_postfix(self.directory / "etc", environ={"PATH": self.path})
        assert reading.unread == ()
        (instance,) = reading.instances
        assert instance.version >= (3, 10, 5)
        return instance


@contextmanager
def modern_postfix(root: Path | None, directory: Path) -> Iterator[ModernPostfix]:
    """Have the programs of a root run as though they were this machine's; `directory` is empty."""
    if root is None:
        yield ModernPostfix(None, directory, os.environ["PATH"])
        return
    chroot = shutil.which("chroot", path="/usr/sbin:/usr/bin")
    for program in PROGRAMS:
        file = directory / program
        file.write_text(WRAPPER.format(chroot=chroot, root=root, program=program))
        file.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
        yield ModernPostfix(root, directory, str(directory))
    shutil.rmtree(root / directory.relative_to("/"), ignore_errors=True)
