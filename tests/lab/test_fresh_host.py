"""What `doctor` prints wires a fresh Debian 13: it ends clean, and mail goes out verified.

docs/doctor.md shows it: the page is typed here.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .booted import BootedSystem
from .freshhost import PAGE, FreshHost, fresh_host
from .internet import GOOD
from .lab import Lab
from .sessions import replay, sessions, shape

pytestmark = pytest.mark.lab

FOUND_AT_FIRST = (
    "daemon-not-running",
    "policy-map-missing",
    "plain-text-without-policy",
    "dane-without-dnssec",
    "no-authorities",
    "outdated-tls-for-policies",
    "inbound-tls-off",
    "tls-not-logged",
    "no-tls-session-cache",
)


@pytest.fixture
def host(lab: Lab, booted_system: BootedSystem) -> Iterator[FreshHost]:
    with fresh_host(lab, booted_system) as host:
        yield host


def doctor(host: FreshHost) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code, and what was found that is not well."""
    code, printed = host.outcome("mtasts-resolver doctor --json")
    findings = [
        finding for section in json.loads(printed)["sections"] for finding in section["findings"]
    ]
    return code, [finding for finding in findings if finding["severity"] != "ok"]


@pytest.mark.finding(*FOUND_AT_FIRST)
def test_doctors_own_lines_wire_a_fresh_host(lab: Lab, host: FreshHost) -> None:
    """Where the page shows something else, and what is printed is good: make docs-lab."""
    code, findings = doctor(host)
    assert code == 2
    assert set(FOUND_AT_FIRST) <= {finding["code"] for finding in findings}
    for session in sessions(PAGE.read_text("utf-8")):
        assert shape(replay(session, host)) == shape(session.text), session.typed
    code, notes = doctor(host)
    assert (code, {finding["severity"] for finding in notes}) == (0, {"note"})
    for note in notes:
        for line in note["commands"]:
            assert host.outcome(line)[0] == 0
    host.outcome("postfix reload")

    mark = lab.hosts.events.mark()
    assert "status=sent" in host.send("somebody@enforced.example")
    assert f"Verified TLS connection established to {GOOD.name}" in host.mail_log()
    assert "status=deferred" in host.send("somebody@wrong-name.example")
    (mail,) = lab.hosts.since(mark)[0]
    assert (mail.host, mail.tls) == (GOOD.name, True)
