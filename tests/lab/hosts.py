"""The lab's SMTP and HTTPS hosts, as the test process sees and switches them."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Self

import msgspec

from .events import Change, Changed, Event, Fetch, Mail, Order, Ready, TellAll, Told
from .namespace import Namespace
from .published import PolicyHost
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
        self._numbers = itertools.count(1)
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
        self._give(Change(domain, document, policy_host), Changed(domain))

    def serve(self, domain: str, document: bytes) -> None:
        """Serve another document, in good order."""
        self.change(domain, document, PolicyHost())

    def take_down(self, domain: str) -> None:
        """Close port 443 of a policy host."""
        self.change(domain, b"", PolicyHost(up=False))

    def since(self, mark: int) -> tuple[list[Mail], list[Fetch]]:
        """Return what all hosts saw after `mark`, up to now."""
        number = next(self._numbers)
        self._give(TellAll(number), Told(number))
        events = self.events.since(mark)
        mails = [event for event in events if isinstance(event, Mail)]
        return mails, [event for event in events if isinstance(event, Fetch)]

    def _give(self, order: Order, done: Event) -> None:
        mark = self.events.mark()
        self._orders.write(msgspec.json.encode(order) + b"\n")
        self._orders.flush()
        self.events.wait(mark, lambda event: event == done or None, str(done))
