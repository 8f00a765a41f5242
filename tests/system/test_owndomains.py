"""Own domains of a running daemon whose name servers cannot be reached."""

import json
import signal
import time
from datetime import UTC, datetime

import msgspec
import pytest
from msgspec.structs import replace

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.control.client import ControlClient, RequestRefusedError
from mtasts_resolver.control.values.owndomains import OwnDomainDetails, OwnDomainList
from mtasts_resolver.findings import Finding
from mtasts_resolver.owndomains.news import next_check
from mtasts_resolver.store.keptchecks import KeptChecks, checks_path
from tests.system.running import PATIENCE, RunningDaemon
from tests.system.test_control import run
from tests.unit.owndomains.seen import BROKEN, DOMAIN, observed

ERROR = BROKEN.found("mx1.own.example", "no STARTTLS")


async def keep(daemon: RunningDaemon, *findings: Finding) -> None:
    """Have the daemon know a check that was made a moment ago, and told."""
    daemon.store_file.parent.mkdir(exist_ok=True)
    kept = KeptChecks(checks_path(daemon.store_file), clock=SystemClock())
    await kept.open()
    seen = replace(observed(), at=datetime.now(UTC))
    last, _ = next_check(seen, findings, None)
    last, _ = next_check(seen, findings, last)
    kept.put(DOMAIN, msgspec.json.encode(last))
    await kept.close()


def own_domains(daemon: RunningDaemon, *, known: bool) -> dict[str, OwnDomainDetails]:
    """Return the own domains as soon as they are there; with `known`, as their checks are read."""
    deadline = time.monotonic() + PATIENCE
    with ControlClient(daemon.control) as client:
        while True:
            found = client.get(OwnDomainList, "own-domains").domains
            if (found and not known) or (known and any(each.checked for each in found)):
                return {
                    each.domain: client.get(OwnDomainDetails, "own-domains", each.domain)
                    for each in found
                }
            assert time.monotonic() < deadline, daemon.log
            time.sleep(0.05)


async def test_the_last_check_is_seen_everywhere_and_outlives_a_restart(
    daemon: RunningDaemon,
) -> None:
    await keep(daemon, ERROR)
    daemon.configure(own_domains=[DOMAIN, "never.example"])
    for _ in range(2):
        daemon.start()
        found = own_domains(daemon, known=True)
        assert found[DOMAIN].findings == (ERROR,)
        assert found[DOMAIN].observed is not None
        assert found["never.example"].checked is None
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
    daemon.start()
    own_domains(daemon, known=True)
    shown = " ".join(run(daemon, "status").output.split())
    assert f"own domains {DOMAIN}: mx1.own.example: no STARTTLS; first certificate" in shown
    assert "never.example: not checked yet" in shown
    checked = run(daemon, "status", "--check")
    assert checked.exit_code == 2
    assert f"{DOMAIN}: mx1.own.example: no STARTTLS" in checked.output
    told = json.loads(run(daemon, "status", "--json").output)["own_domains"]
    assert [(each["domain"], each["errors"]) for each in told] == [
        (DOMAIN, 1),
        ("never.example", 0),
    ]


async def test_a_check_that_cannot_be_made_is_no_change(daemon: RunningDaemon) -> None:
    await keep(daemon)
    daemon.configure(own_domains=[DOMAIN])
    daemon.start()
    before = own_domains(daemon, known=True)[DOMAIN]
    with (
        ControlClient(daemon.control) as client,
        pytest.raises(RequestRefusedError) as refused,
    ):
        client.ask("POST", OwnDomainDetails, "own-domains", DOMAIN, "check")
    assert refused.value.status == 503
    daemon.says("own-domain-not-checked")
    after = own_domains(daemon, known=True)[DOMAIN]
    assert after.trouble
    assert (after.checked, after.findings) == (before.checked, before.findings)
    assert run(daemon, "history", DOMAIN).exit_code == 1  # nothing is kept


def test_a_reload_begins_with_own_domains_and_ends_with_them(daemon: RunningDaemon) -> None:
    daemon.start()
    with ControlClient(daemon.control) as client:
        assert client.get(OwnDomainList, "own-domains").domains == ()
    assert not checks_path(daemon.store_file).exists()
    daemon.configure(own_domains=[DOMAIN])
    daemon.signal(signal.SIGHUP)
    assert own_domains(daemon, known=False).keys() == {DOMAIN}
    assert checks_path(daemon.store_file).exists()
    daemon.configure()
    daemon.signal(signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE
    with ControlClient(daemon.control) as client:
        while client.get(OwnDomainList, "own-domains").domains:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with pytest.raises(RequestRefusedError, match="is not one of own_domains"):
            client.get(OwnDomainDetails, "own-domains", DOMAIN)
