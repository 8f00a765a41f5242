"""`publish`, for a domain of the lab: there and back, each step put out there and verified."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .ends import secure
from .internet import GOOD, SECOND, UNPUBLISHED, WRONG_NAME
from .lab import Lab
from .publishing import put_file, put_records, remove_record, take_back

pytestmark = pytest.mark.lab

DOMAIN = UNPUBLISHED.name
SAME = f"{DOMAIN}: what is out there is what would be written\n"


@pytest.fixture
def world(steady_lab: Lab) -> Iterator[Lab]:
    yield steady_lab
    take_back(steady_lab)


def publish(lab: Lab, *arguments: str, domain: str = DOMAIN) -> Any:
    return json.loads(lab.daemon.command("publish", domain, "--json", *arguments))


def verify(lab: Lab, command: str) -> str:
    """Type a command that a step names to verify itself."""
    program, *words = command.split()
    assert program == "mtasts-resolver"
    return lab.daemon.command(*words, "--no-smtp")


def test_there_and_back(world: Lab, tmp_path: Path) -> None:
    """Who does what the steps say has a policy that `check` says nothing about, and then none."""
    files = ("--output", str(tmp_path / "out"), "--force")
    done = []
    while (found := publish(world, *files))["next"] is not None:
        step = next(step for step in found["steps"] if step["name"] == found["next"])
        done.append((step["name"], found["standing"]["stage"]))
        assert [finding for finding in found["findings"] if finding["severity"] != "note"] == []
        put_file(world, DOMAIN, tmp_path / "out")
        if step["name"] != "serve":
            if step["name"] == "enforce":
                assert "_mta-sts" in verify(world, step["verify"][0])
            put_records(world, tmp_path / "out")
            assert verify(world, step["verify"][0]) == SAME
    assert done == [
        ("serve", "nothing"),
        ("announce", "served"),
        ("enforce", "testing"),
        ("lengthen", "enforced"),
    ]
    assert found["standing"]["stage"] == "lasting"
    assert world.daemon.ask(DOMAIN) == secure(GOOD)
    checked = json.loads(world.daemon.command("check", DOMAIN, "--json"))
    assert [finding["code"] for finding in checked["domains"][0]["findings"]] == []

    back = ("--retire", *files)
    assert publish(world, *back)["next"] == "withdraw"
    put_file(world, DOMAIN, tmp_path / "out")
    put_records(world, tmp_path / "out")
    assert publish(world)["next"] == "remove-record"
    remove_record(world, DOMAIN)
    assert publish(world)["next"] == "remove-file"
    world.hosts.take_down(DOMAIN)
    assert publish(world, "--retire")["next"] is None


def test_a_host_that_could_not_be_verified_is_told_of_before_mail_is_held(world: Lab) -> None:
    tested = publish(world, domain="no-record.example")
    enforced = publish(world, "--mode", "enforce", domain="no-record.example")
    for found, severity in ((tested, "warning"), (enforced, "error")):
        (finding,) = [each for each in found["findings"] if each["severity"] != "note"]
        assert finding["about"] == WRONG_NAME.name
        assert finding["severity"] == severity
    quiet = publish(world, "--mode", "enforce", "--no-smtp", domain="no-record.example")
    assert all(finding["severity"] != "error" for finding in quiet["findings"])


def test_mail_moves_after_the_policy(world: Lab) -> None:
    found = publish(world, "--mx", SECOND.name, domain="enforced.example")
    assert found["patterns"]["now"] == [SECOND.name, GOOD.name]
    moved = publish(world, domain="outside.example")
    assert moved["next"] == "name-hosts"
    assert moved["patterns"]["outside"] == [SECOND.name]


def test_what_is_out_there_in_the_lab_is_what_would_be_written(world: Lab) -> None:
    for domain in ("hosted.example", "none.example"):
        found = publish(world, "--verify", domain=domain)
        assert [difference["about"] for difference in found["differences"]] == [], domain


def test_where_dns_fails_nothing_is_said_to_be_published(world: Lab) -> None:
    name = "_mta-sts.enforced.example"
    world.dns.set_broken(name)
    try:
        found = publish(world, "--no-smtp", domain="enforced.example")
    finally:
        world.dns.set_broken(name, broken=False)
    assert found["exit_code"] == 75
    assert f"{name} cannot be looked up" in found["error"]
