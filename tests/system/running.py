"""The real daemon, run as a service manager runs it."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.base.overload import TOO_BUSY
from mtasts_resolver.cli.socketmap_client import ask
from mtasts_resolver.config import parse_address
from mtasts_resolver.postfix.reply import Reply
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.sqlite import SqliteStore

PATIENCE = 60.0  # seconds until something that should have happened is a failure

SERVE = (sys.executable, "-m", "mtasts_resolver", "serve", "--config")

ENFORCED = "version: STSv1\nmode: enforce\nmx: mx.good.example\nmax_age: 604800\n"


class RunningDaemon:
    """`mtasts-resolver serve` with a configuration in `directory`, and its notify socket."""

    def __init__(self, directory: Path, port: int, environ: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.port = port
        self.address = f"inet:127.0.0.1:{port}"
        self.config_file = directory / "config.yaml"
        self.control = directory / "control.sock"
        self.log_file = directory / "log"
        self.store_file = directory / "state" / "policies.sqlite"
        self._environ = environ or {}
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(directory / "notify"))
        (directory / "notify").chmod(0o666)
        self.too_busy = 0
        self._status = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.configure()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._notify.close()

    def configure(self, **settings: object) -> None:
        """Write a configuration; DNS is asked of a port where nobody answers."""
        base: dict[str, object] = {
            "listen": [{"protocol": "socketmap", "address": self.address}],
            "dns": {"servers": ["127.0.0.1:1"], "timeout": "1s", "dnssec": "off"},
            "store": {"url": f"sqlite://{self.store_file}"},
            "control": {"socket": str(self.control)},
            "http": {"address": ""},
        }
        self.config_file.write_text(yaml.safe_dump(base | settings))

    async def store(self, documents: dict[str, str]) -> None:
        """Put policies into the store, as though they had just been fetched."""
        self.store_file.parent.mkdir(exist_ok=True)
        store = SqliteStore(self.store_file, clock=SystemClock())
        await store.open()
        for domain, document in documents.items():
            store.put(StoredPolicy(domain, "1", document, time.time(), time.time()))
        await store.flush()
        await store.close()

    def start(
        self, *, ready: bool = True, command: Iterable[str] = (), serve: Iterable[str] = SERVE
    ) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *serve, str(self.config_file)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=os.environ | {"NOTIFY_SOCKET": str(self.directory / "notify")} | self._environ,
            )
        if ready:
            self.notified("READY=1")

    def notified(self, message: str) -> None:
        """Return when the daemon has sent `message`."""
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._notify], [], [], min(left, 0.5))[0]:
                heard = self._notify.recv(4_096).decode().split("\n")
                self._status = next((x for x in heard if x.startswith("STATUS=")), self._status)
                if message in heard:
                    return
            elif self._process is None or self._process.poll() is not None:
                break
        raise AssertionError(f"no {message} came:\n{self.log}")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Return the exit status of the daemon."""
        assert self._process is not None
        return self._process.wait(patience)

    def status(self) -> str:
        """Return the last status that was heard before what was waited for."""
        return self._status

    def has_status(self, *texts: str) -> None:
        """Return when the daemon has told a status that has all of `texts` in it."""
        deadline = time.monotonic() + PATIENCE
        while not all(text in self._status for text in texts):
            left = deadline - time.monotonic()
            assert left > 0, f"{texts} not in the status: {self._status}\n{self.log}"
            if select.select([self._notify], [], [], left)[0]:
                heard = self._notify.recv(4_096).decode().split("\n")
                self._status = next((x for x in heard if x.startswith("STATUS=")), self._status)

    def says(self, text: str) -> None:
        """Return when the log has `text` in it."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.log:
            assert time.monotonic() < deadline, f"{text} not in the log:\n{self.log}"
            time.sleep(0.05)

    def drain(self) -> None:
        """Drop the notifications that have come."""
        while self.has_news(within=0):
            self._notify.recv(4_096)

    def has_news(self, *, within: float) -> bool:
        """Tell whether a notification comes within that many seconds."""
        return bool(select.select([self._notify], [], [], within)[0])

    def uids(self) -> set[int]:
        """Return the user ids of both processes: real, effective, saved, file system."""
        found: set[int] = set()
        for pid in (self.pid, self.discoverer):
            status = Path(f"/proc/{pid}/status").read_text().splitlines()
            line = next(line for line in status if line.startswith("Uid:"))
            found.update(map(int, line.split()[1:]))
        return found

    @property
    def most_resident(self) -> int:
        """The most bytes that both processes together may have had resident."""
        found = 0
        for pid in (self.pid, self.discoverer):
            status = Path(f"/proc/{pid}/status").read_text().splitlines()
            line = next(line for line in status if line.startswith("VmHWM:"))
            found += int(line.split()[1]) * 1_024
        return found

    def store_owner(self) -> int:
        return self.store_file.stat().st_uid

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def discoverer(self) -> int | None:
        """The process id of the discoverer, if there is one."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0]) if children else None

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def ask(self, key: str, map_name: str = "default") -> Reply:
        """Look up; again where this host was too busy, which `too_busy` counts."""
        deadline = time.monotonic() + PATIENCE
        while True:
            reply = ask(parse_address(self.address), map_name, key)
            if TOO_BUSY not in reply.text or time.monotonic() >= deadline:
                return reply
            self.too_busy += 1
