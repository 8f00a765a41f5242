"""Configurations of Postfix, written for the real postconf(1) of this machine, or of a root."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mtasts_resolver.doctor.instance import PostfixInstance, numbers
from mtasts_resolver.doctor.reading import read_postfix

# The shortest main.cf that Postfix has nothing to say about. It names no network and no user.
BASE = """\
compatibility_level = {release}
myhostname = sender.example
mydomain = sender.example
queue_directory = {directory}/spool
data_directory = {directory}/data
"""

HAS_POSTFIX = shutil.which("postconf", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None


def release_here(postconf: str = "postconf") -> str:
    """Return the release of a Postfix, which speaks of every older level: `3.10`."""
    said = subprocess.run(
        [postconf, "-dh", "mail_version"], capture_output=True, text=True, check=True, timeout=60
    )
    return ".".join(re.findall(r"\d+", said.stdout)[:2])


IS_MODERN = HAS_POSTFIX and numbers(release_here()) >= (3, 10)
"""Whether this machine's Postfix knows what the map `tlsrpt` answers."""


def write_postfix(directory: Path, main_cf: str, master_cf: str = "", release: str = "") -> Path:
    """Write an instance below `directory`, and return its configuration directory.

    Its master.cf is Debian's own, with the lines `master_cf` at the end.
    """
    etc = directory / "etc"
    etc.mkdir(exist_ok=True, parents=True)
    (directory / "spool").mkdir(exist_ok=True)
    base = BASE.format(directory=directory, release=release or release_here())
    (etc / "main.cf").write_text(base + main_cf)
    proto = next(
        path
        for path in map(Path, ("/etc/postfix/master.cf.proto", "/etc/postfix/master.cf"))
        if path.exists()
    )
    (etc / "master.cf").write_text(proto.read_text() + master_cf)
    settle(etc)
    return etc


def settle(etc: Path) -> None:
    """Have Postfix trust files at once: it waits two seconds for one that was changed just now."""
    for file in etc.iterdir():
        os.utime(file, (0, 0))


def read_written(directory: Path, main_cf: str, master_cf: str = "") -> PostfixInstance:
    """Return what is read of an instance that consists of such lines."""
    return read_one(write_postfix(directory, main_cf, master_cf))


def read_one(etc: Path) -> PostfixInstance:
    """Return what is read of the instance of a configuration directory."""
    reading = read_postfix(etc)
    assert reading.unread == ()
    (instance,) = reading.instances
    return instance


def lines(parameters: Mapping[str, str]) -> str:
    """Return the lines of a main.cf."""
    return "".join(f"{name} = {value}\n" for name, value in parameters.items())
