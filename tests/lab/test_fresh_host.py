"""What `doctor` prints wires a fresh Debian 13: it ends clean, and mail goes out verified.

docs/doctor.md shows it: the page is typed here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from .booted import BootedSystem
from .freshhost import PAGE, FreshHost, fresh_host
from .internet import GOOD
from .lab import Lab
from .lookedover import LOOKED_OVER
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


@pytest.fixture(scope="module")
def host(lab: Lab, booted_system: BootedSystem) -> Iterator[FreshHost]:
    with fresh_host(lab, booted_system) as host:
        yield host


def codes(findings: list[dict[str, Any]]) -> set[str]:
    return {finding["code"] for finding in findings}


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
    assert set(FOUND_AT_FIRST) <= codes(findings)
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


def test_check_sees_as_much_of_tls_with_a_later_openssl(host: FreshHost) -> None:
    """It has less to do with versions that are outdated."""
    about_tls = re.compile("-certificate-|-tls")
    rows = [row for row in LOOKED_OVER if any(map(about_tls.search, row.codes[:1]))]
    assert len(rows) > 20
    domains = " ".join(row.domain for row in rows)
    checked = json.loads(host.outcome(f"mtasts-resolver check --json {domains}")[1])["domains"]
    for row, found in zip(rows, checked, strict=True):
        # The cable leads nowhere by IPv6.
        assert codes(found["findings"]) - {"not-all-checked"} == set(row.codes), row.domain
