"""unbound: the resolver everybody in the lab asks, and one of the daemon's own that may fail."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

from .namespace import Namespace
from .published import Dnssec
from .stream import Stream, end, text_stream, until
from .zones import Zone, Zones

COMMON = """\
server:
  interface: {address}
  access-control: 127.0.0.0/8 allow
  access-control: 192.0.2.0/24 allow
  access-control: 203.0.113.0/24 allow
  access-control: 172.28.84.0/24 allow
  chroot: ""
  username: ""
  directory: "{directory}"
  pidfile: "{directory}/unbound.pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  do-ip6: no
  do-not-query-localhost: no
  module-config: "{modules}"
  trust-anchor-file: "{anchor}"
  trust-anchor-signaling: no
  root-key-sentinel: no
  qname-minimisation: no
  val-bogus-ttl: 0
  # What a scenario changes is seen by the next query.
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: "{directory}/unbound.ctl"
"""

AUTHORITY = """\
auth-zone:
  name: "{origin}."
  zonefile: "{file}"
  for-downstream: no
  for-upstream: yes
  fallback-enabled: no
"""

FORWARD = """\
forward-zone:
  name: "."
  forward-addr: {address}
"""

# As BIND does with the root as a secondary zone: its own records have AA and no AD, all others are
# resolved. (An auth-zone of unbound's for downstream would answer everything with a referral.)
SERVING_ROOT = """\
server:
  local-zone: "." transparent
  local-data: ". 60 IN SOA ns.example. hostmaster.example. 1 3600 600 86400 60"
  local-zone: "arpa." transparent
  local-data: "arpa. 60 IN SOA ns.example. hostmaster.example. 1 3600 600 86400 60"
"""


VALIDATING = "validator iterator"
NOT_VALIDATING = "iterator"
"""unbound's modules: with and without DNSSEC."""


class Resolver:
    """One unbound."""

    def __init__(
        self,
        namespace: Namespace,
        directory: Path,
        address: str,
        anchor: str,
        sources: str,
        *,
        modules: str = VALIDATING,
    ) -> None:
        directory.mkdir()
        self.address = address
        self._namespace = namespace
        self._pid_file = directory / "unbound.pid"
        self._configuration = directory / "unbound.conf"
        anchor_file = directory / "root.ds"
        anchor_file.write_text(anchor)
        common = COMMON.format(
            address=address, directory=directory, anchor=anchor_file, modules=modules
        )
        self._configuration.write_text(common + sources)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: Stream[str] | None = None

    def start(self) -> None:
        """Start to answer."""
        self._process = self._namespace.start(
            "unbound", "-d", "-c", self._configuration, stdout=subprocess.PIPE
        )
        self._log = text_stream(f"unbound on {self.address}", self._process.stdout)
        self._log.wait(0, lambda line: "start of service" in line or None, "its start")

    def stop(self) -> None:
        """End; queries are refused by the kernel from then on."""
        if self._process is not None and self._log is not None:
            self._namespace.signal(self._pid_file, signal.SIGTERM)
            end(self._process)
            self._log.join()
            self._process = None

    def pause(self) -> None:
        """Leave every query without an answer."""
        if self._process is not None:
            self._namespace.signal(self._pid_file, signal.SIGSTOP)
            # nsenter(1) stops with its child, and takes it along when it goes on.
            stopped = os.WSTOPPED | os.WNOHANG
            pid = self._process.pid
            until(lambda: os.waitid(os.P_PID, pid, stopped) is not None, "unbound paused")

    def restore(self) -> None:
        """Answer again, whatever was done."""
        if self._process is None:
            self.start()
        else:
            self._process.send_signal(signal.SIGCONT)

    def control(self, *command: str) -> str:
        """Give a command of unbound-control(8), and return what it says."""
        return self._namespace.run("unbound-control", "-c", self._configuration, *command)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Dns(Resolver):
    """The lab's DNS: authority for every zone of the table, and a validating resolver for them."""

    def __init__(self, namespace: Namespace, directory: Path, certificates: Path) -> None:
        zones = Zones(certificates)
        files = directory / "zones"
        sources = [
            AUTHORITY.format(origin=zone.origin, file=files / zone.file_name) for zone in zones
        ]
        super().__init__(namespace, directory, "127.0.0.1", zones.trust_anchor, "".join(sources))
        files.mkdir()
        for zone in zones:
            zone.write(files)
        self._zones = zones
        self._files = files

    @property
    def trust_anchor(self) -> str:
        return self._zones.trust_anchor

    def publish(self, owner: str, kind: str, *data: str) -> None:
        """Replace what a name has of one type."""
        zone = self._zones.of(owner)
        zone.replace(owner, kind, *data)
        self._reload(zone)

    def set_broken(self, owner: str, *, broken: bool = True) -> None:
        """Make a name SERVFAIL, for its signatures are bogus; the rest of its zone stays well."""
        zone = self._zones.of(owner)
        zone.set_broken(owner, broken=broken)
        self._reload(zone)

    def set_dnssec(self, origin: str, dnssec: Dnssec) -> None:
        """Make a zone signed, unsigned or bogus, by what its parent says of it."""
        self._reload(self._zones.set_dnssec(origin, dnssec))

    def _reload(self, zone: Zone) -> None:
        zone.write(self._files)
        self.control("auth_zone_reload", f"{zone.origin}.")
        self.control("flush_zone", f"{zone.origin}.")


def forwarder(
    namespace: Namespace,
    directory: Path,
    dns: Dns,
    address: str,
    modules: str = VALIDATING,
    *,
    serves_root: bool = False,
) -> Resolver:
    """Return a resolver of its own at another address, which knows what `dns` knows."""
    forward = FORWARD.format(address=dns.address)
    if serves_root:
        forward = SERVING_ROOT + forward
    return Resolver(namespace, directory, address, dns.trust_anchor, forward, modules=modules)
