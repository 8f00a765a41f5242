"""A Postfix beside the lab's, each of whose services has a fault of its own."""

import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mtasts_resolver.doctor.instance import PostfixInstance
from mtasts_resolver.doctor.reading import read_postfix

from .lab import Lab
from .pki import unknown_ca_file
from .postfix import Postfix

CHROOTED = "chroot"
"""No parameter: the service runs in the queue directory."""

# No service here is meant to be chrooted by default.
_SERVICE = "{name} unix - - {chroot} - - smtp -o syslog_name=postfix/{name}\n"
_BY_SENDER = re.compile(r"^sender_dependent_default_transport_maps = .*$", re.MULTILINE)


def sender_of(name: str) -> str:
    """Return the envelope sender whose mail goes by a service."""
    return f"{name}@sender.example"


class FaultyPostfix(Postfix):
    """A running Postfix whose mail goes by the service that its sender names."""

    def __init__(
        self, lab: Lab, directory: Path, services: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._services = services
        self._lab_directory = lab.directory
        self._policy_socket = lab.postfix.unix_socket
        super().__init__(lab.namespace, directory, lab.ca_file)

    def read(self) -> PostfixInstance:
        """Return what `doctor` reads of it: in the namespace, which has its addresses."""
        programs = self.etc.parent / "bin"
        programs.mkdir()
        postconf = programs / "postconf"
        command = self._namespace.command(["/usr/sbin/postconf"])
        postconf.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        postconf.chmod(0o755)
        reading = read_postfix(self.etc, environ={"PATH": str(programs)})
        assert reading.unread == ()
        (instance,) = reading.instances
        return instance

    def post(self, to: str, name: str) -> None:
        """Send a mail by a service to somebody of its name."""
        argv = ("sendmail", "-C", self.etc, "-f", sender_of(name), f"{name}@{to}")
        self._run(*argv, given=b"Subject: The lab\n\nHello.\n")

    def fate(self, name: str) -> tuple[str, list[str]]:
        """Return the status of the mail that went by a service, and all that the service logged."""
        status = self.log.wait(
            0,
            lambda line: re.search(rf"to=<{name}@.* status=(\w+)", line),
            f"the status of a mail by {name}",
        )
        return status[1], [line for line in self.log.since(0) if f"postfix/{name}/smtp" in line]

    def _write_configuration(self, directory: Path, ca_file: Path) -> None:
        super()._write_configuration(directory, ca_file)
        certificates = self._lab_directory / "certificates"
        hashed = directory / "hashed"
        hashed.mkdir()
        (hashed / "ca.pem").write_bytes(ca_file.read_bytes())
        subprocess.run(["openssl", "rehash", hashed], check=True, timeout=60)
        places = {
            "@hashed@": hashed,
            "@other_ca@": unknown_ca_file(certificates),
            "@socket@": self._policy_socket,
        }
        main, master = self.etc / "main.cf", self.etc / "master.cf"
        by_sender = " ".join(f"{{ {sender_of(name)} = {name}: }}" for name in self._services)
        choice = f"sender_dependent_default_transport_maps = inline:{{ {by_sender} }}"
        main.write_text(_BY_SENDER.sub(choice, main.read_text()))
        lines = []
        for name, parameters in self._services.items():
            lines.append(_SERVICE.format(name=name, chroot="ny"[CHROOTED in parameters]))
            lines += [
                f"  -o {{ {parameter} = {value} }}\n"
                for parameter, value in parameters.items()
                if parameter != CHROOTED
            ]
        text = "".join(lines)
        for mark, place in places.items():
            text = text.replace(mark, str(place))
        master.write_text(master.read_text() + text)
