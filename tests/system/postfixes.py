"""Configurations of Postfix, written for the real postconf(1) of this machine."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from mtasts_resolver.doctor.instance import PostfixInstance
from mtasts_resolver.doctor.reading import read_postfix

# The shortest main.cf that Postfix has nothing to say about. It names no network and no user.
BASE = """\
compatibility_level = {release}
myhostname = sender.example
mydomain = sender.example
queue_directory = {directory}/spool
data_directory = {directory}/data
"""


def release_here() -> str:
    """Return the release of this machine's Postfix, which speaks of every older level: `3.10`."""
    said = subprocess.run(
        ["postconf", "-dh", "mail_version"], capture_output=True, text=True, check=True, timeout=60
    )
    return ".".join(re.findall(r"\d+", said.stdout)[:2])


def write_postfix(directory: Path, main_cf: str, master_cf: str = "") -> Path:
    """Write an instance below `directory`, and return its configuration directory.

    Its master.cf is Debian's own, with the lines `master_cf` at the end.
    """
    etc = directory / "etc"
    etc.mkdir(exist_ok=True)
    (directory / "spool").mkdir(exist_ok=True)
    base = BASE.format(directory=directory, release=release_here())
    (etc / "main.cf").write_text(base + main_cf)
    proto = next(
        path
        for path in map(Path, ("/etc/postfix/master.cf.proto", "/etc/postfix/master.cf"))
        if path.exists()
    )
    (etc / "master.cf").write_text(proto.read_text() + master_cf)
    for file in etc.iterdir():  # Postfix waits two seconds before it trusts one changed just now
        os.utime(file, (0, 0))
    return etc


def read_written(directory: Path, main_cf: str, master_cf: str = "") -> PostfixInstance:
    """Return what is read of an instance that consists of such lines."""
    reading = read_postfix(write_postfix(directory, main_cf, master_cf))
    assert reading.unread == ()
    (instance,) = reading.instances
    return instance


HAS_POSTFIX = shutil.which("postconf", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None
