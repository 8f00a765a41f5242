"""mtasts-resolver itself: started, asked, stopped and killed as a service manager does."""

import os
import pwd
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from .namespace import Namespace
from .postfix import SOCKETMAP, TCP_TABLE
from .stream import PATIENCE, LabError, Stream, end, text_stream

USER = "nobody"
"""Whom the daemon becomes, as it should where root starts it."""

DNS_TIMEOUT = 6.0
HTTPS_TIMEOUT = 8.0
"""Seconds; a handful of scenarios run into them. All others must not, on a host that is busy."""

PROMISED_ON_DISK = 1.0
"""Seconds after which a policy that was answered from survives a kill -9."""

UCRED = struct.Struct("3i")
"""unix(7): the process, user and group that a datagram came from."""


class Daemon:
    """One `mtasts-resolver serve` after another, on the same configuration and store."""

    def __init__(
        self, namespace: Namespace, directory: Path, ca_file: Path, unix_socket: Path
    ) -> None:
        directory.mkdir()
        self._namespace = namespace
        self._ca_file = ca_file
        self._unix_socket = unix_socket
        self._store = directory / "store"
        self._store.mkdir()
        user = pwd.getpwnam(USER)
        os.chown(self._store, user.pw_uid, user.pw_gid)
        self.history = self._store / "policies.sqlite-history"
        self.control = directory / "control.sock"
        self.settings: dict[str, object] = {}
        """Those besides what the lab needs."""
        self.maps: dict[str, object] = {"strict": {"testing": "enforce"}, "only": {"dane": "only"}}
        self.configuration = directory / "config.yaml"
        self._notify_path = directory / "notify"
        self._notify: socket.socket
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._name_servers: Sequence[str] = ()
        self._dnssec = "auto"
        self._log: Stream[str] | None = None

    @property
    def log(self) -> Stream[str]:
        """What the running daemon has logged, or the last one."""
        if self._log is None:
            raise LabError("the daemon was never started")
        return self._log

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self, name_servers: Sequence[str] = (), dnssec: str = "auto") -> None:
        """Start, and return when the daemon says that it is ready.

        Without `name_servers` it asks those of /etc/resolv.conf.
        """
        self._name_servers = name_servers
        self._dnssec = dnssec
        self.configuration.write_text(yaml.safe_dump(self._settings()))
        self._notify_path.unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(self._notify_path))
        self._notify_path.chmod(0o666)
        self._notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._process = self._namespace.start(
            *("setpriv", "--pdeathsig", "KILL", "--"),
            *(sys.executable, "-m", "mtasts_resolver", "serve"),
            *("--config", self.configuration),
            stdout=subprocess.PIPE,
            env={"NOTIFY_SOCKET": str(self._notify_path)},
        )
        self._log = text_stream("the daemon", self._process.stdout)
        self._pid = self._await_ready(self._process.pid)

    def reload(self) -> None:
        """Have the running daemon take the settings that there are now."""
        self.configuration.write_text(yaml.safe_dump(self._settings()))
        mark = self.log.mark()
        os.kill(self._pid, signal.SIGHUP)
        self.log.wait(mark, lambda line: "configuration-re" in line or None, "the reload")

    def restart(self) -> None:
        """Stop, and start as before."""
        self.stop()
        self.start(self._name_servers, self._dnssec)

    def stop(self) -> None:
        """Ask the daemon to end, and see that it ends well."""
        status = self._end(signal.SIGTERM)
        if status not in {0, None}:
            raise LabError(f"the daemon ended with {status}:\n" + "\n".join(self.log.since(0)))

    def crash(self) -> None:
        """End the daemon at once, and start it as before."""
        self._end(signal.SIGKILL)
        self.start(self._name_servers, self._dnssec)

    def forget(self) -> None:
        """Empty the store; the daemon must not be running."""
        for file in self._store.iterdir():
            file.unlink()

    def ask(self, key: str, table: str = "default") -> str:
        """Return the reply to a socketmap request, as it comes over the unix socket."""
        request = f"{table} {key}".encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(self._unix_socket))
            connection.sendall(b"%d:%b," % (len(request), request))
            with connection.makefile("rb") as replies:
                length = b"".join(iter(lambda: replies.read(1), b":"))
                return replies.read(int(length)).decode()

    def command(self, *arguments: str) -> str:
        """Return what a command of mtasts-resolver prints, on this daemon's configuration."""
        return self._namespace.run(*self.command_line(*arguments), check=False)

    def command_line(self, command: str, *arguments: str) -> list[str]:
        """Return the command line of a command of mtasts-resolver, with this configuration."""
        argv = [sys.executable, "-m", "mtasts_resolver", command, *arguments]
        return [*argv, "--config", str(self.configuration)]

    def _settings(self) -> dict[str, object]:
        return {
            "listen": [
                {"protocol": "socketmap", "address": SOCKETMAP},
                {"protocol": "tcp_table", "address": f"inet:{TCP_TABLE}"},
                {
                    "protocol": "socketmap",
                    "address": f"unix:{self._unix_socket}",
                    "mode": "0660",
                    "group": "postfix",
                },
            ],
            "maps": self.maps,
            "dns": {
                "servers": list(self._name_servers),
                "timeout": f"{DNS_TIMEOUT:g}s",
                "dnssec": self._dnssec,
            },
            "https": {
                "timeout": f"{HTTPS_TIMEOUT:g}s",
                "ca_file": str(self._ca_file),
                "allow_networks": ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"],
            },
            "store": {"url": f"sqlite://{self._store}/policies.sqlite"},
            "control": {"socket": str(self.control)},
            "user": USER,
            **self.settings,
        }

    def _await_ready(self, nsenter: int) -> int:
        """Return the id of the process that says READY=1, as the kernel attests it."""
        notified, exited = self._notify.fileno(), os.pidfd_open(nsenter)
        try:
            while select.select([notified, exited], [], [], PATIENCE)[0] == [notified]:
                message, controls, _, _ = self._notify.recvmsg(4096, socket.CMSG_SPACE(UCRED.size))
                if b"READY=1" in message.split(b"\n"):
                    pid: int = UCRED.unpack(controls[0][2])[0]
                    return pid
        finally:
            os.close(exited)
        raise LabError("the daemon did not become ready:\n" + "\n".join(self.log.since(0)))

    def _end(self, number: signal.Signals) -> int | None:
        if self._process is None:
            return None
        os.kill(self._pid, number)
        status = end(self._process)
        self.log.join()
        self._notify.close()
        self._process = None
        return status
