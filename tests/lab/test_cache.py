"""Seeing and steering what the daemon knows, with the internet and the Postfix it works for."""

import json
from pathlib import Path
from typing import Any

import pytest

from .danehosts import TLSA_ABSENT, TLSA_RIGHT
from .ends import ENFORCES_WRONG, NOTFOUND, secure
from .internet import GOOD, WRONG_NAME
from .lab import Lab
from .postfix import Sender
from .published import policy

pytestmark = pytest.mark.lab


def told(lab: Lab, *arguments: str) -> Any:
    return json.loads(lab.daemon.command(*arguments, "--json"))


def fetches(lab: Lab, mark: int) -> list[str]:
    return [fetch.domain for fetch in lab.hosts.since(mark)[1]]


def test_a_policy_whose_owner_kept_the_id_is_fetched_when_an_administrator_says_so(
    steady_lab: Lab,
) -> None:
    domain, daemon = "id-kept.example", steady_lab.daemon
    assert steady_lab.postfix.send(domain).status == "deferred"
    assert daemon.ask(domain) == ENFORCES_WRONG
    steady_lab.hosts.serve(domain, policy("enforce", GOOD, WRONG_NAME))
    assert daemon.ask(domain) == ENFORCES_WRONG
    shown = daemon.command("cache", "refresh", domain).split("\t")
    assert shown[:4] == [domain, "changed", "enforce", "enforce"]
    assert daemon.ask(domain) == secure(GOOD, WRONG_NAME)
    assert f"+mx: {GOOD.name}" in json.dumps(told(steady_lab, "history", domain))


def test_a_policy_that_failed_is_fetched_before_its_retry_time(steady_lab: Lab) -> None:
    domain, daemon = "id-kept-with-failure.example", steady_lab.daemon
    steady_lab.hosts.take_down(domain)
    assert daemon.ask(domain) == NOTFOUND
    steady_lab.hosts.serve(domain, policy("enforce", GOOD))
    assert daemon.ask(domain) == NOTFOUND
    (refreshed,) = told(steady_lab, "cache", "refresh", domain)["domains"]
    assert (refreshed["outcome"], refreshed["before"]) == ("found", None)
    assert daemon.ask(domain) == secure(GOOD)


def test_what_is_purged_is_fetched_again_for_the_next_mail(steady_lab: Lab) -> None:
    domain = "enforced.example"
    steady_lab.postfix.send(domain)
    mark = steady_lab.hosts.events.mark()
    steady_lab.postfix.send(domain)
    assert domain not in fetches(steady_lab, mark)
    shown = steady_lab.daemon.command("cache", "purge", domain, "--yes")
    assert shown == f"{domain}\tpurged\tpolicy in mode enforce\n"
    assert steady_lab.postfix.send(domain).status == "sent"
    assert domain in fetches(steady_lab, mark)


def test_show_has_dane_host_by_host_and_each_maps_answer(steady_lab: Lab) -> None:
    domain = "first-has-tlsa-enforced.example"
    steady_lab.daemon.ask(domain)
    shown = steady_lab.daemon.command("cache", "show", domain)
    for words in (
        f"{TLSA_RIGHT.name}: usable TLSA records (TLSA _25._tcp.{TLSA_RIGHT.name}: 3 1 1",
        f"{TLSA_ABSENT.name}: no TLSA records",
        "partial: hosts with TLSA records: 1 of 2",
        secure(TLSA_RIGHT, TLSA_ABSENT),
        "MTA-STS decides: DANE could not verify every host, the policy can",
    ):
        assert words in shown
    answers = told(steady_lab, "cache", "show", domain)["answers"]
    for name, reply in ((name, one["reply"]) for one in answers for name in one["maps"]):
        assert steady_lab.daemon.ask(domain, name) == reply


def test_a_table_does_without_the_daemon_what_it_did(steady_lab: Lab, tmp_path: Path) -> None:
    lab, hop = steady_lab, "[relay.example]:587"
    lab.daemon.ask("enforced.example")
    lab.daemon.ask("wrong-name.example")
    lab.daemon.ask("tlsa-right.example")
    lab.daemon.ask("testing.example")
    lab.daemon.ask(hop)
    lab.daemon.command(
        "cache", "export", "--format", "postfix", "--output", str(lab.postfix.local_table)
    )
    table = f"texthash:{lab.postfix.local_table}"
    for key in ("enforced.example", "wrong-name.example", "tlsa-right.example", hop):
        assert f"OK {lab.postfix.look_up(key, table)}".strip() == lab.daemon.ask(key)
    assert lab.postfix.look_up("testing.example", table) == ""
    delivery = lab.postfix.send("enforced.example", Sender.LOCAL_TABLE)
    assert delivery.status == "sent"
    assert delivery.said("Verified TLS connection established to")
    assert lab.postfix.send("wrong-name.example", Sender.LOCAL_TABLE).status == "deferred"
    for kind in ("hash", "cdb", "lmdb"):
        made = lab.postfix.make_table(kind)
        if made is not None:
            assert lab.postfix.look_up("enforced.example", made).startswith("secure match=")


def test_a_log_of_postfix_warms_a_daemon_that_knows_nothing(
    steady_lab: Lab, tmp_path: Path
) -> None:
    lab = steady_lab
    lab.postfix.send("enforced.example")
    lab.postfix.send("no-record.example", Sender.RELAY_HOST)
    lab.postfix.send("no-record.example")
    log = tmp_path / "mail.log"
    log.write_text("".join(f"{line}\n" for line in lab.postfix.log.since(0)))
    lab.daemon.command("cache", "purge", "--all", "--yes")
    assert told(lab, "cache", "list", "--mode", "all")["domains"] == []
    mark = lab.hosts.events.mark()
    warmed = told(lab, "warm", "--from-maillog", str(log))
    found = {one["key"]: one["outcome"] for one in warmed["domains"]}
    assert found["enforced.example"] == "found"
    assert found["no-record.example"] == "absent"
    assert "enforced.example" in fetches(lab, mark)
    mark = lab.hosts.events.mark()
    assert lab.postfix.send("enforced.example").status == "sent"
    assert "enforced.example" not in fetches(lab, mark)


def test_what_is_taken_along_is_enforced_by_a_daemon_that_cannot_fetch(
    steady_lab: Lab, tmp_path: Path
) -> None:
    lab, file = steady_lab, tmp_path / "policies.json"
    lab.daemon.ask("wrong-name.example")
    lab.daemon.command("cache", "export", "--matching", "wrong-*", "--output", str(file))
    lab.daemon.command("cache", "purge", "wrong-name.example", "--yes")
    lab.hosts.take_down("wrong-name.example")
    try:
        assert lab.daemon.command("cache", "import", str(file)) == "1 imported\n"
        assert lab.daemon.ask("wrong-name.example") == ENFORCES_WRONG
        assert lab.postfix.send("wrong-name.example").status == "deferred"
    finally:
        lab.hosts.serve("wrong-name.example", policy("enforce", WRONG_NAME))
