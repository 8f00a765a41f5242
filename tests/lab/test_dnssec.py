"""Whose word on DNSSEC the daemon believes, and what it does without one: row D7."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .danehosts import TLSA_RIGHT, TLSA_WRONG
from .ends import DANE_ONLY, NOTFOUND, secure
from .lab import Lab
from .unbound import NOT_VALIDATING, Resolver, forwarder

pytestmark = [pytest.mark.lab, pytest.mark.row("D7")]

LOCAL = "127.0.0.3"
REMOTE = "192.0.2.53"
PROBED = ("dnssec-validated", "dnssec-unavailable")


@pytest.fixture
def plain_resolver(lab: Lab, tmp_path: Path) -> Iterator[Resolver]:
    """Run a resolver on loopback that does not validate."""
    directory = tmp_path / "dns"
    with forwarder(lab.namespace, directory, lab.dns, LOCAL, NOT_VALIDATING) as resolver:
        yield resolver


@pytest.fixture
def root_server(lab: Lab, tmp_path: Path) -> Iterator[Resolver]:
    """Run a resolver that validates, and serves the root itself from a copy (RFC 8806)."""
    with forwarder(lab.namespace, tmp_path / "dns", lab.dns, LOCAL, serves_root=True) as resolver:
        yield resolver


@pytest.fixture
def remote_resolver(lab: Lab, tmp_path: Path) -> Iterator[Resolver]:
    """Run a resolver that validates, and that is not reached over loopback."""
    with forwarder(lab.namespace, tmp_path / "dns", lab.dns, REMOTE) as resolver:
        yield resolver


def probes(lab: Lab) -> list[str]:
    """Return what the daemon has logged of DNSSEC since its start, when there is something."""

    def probed(line: str) -> str | None:
        return line if any(event in line for event in PROBED) else None

    lab.daemon.log.wait(0, probed, "what it makes of its resolver")
    return [line for line in lab.daemon.log.since(0) if probed(line)]


def check_without_dane(lab: Lab, reason: str) -> None:
    """Expect DANE to be off, one warning that says why, and policies still enforced."""
    for domain, answer in (
        ("tlsa-right.example", NOTFOUND),
        ("tlsa-fails.example", NOTFOUND),
        ("tlsa-right-enforced.example", secure(TLSA_RIGHT)),
        ("tlsa-wrong-enforced.example", secure(TLSA_WRONG)),
    ):
        assert lab.daemon.ask(domain) == answer
    assert lab.postfix.send("tlsa-right-enforced.example").status == "deferred"
    delivery = lab.postfix.send("tlsa-wrong-enforced.example")
    assert delivery.said(f"Verified TLS connection established to {TLSA_WRONG.name}")
    (warning,) = probes(lab)
    assert "level=warning event=dnssec-unavailable" in warning
    assert reason in warning
    assert "set dns.dnssec: trust or off" in warning


def test_resolver_that_does_not_validate(fresh_lab: Lab, plain_resolver: Resolver) -> None:
    fresh_lab.daemon.start([plain_resolver.address])
    check_without_dane(fresh_lab, f"{LOCAL} does not authenticate the SOA record of the root")


def test_resolver_that_serves_the_root_itself(fresh_lab: Lab, root_server: Resolver) -> None:
    """What it has of its own is not authenticated: AA, and no AD."""
    asked = fresh_lab.namespace.run("dig", f"@{LOCAL}", ".", "SOA", "+adflag")
    assert "flags: qr aa rd ra;" in asked
    fresh_lab.daemon.start([root_server.address])
    assert fresh_lab.daemon.ask("tlsa-right-enforced.example") == DANE_ONLY
    (line,) = probes(fresh_lab)
    assert f"event=dnssec-validated servers={LOCAL}" in line


@pytest.mark.threat("dns-forges-ad")
def test_resolver_that_nobody_vouches_for(fresh_lab: Lab, remote_resolver: Resolver) -> None:
    """AD is a bit that anybody on the path can set."""
    fresh_lab.daemon.start([remote_resolver.address])
    check_without_dane(fresh_lab, f"need not validate: {REMOTE}")


def test_resolver_that_the_administrator_vouches_for(
    fresh_lab: Lab, remote_resolver: Resolver
) -> None:
    fresh_lab.daemon.start([remote_resolver.address], dnssec="trust")
    assert fresh_lab.daemon.ask("tlsa-right-enforced.example") == DANE_ONLY
    (line,) = probes(fresh_lab)
    assert f"event=dnssec-validated servers={REMOTE}" in line


def test_trust_does_not_make_a_resolver_validate(fresh_lab: Lab, plain_resolver: Resolver) -> None:
    fresh_lab.daemon.start([plain_resolver.address], dnssec="trust")
    check_without_dane(fresh_lab, f"{LOCAL} does not authenticate the SOA record of the root")


def test_dnssec_off_asks_nobody_and_warns_of_nothing(fresh_lab: Lab) -> None:
    fresh_lab.daemon.start(dnssec="off")
    assert fresh_lab.daemon.ask("tlsa-right.example") == NOTFOUND
    assert fresh_lab.daemon.ask("tlsa-right-enforced.example") == secure(TLSA_RIGHT)
    assert not [line for line in fresh_lab.daemon.log.since(0) if "dnssec" in line]
