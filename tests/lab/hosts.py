"""The lab's SMTP and HTTPS hosts, as the test process sees and switches them."""

import subprocess
import sys
from pathlib import Path
from typing import Self

import msgspec

from .events import Change, Changed, Event, Fetch, Mail, Ready
from .internet import DOMAINS, PolicyHost
from .namespace import Namespace
from .stream import LabError, Stream, end


class Hosts:
    """The process inside the namespace that is all receivers and policy hosts."""

    def __init__(self, namespace: Namespace, certificates: Path) -> None:
        self._process = namespace.start(
            sys.executable,
            "-m",
            "tests.lab.servers",
            certificates,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if self._process.stdout is None or self._process.stdin is None:
            raise LabError("the hosts were started without pipes")
        self._orders = self._process.stdin
        decoder = msgspec.json.Decoder(Event)
        self.events: Stream[Event] = Stream("the hosts", self._process.stdout, decoder.decode)
        self.events.wait(0, lambda event: isinstance(event, Ready) or None, "their start")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.close()
        end(self._process)
        self.events.join()

    def change(self, domain: str, document: bytes, policy_host: PolicyHost) -> None:
        """Make the policy host of a domain do something else, and return when it does."""
        mark = self.events.mark()
        self._orders.write(msgspec.json.encode(Change(domain, document, policy_host)) + b"\n")
        self._orders.flush()
        done = Changed(domain)
        self.events.wait(mark, lambda event: event == done or None, f"the change of {domain}")

    def serve(self, domain: str, document: bytes) -> None:
        """Serve another document, in good order."""
        self.change(domain, document, PolicyHost())

    def take_down(self, domain: str) -> None:
        """Close port 443 of a policy host."""
        self.change(domain, b"", PolicyHost(up=False))

    def restore(self, name: str) -> None:
        """Do again as the table of the internet says."""
        domain = next(domain for domain in DOMAINS if domain.name == name)
        self.change(name, domain.document or b"", domain.policy_host)

    def mails(self, mark: int) -> list[Mail]:
        return [event for event in self.events.since(mark) if isinstance(event, Mail)]

    def fetches(self, mark: int) -> list[Fetch]:
        return [event for event in self.events.since(mark) if isinstance(event, Fetch)]
