"""A fresh Debian 13 on the lab's internet: its Postfix and its unbound as they are installed.

It is the booted system, which a cable is laid to. What the lab's internet has of its own is put
where a host has that of the real one: the root's key, and the authority that all trust.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .booted import BootedSystem
from .lab import Lab
from .namespace import ROOT
from .stream import LabError
from .terminal import shown
from .unbound import forwarder

PAGE = ROOT / "docs/doctor.md"

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAME = "mail.sender.example"
CABLE = ("to-host", "eth0")
ADDRESSES = ("203.0.113.129", "203.0.113.130")
NAME_SERVER = "192.0.2.253"

RESOLVER = f"""\
server:
  trust-anchor-file: /etc/unbound/lab.ds
forward-zone:
  name: "."
  forward-addr: {NAME_SERVER}
"""
THEIR_ANCHOR = "etc/unbound/unbound.conf.d/root-auto-trust-anchor-file.conf"
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"

# Its networks are those that documents use, which the daemon would not visit.
CONFIGURATION = """\
https: {allow_networks: [192.0.2.0/24, 198.51.100.0/24, "2001:db8::/32"]}
"""

POSTFIX = "etc/postfix"

OURS = ("mtasts-resolver.socket", "mtasts-resolver.service")
SERVICES = ("unbound.service", "postfix.service")

SHELL = ("env", "--chdir=/root")


class FreshHost:
    """Where somebody has installed the daemon, and types."""

    def __init__(self, system: BootedSystem) -> None:
        self._system = system

    def outcome(self, line: str) -> tuple[int, str]:
        """Return the status of a line for the shell, and what it wrote."""
        return self._system.outcome(*SHELL, f"PATH={PATH}", "sh", "-c", line)

    def happen(self, step: str) -> None:
        """Do what a comment of the page says."""
        {"installed": lambda: None, "mended": self._mend}[step]()

    def _mend(self) -> None:
        """Run the script that is printed, and nothing else."""
        code, said = self.outcome("mtasts-resolver doctor --fix >mend.sh; sh mend.sh")
        if code:
            raise LabError(f"the script of doctor ended with {code}: {said}")

    def spell(self, line: str) -> str:
        return line

    def type(self, line: str) -> str:
        """Return what a terminal shows of a command's output."""
        return shown(self._system.command(*SHELL, "sh", "-c", line), path=PATH)

    def mail_log(self) -> str:
        return self.outcome("journalctl --no-pager --output=cat --unit='postfix*.service'")[1]

    def send(self, recipient: str) -> str:
        """Send a mail, and return the line of the log that tells its end."""
        told = f"to=<{recipient}>"
        self.outcome(f"echo Hello | sendmail {recipient}")
        self._system.until(lambda: told in self.mail_log(), f"the end of the mail to {recipient}")
        return next(line for line in self.mail_log().splitlines() if told in line)


@contextmanager
def fresh_host(lab: Lab, system: BootedSystem) -> Iterator[FreshHost]:
    """Have the system on the lab's internet meanwhile; the daemon does not run yet."""
    root = system.root
    postfix = {file: file.read_bytes() for file in (root / POSTFIX).iterdir() if file.is_file()}
    with on_labs_internet(lab, system):
        try:
            (root / "etc/mtasts-resolver/config.yaml").write_text(CONFIGURATION)
            system.run("postconf", "-e", f"myhostname = {NAME}")
            system.run("systemctl", "start", *SERVICES)
            yield FreshHost(system)
        finally:
            system.run("systemctl", "stop", *SERVICES, *OURS)
            system.run("systemctl", "disable", *OURS)
            _restore(root / POSTFIX, postfix)


@contextmanager
def on_labs_internet(lab: Lab, system: BootedSystem) -> Iterator[None]:
    """Have a system with unbound on the lab's internet meanwhile, by a name; nothing is started."""
    root = system.root
    anchor = (root / THEIR_ANCHOR).read_text()
    authorities = (root / AUTHORITIES).read_text()
    with (
        TemporaryDirectory(dir=lab.directory) as place,
        forwarder(lab.namespace, Path(place, "dns"), lab.dns, NAME_SERVER),
        _cable(lab, system),
    ):
        try:
            (root / THEIR_ANCHOR).unlink()
            (root / "etc/unbound/lab.ds").write_text(lab.dns.trust_anchor)
            (root / "etc/unbound/unbound.conf.d/lab.conf").write_text(RESOLVER)
            (root / AUTHORITIES).write_text(authorities + lab.ca_file.read_text())
            (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
            system.run("hostname", NAME)
            yield
        finally:
            (root / THEIR_ANCHOR).write_text(anchor)
            (root / AUTHORITIES).write_text(authorities)


@contextmanager
def _cable(lab: Lab, system: BootedSystem) -> Iterator[None]:
    """Lay a cable from the lab's network to that of the system."""
    ours, its = CABLE
    our_address, its_address = ADDRESSES
    lab.namespace.lay_cable(ours, its, system.init)
    lab.namespace.run("ip", "address", "add", f"{our_address}/30", "dev", ours)
    lab.namespace.run("ip", "link", "set", ours, "up")
    system.run("ip", "address", "add", f"{its_address}/30", "dev", its)
    system.run("ip", "link", "set", its, "up")
    system.run("ip", "route", "add", "default", "via", our_address)
    try:
        yield
    finally:
        lab.namespace.run("ip", "link", "delete", ours)


def _restore(directory: Path, files: dict[Path, bytes]) -> None:
    """Have only these files in a directory, as they were; what lies deeper stays."""
    for file in directory.iterdir():
        if file.is_file() and file not in files:
            file.unlink()
    for file, content in files.items():
        file.write_bytes(content)
