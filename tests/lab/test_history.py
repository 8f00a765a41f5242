"""What the owner of a domain changes shows in the history, beside what Postfix got then."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from .ends import ENFORCES_WRONG, NOTFOUND
from .internet import WRONG_NAME
from .lab import Lab
from .published import policy
from .steps import (
    answer,
    id_check,
    is_cached,
    logged,
    new_document,
    new_id,
    record_removed,
    restart,
)

pytestmark = pytest.mark.lab

DOMAIN = "turns-testing.example"
WITHOUT_RECORD = "loses-record.example"


def history(lab: Lab, *arguments: str) -> Any:
    return json.loads(lab.daemon.command("history", *arguments, "--json"))


def answer_at(lab: Lab, moment: datetime, domain: str = DOMAIN) -> dict[str, Any]:
    """Return what `history --at` says of the map that Postfix asks."""
    past = history(lab, domain, "--at", moment.isoformat())
    (found,) = (answer for answer in past["answers"] if "default" in answer["maps"])
    return dict(found)


@pytest.mark.threat("policy-weakened")
def test_a_policy_that_its_owner_weakens(fresh_lab: Lab) -> None:
    lab = fresh_lab
    lab.daemon.start()
    is_cached(lab, DOMAIN)
    enforced = datetime.now(UTC)
    time.sleep(1.1)  # times are told to the second
    new_document(policy("testing", WRONG_NAME))(lab, DOMAIN)
    new_id(lab, DOMAIN)
    restart(lab, DOMAIN)
    answer(NOTFOUND)(lab, DOMAIN)
    logged("protection-weakened")(lab, DOMAIN)

    given = answer_at(lab, enforced)
    assert f"OK {given['text']}" == ENFORCES_WRONG
    assert given["given"]
    assert "MTA-STS decides" in given["why"]
    now = answer_at(lab, datetime.now(UTC))
    assert (now["answer"], now["given"]) == ("notfound", True)

    changes = history(lab, DOMAIN)["changes"]
    policies = [change for change in changes if change["subject"] == "policy"]
    assert [change["event"] for change in policies] == ["changed", "found"]
    assert policies[0]["weakened"] == ["mode"]
    assert {"-mode: enforce", "+mode: testing"} <= set(policies[0]["difference"])
    assert [change["domain"] for change in history(lab, "--weakened")["changes"]] == [DOMAIN]


def test_a_record_that_is_removed_while_the_policy_is_cached(fresh_lab: Lab) -> None:
    lab = fresh_lab
    lab.daemon.start()
    is_cached(lab, WITHOUT_RECORD)
    record_removed(lab, WITHOUT_RECORD)
    restart(lab, WITHOUT_RECORD)
    id_check(lab, WITHOUT_RECORD)
    logged("protection-weakened")(lab, WITHOUT_RECORD)
    (gone,) = history(lab, "--weakened")["changes"]
    assert (gone["domain"], gone["event"], gone["weakened"]) == (
        WITHOUT_RECORD,
        "gone",
        ["record-gone"],
    )
    assert answer_at(lab, datetime.now(UTC), WITHOUT_RECORD)["answer"] == "secure"
