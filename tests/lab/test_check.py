"""`check`, of all that can be wrong with a domain, and of one that is as it should be."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from .checkhosts import KEPT_ID, MODEL
from .internet import DOMAINS, GOOD
from .lab import Lab
from .lookedover import LOOKED_OVER, Row
from .published import policy
from .steps import is_cached

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("both_versions_of_ip")]

Checked = dict[str, dict[str, Any]]

TESTED = "text-testing.example"
OTHERWISE = {"mx-is-no-smtp.example", "mx-refuses.example", "mx-null.example"}
"""Where Postfix waits for minutes, where this host alone may be refused, and where no mail goes."""
LATER_OR_AT_OTHERS = {
    "policy-host-certificate-about-to-end",
    "mx-host-certificate-about-to-end",
    "mx-host-certificate-without-dns-name",
}
"""Errors that hold mail before long, or at senders that are stricter than Postfix."""
OF_ONE_HOST = {"mx-host-outside-policy", "mx-host-name-invalid"}
"""Errors that hold mail where no other host takes it."""
FORTY_DAYS = 40 * 86_400.0


def check(lab: Lab, *domains: str) -> Checked:
    """Return what the command finds of each domain."""
    printed = lab.daemon.command("check", *domains, "--json")
    report = json.loads(printed.splitlines()[-1])
    return {found["domain"]: found for found in report["domains"]}


def codes(found: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in found["findings"]}


@pytest.fixture(scope="module")
def checked(emptied_lab: Lab) -> Checked:
    """Return what one command finds of every domain, when nothing is known from before."""
    emptied_lab.daemon.start()
    return check(emptied_lab, MODEL.name, *(row.domain for row in LOOKED_OVER))


def rows() -> pytest.MarkDecorator:
    """Run the test for each row."""
    marked = [
        pytest.param(row, id=row.domain, marks=[pytest.mark.finding(*row.codes)])
        for row in LOOKED_OVER
    ]
    return pytest.mark.parametrize("row", marked)


@rows()
def test_all_that_is_wrong_is_found_and_nothing_else(checked: Checked, row: Row) -> None:
    found = checked[row.domain]
    assert codes(found) == set(row.codes), found["findings"]
    if row.says:
        said = [
            f"{finding['about']}: {finding['found']}"
            for finding in found["findings"]
            if finding["code"] == row.codes[0]
        ]
        assert any(row.says in words for words in said), said


def test_nothing_is_found_of_a_domain_that_is_as_it_should_be(checked: Checked) -> None:
    model = checked[MODEL.name]
    assert (model["verdict"], model["findings"]) == ("ok", [])
    seen = model["observed"]
    hosts = [seen["policy_host"], *seen["mx_hosts"]]
    assert [len(host["addresses"]) for host in hosts] == [2, 2, 2]
    assert [host["fits"] for host in seen["dane_hosts"]] == [True, True]


def test_mail_fares_as_check_says(checked: Checked, steady_lab: Lab) -> None:
    """What an error is told of is held, or goes out unverified; all else is verified and taken."""
    looked_over = {MODEL.name, *(row.domain for row in LOOKED_OVER)} - OTHERWISE
    enforcing = [
        domain
        for domain in DOMAINS
        if domain.name in looked_over and b"mode: enforce" in (domain.document or b"")
    ]
    assert enforcing
    ended = steady_lab.postfix.send_to_all(domain.name for domain in enforcing)
    for domain in enforcing:
        answer, status = steady_lab.daemon.ask(domain.name), ended[domain.name]
        verified = status == "sent" and answer.startswith(("OK secure ", "OK dane-only"))
        errors = {
            finding["code"]
            for finding in checked[domain.name]["findings"]
            if finding["severity"] == "error"
        } - LATER_OR_AT_OTHERS
        if len(domain.mx) > 1:
            errors -= OF_ONE_HOST
        if answer == "OK dane-only":  # senders that do not know DANE verify by the policy
            errors = {code for code in errors if not code.startswith("mx-host-certificate-")}
        assert verified == (not errors), (domain.name, status, answer, errors)


@pytest.mark.finding("smtp-blocked")
def test_a_port_that_a_provider_blocks_is_no_fault_of_the_domain(steady_lab: Lab) -> None:
    with steady_lab.namespace.blocked(25):
        found = check(steady_lab, MODEL.name)[MODEL.name]
    assert codes(found) == {"smtp-blocked"}


@pytest.mark.finding("policy-id-unchanged")
def test_a_policy_that_changed_when_its_id_did_not(steady_lab: Lab) -> None:
    domain = KEPT_ID.name
    is_cached(steady_lab, domain)
    assert codes(check(steady_lab, domain)[domain]) == set()
    steady_lab.dns.publish(domain, "MX", f"10 {GOOD.name}.")
    steady_lab.hosts.serve(domain, policy("enforce", GOOD))
    (finding,) = check(steady_lab, domain)[domain]["findings"]
    assert (finding["code"], finding["severity"]) == ("policy-id-unchanged", "error")
    assert f"does not name {GOOD.name}" in finding["found"]


@pytest.mark.finding("policy-testing-for-long")
def test_a_policy_that_has_been_tested_for_more_than_a_month(steady_lab: Lab) -> None:
    daemon = steady_lab.daemon
    daemon.ask(TESTED)
    daemon.stop()
    begin_earlier(steady_lab, FORTY_DAYS)
    daemon.start()
    found = check(steady_lab, TESTED)[TESTED]
    assert codes(found) == {"policy-testing-for-long"}
    assert "for 40 days" in found["findings"][0]["found"]


def begin_earlier(lab: Lab, seconds: float) -> None:
    """Have all that the history knows have happened so much earlier."""
    with closing(sqlite3.connect(lab.daemon.history)) as history, history:
        for number, change in history.execute("SELECT id, change FROM changes").fetchall():
            earlier = json.loads(change)
            earlier["time"] -= seconds
            history.execute(
                "UPDATE changes SET time = ?, change = ? WHERE id = ?",
                (earlier["time"], json.dumps(earlier).encode(), number),
            )
