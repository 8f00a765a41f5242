"""A booted Debian 13 that `doctor` looks over, with a resolver of its own."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .booted import PROGRAM, BootedSystem
from .unbound import VALIDATING
from .zones import Zone

SERVICE, SOCKET = "mtasts-resolver.service", "mtasts-resolver.socket"
COMMAND = PROGRAM / "bin/mtasts-resolver"
CONFIG = "etc/mtasts-resolver/config.yaml"
STATE = "var/lib/private/mtasts-resolver"
# The resolver of the booted system has a root zone of its own, and no other.
UNBOUND = """\
server:
    interface: 127.0.0.1
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    module-config: "{modules}"
    trust-anchor: "{anchor}"
    trust-anchor-signaling: no
auth-zone:
    name: "."
    zonefile: "{file}"
    for-downstream: no
    for-upstream: yes
    fallback-enabled: no
"""


class Doctor:
    """The booted system, and what `doctor` says of it."""

    def __init__(self, system: BootedSystem) -> None:
        self.system = system

    def report(self, *options: str, by: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return what is printed as JSON; `by` is the command that runs it."""
        code, wrote = self.system.outcome(*by, COMMAND, "doctor", "--json", *options)
        told: dict[str, Any] = json.loads(wrote)
        assert told["exit_code"] == code
        return told

    def findings(self, *options: str, by: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
        """Return what is found by its code; of two the last."""
        return {
            finding["code"]: finding
            for section in self.report(*options, by=by)["sections"]
            for finding in section["findings"]
        }

    def mend(self, finding: dict[str, Any]) -> None:
        """Type the lines of a finding."""
        assert finding["commands"]
        for line in finding["commands"]:
            self.system.run("sh", "-euc", line)

    def path(self, name: str) -> Path:
        return self.system.root / name.lstrip("/")


@contextmanager
def as_installed(system: BootedSystem) -> Iterator[Doctor]:
    """Have the system with Postfix as its package has set it up, and nothing started.

    It is left so: others come after.
    """
    doctor = Doctor(system)
    etc, resolv_conf = doctor.path("etc/postfix"), doctor.path("etc/resolv.conf")
    shutil.rmtree(doctor.path(STATE), ignore_errors=True)
    asked = resolv_conf.read_text()
    with TemporaryDirectory() as place:
        kept = Path(place, "postfix")
        shutil.copytree(etc, kept, symlinks=True)
        try:
            yield doctor
        finally:
            system.run("systemctl", "stop", SOCKET, SERVICE, "postfix")
            system.run("systemctl", "disable", SOCKET, SERVICE)
            system.run("systemctl", "reset-failed")
            shutil.rmtree(etc)
            shutil.copytree(kept, etc, symlinks=True)
            resolv_conf.write_text(asked)
            doctor.path(CONFIG).unlink(missing_ok=True)


@contextmanager
def resolver(
    doctor: Doctor, *records: tuple[str, str, str], modules: str = VALIDATING
) -> Iterator[None]:
    """Have a resolver on the system, which knows `records`: owner, type and data."""
    zone = Zone("")
    for record in records:
        zone.put(*record)
    directory = doctor.path("srv")
    zone.write(directory)
    settings = {"modules": modules, "anchor": f". IN DS {zone.ds[0]}"}
    text = UNBOUND.format(file=f"/srv/{zone.file_name}", **settings)
    (directory / "unbound.conf").write_text(text)
    doctor.path("etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    process = doctor.system.start("unbound", "-d", "-c", "/srv/unbound.conf")
    listens = ("ss", "--no-header", "--listening", "--udp", "--numeric", "sport", "=", "53")
    try:
        doctor.system.until(lambda: doctor.system.run(*listens) != "", "unbound to listen")
        yield
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
