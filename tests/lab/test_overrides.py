"""Overrides, as a real Postfix obeys them; the texts that it reads, and those that it does not."""

import json
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mtasts_resolver.base.timestamps import timestamp
from tests.policytexts import ACCEPTED, NEWER, REFUSED

from .danehosts import TLSA_FAILS
from .ends import ENFORCES_WRONG, NOTFOUND
from .internet import GOOD, WRONG_NAME
from .lab import Lab
from .postfix import Delivery, Postfix, Sender

pytestmark = pytest.mark.lab

WELL = "enforced.example"
"""Its MX host has a good certificate."""
UNCERTAIN = "tlsa-fails-enforced.example"
"""Whether DANE applies cannot be found out, so that the policy must not be enforced either."""
HELD = "wrong-name.example"
"""Its policy holds its mail: the MX host's certificate has another name."""


class TextServer(socketserver.ThreadingUnixStreamServer):
    """A socketmap server that has one answer to everything."""

    daemon_threads = True
    text = ""


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, TextServer)
        while length := b"".join(iter(lambda: self.rfile.read(1).strip(b":"), b"")):
            self.rfile.read(int(length) + 1)
            reply = f"OK {self.server.text}".encode()
            self.wfile.write(b"%d:%b," % (len(reply), reply))


@contextmanager
def text_server(postfix: Postfix) -> Iterator[TextServer]:
    postfix.text_socket.unlink(missing_ok=True)
    with TextServer(str(postfix.text_socket), _Conversation) as server:
        postfix.text_socket.chmod(0o666)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()


@pytest.fixture(scope="module")
def texts(lab: Lab) -> Iterator[TextServer]:
    """Return a server that is there for all tests: smtp(8) keeps its connection to it."""
    with text_server(lab.postfix) as server:
        yield server


@pytest.fixture(scope="module")
def modern_texts(modern: Lab) -> Iterator[TextServer]:
    with text_server(modern.postfix) as server:
        yield server


def complaints(delivery: Delivery) -> list[str]:
    """Return what Postfix says of a policy that it cannot read, or not use."""
    words = ("smtp_tls_policy_maps", "client TLS configuration problem", "invalid", "malformed")
    return [line for line in delivery.log if any(word in line for word in words)]


def read_all(lab: Lab, server: TextServer) -> None:
    for text in ACCEPTED:
        if lab.postfix.version >= NEWER.get(text, ()):
            server.text = text
            delivery = lab.postfix.send(WELL, Sender.ANY_TEXT)
            assert complaints(delivery) == [], text


def test_postfix_reads_each_text_that_is_accepted(steady_lab: Lab, texts: TextServer) -> None:
    read_all(steady_lab, texts)


def test_a_later_postfix_reads_them_too(modern_lab: Lab, modern_texts: TextServer) -> None:
    read_all(modern_lab, modern_texts)


def test_postfix_holds_the_mail_for_each_text_that_is_refused(
    steady_lab: Lab, texts: TextServer
) -> None:
    for text in REFUSED:
        texts.text = text
        delivery = steady_lab.postfix.send(WELL, Sender.ANY_TEXT)
        assert delivery.status == "deferred", (text, delivery.log)
        assert complaints(delivery) or "TLS" in delivery.verdict, (text, delivery.log)


def override(lab: Lab, *arguments: str) -> str:
    """Return what the command `override` prints."""
    argv = [sys.executable, "-m", "mtasts_resolver", "override", *arguments]
    options = ["--config", str(lab.daemon.configuration)]
    return lab.namespace.run(*argv, *options, check=False)


def test_skip_lets_mail_pass_that_the_policy_holds_until_it_is_removed(steady_lab: Lab) -> None:
    postfix = steady_lab.postfix
    assert postfix.send(HELD).status == "deferred"
    shown = override(steady_lab, "add", HELD, "skip", "--reason", "their certificate")
    assert shown.startswith("before\tno override\nnow\tskip\nnow\treason: their certificate\n")
    passed = postfix.send(HELD)
    assert passed.status == "sent"
    assert passed.said(f"rusted TLS connection established to {WRONG_NAME.name}")
    override(steady_lab, "remove", HELD)
    assert postfix.send(HELD).status == "deferred"


def test_a_fixed_policy_verifies_where_nothing_is_published(steady_lab: Lab) -> None:
    postfix = steady_lab.postfix
    override(
        steady_lab,
        *("add", "no-record.example", "--reason", "agreed with them"),
        *("--policy", f"secure match={GOOD.name}"),
    )
    try:
        assert steady_lab.daemon.ask("no-record.example") == f"OK secure match={GOOD.name}"
        held = postfix.send("no-record.example")
        assert held.said("server certificate verification failed")
    finally:
        override(steady_lab, "remove", "no-record.example")
    assert postfix.send("no-record.example").status == "sent"


def test_when_an_override_lapses_the_policy_is_in_force_again(steady_lab: Lab) -> None:
    ends = int(time.time()) + 4
    options = ("--reason", "for a moment", "--until", timestamp(ends))
    override(steady_lab, "add", HELD, "skip", *options)
    assert steady_lab.postfix.send(HELD).status == "sent"
    assert time.time() < ends
    steady_lab.daemon.log.wait(0, lambda line: "override-lapsed" in line or None, "its end")
    assert steady_lab.postfix.send(HELD).status == "deferred"
    assert json.loads(override(steady_lab, "list", "--json"))["overrides"][0]["state"] == "lapsed"
    override(steady_lab, "remove", HELD)


def test_a_smart_host_is_named_as_postfix_asks_for_it(steady_lab: Lab) -> None:
    postfix = steady_lab.postfix
    assert postfix.send("anywhere.example", Sender.BAD_RELAY).status == "deferred"
    override(steady_lab, "add", "[bad-relay.example]", "skip", "--reason", "our own")
    try:
        assert postfix.send("anywhere.example", Sender.BAD_RELAY).status == "sent"
    finally:
        override(steady_lab, "remove", "[bad-relay.example]")


def test_while_a_map_observes_mail_goes_out_that_its_policy_or_a_failure_would_hold(
    steady_lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    postfix, daemon = steady_lab.postfix, steady_lab.daemon
    deferred = f"TEMP DANE may apply before MTA-STS, but its look-up failed: host {TLSA_FAILS.name}"
    monkeypatch.setattr(daemon, "settings", {"answer": "observe"})
    daemon.reload()
    try:
        for domain, would_be in ((HELD, ENFORCES_WRONG), (UNCERTAIN, deferred)):
            assert daemon.ask(domain) == NOTFOUND
            assert postfix.send(domain).said("rusted TLS connection established to")
            asked = json.loads(daemon.command("query", domain, "--json"))
            assert asked["would_be"].startswith(would_be.rstrip())
    finally:
        daemon.settings = {}
        daemon.reload()
    assert postfix.send(HELD).status == "deferred"
    assert daemon.ask(UNCERTAIN).startswith(deferred)
