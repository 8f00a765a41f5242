"""Overrides on the running daemon: by its commands, and from its configuration."""

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import click.testing
import pytest
from click.shell_completion import ShellComplete

from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.cli import exit_codes, main
from tests.system.running import ENFORCED, PATIENCE, RunningDaemon

SECURE = "OK secure match=mx.good.example servername=hostname"


def run(daemon: RunningDaemon, *arguments: str) -> click.testing.Result:
    options = ("--control", str(daemon.control), "--config", str(daemon.config_file))
    return click.testing.CliRunner().invoke(main, ["override", *arguments, *options])


def answer(daemon: RunningDaemon, key: str = "good.example", map_name: str = "default") -> str:
    return str(daemon.ask(key, map_name))


def listed(daemon: RunningDaemon) -> list[tuple[str, ...]]:
    return [tuple(line.split("\t")) for line in run(daemon, "list").output.splitlines()]


async def test_an_override_is_in_force_at_once_outlives_the_daemon_and_is_removed(
    daemon: RunningDaemon,
) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.start()
    assert answer(daemon) == SECURE
    added = run(daemon, "add", "Good.example", "skip", "--reason", "ticket 4711")
    assert added.exit_code == 0
    assert answer(daemon) == "NOTFOUND"
    assert answer(daemon, "[good.example]:587", "tlsrpt") == "NOTFOUND"
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    daemon.start()
    assert answer(daemon) == "NOTFOUND"
    assert run(daemon, "remove", "good.example").exit_code == 0
    assert answer(daemon) == SECURE
    assert "level=error" not in daemon.log


async def test_the_log_and_the_list_name_who_added_it_and_why(daemon: RunningDaemon) -> None:
    daemon.start()
    run(daemon, "add", ".good.example", "--policy", "secure  match=nexthop", "--reason", "why not")
    user = "root" if os.geteuid() == 0 else Path.home().owner()
    (line,) = [line for line in daemon.log.splitlines() if "override-in-force" in line]
    assert f'reason="why not" until=- origin=command user={user}' in line
    assert 'level=info event=override-in-force pattern=.good.example override="secure match' in line
    assert listed(daemon) == [
        (".good.example", "secure match=nexthop", "in-force", "", "command", user, "why not")
    ]
    (told,) = json.loads(run(daemon, "list", "--json").output)["overrides"]
    assert (told["user"], told["policy"], told["weakens"]) == (user, "secure match=nexthop", False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["added"])


async def test_what_was_added_hides_what_is_configured_and_both_are_shown(
    daemon: RunningDaemon,
) -> None:
    daemon.configure(overrides={"good.example": {"action": "encrypt", "reason": "agreed"}})
    daemon.start()
    assert answer(daemon) == "OK encrypt"
    assert "level=warning event=override-in-force pattern=good.example" in daemon.log
    changed = json.loads(
        run(daemon, "add", "good.example", "dane", "--reason", "r", "--json").output
    )
    assert (changed["before"]["action"], changed["now"]["action"]) == ("encrypt", "dane")
    assert answer(daemon) == "OK dane"
    assert [(line[1], line[2], line[4]) for line in listed(daemon)] == [
        ("dane", "in-force", "command"),
        ("encrypt", "hidden", "configuration"),
    ]
    changed = json.loads(run(daemon, "remove", "good.example", "--json").output)
    assert (changed["before"]["action"], changed["now"]["action"]) == ("dane", "encrypt")
    refused = run(daemon, "remove", "good.example")
    assert refused.exit_code == exit_codes.USAGE
    assert "is one of the configuration; remove it there" in refused.output
    daemon.configure()
    daemon.signal(signal.SIGHUP)
    daemon.notified("READY=1")
    assert listed(daemon) == []


def becomes(daemon: RunningDaemon, expected: str) -> float:
    """Return when, by the wall clock, the answer was first seen to be `expected`."""
    deadline = time.monotonic() + PATIENCE
    while answer(daemon) != expected:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return time.time()


async def test_the_answer_changes_at_the_second_at_which_it_ends(daemon: RunningDaemon) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.start()
    ends = int(time.time()) + 3
    run(daemon, "add", "good.example", "skip", "--reason", "r", "--until", timestamp(ends))
    assert answer(daemon) == "NOTFOUND"
    assert becomes(daemon, SECURE) >= ends
    assert listed(daemon)[0][2] == "lapsed"


WRONG: tuple[tuple[tuple[str, ...], str], ...] = (
    (("add", "a.example", "skip"), "Missing option '--reason'"),
    (("add", "a.example", "--reason", "r"), "Name an ACTION or a --policy"),
    (("add", "a.example", "skip", "--policy", "may", "--reason", "r"), "and not both"),
    (("add", "a.example", "skipp", "--reason", "r"), "'skipp' is not one of 'skip'"),
    (("add", "*.a.example", "skip", "--reason", "r"), "write '.a.example'"),
    (("add", "[192.0.2.1]", "skip", "--reason", "r"), "for an address"),
    (("add", "a.example", "skip", "--reason", " "), "it is empty: say why"),
    (("add", "a.example", "--policy", "secur", "--reason", "r"), "no security level of Post"),
    (("add", "a.example", "skip", "--reason", "r", "--until", "soon"), "it is not a date"),
    (("add", "a.example", "skip", "--reason", "r", "--until", "2020-01-01"), "time is over"),
    (("remove", "a.example"), "there is no override of a.example"),
    (("remove", "a b"), "it is no domain"),
    (("lst",), "No such command 'lst'"),
)


def test_what_is_wrong_is_said_and_nothing_is_changed(daemon: RunningDaemon) -> None:
    daemon.start()
    for arguments, words in WRONG:
        refused = run(daemon, *arguments)
        assert refused.exit_code == exit_codes.USAGE, arguments
        assert words in refused.output
    assert listed(daemon) == []


def test_a_daemon_that_is_down_has_none_to_show(daemon: RunningDaemon) -> None:
    for arguments in (("list",), ("add", "a.example", "skip", "--reason", "r"), ("remove", "a.b")):
        failed = run(daemon, *arguments)
        assert failed.exit_code == exit_codes.UNAVAILABLE
        assert "there is no control socket" in failed.output


async def test_a_damaged_file_holds_no_mail_and_is_told_of_loudly(daemon: RunningDaemon) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.start()
    run(daemon, "add", "good.example", "skip", "--reason", "r")
    daemon.signal(signal.SIGTERM)
    daemon.wait()
    file = daemon.store_file.with_suffix(".overrides.json")
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"\0" * 512)
    daemon.start()
    assert answer(daemon) == "NOTFOUND"
    assert "level=error event=overrides-damaged" in daemon.log
    found = run(daemon, "list")
    assert "overrides.json is damaged" in found.output
    run(daemon, "add", "b.example", "skip", "--reason", "r")
    assert "is damaged" not in run(daemon, "list").output
    (aside,) = daemon.store_file.parent.glob("*.damaged-*")
    assert aside.read_bytes() == b"\0" * 512


def test_where_the_file_cannot_be_written_nothing_is_changed(daemon: RunningDaemon) -> None:
    daemon.start()
    blocked = daemon.store_file.with_name(f"{daemon.store_file.stem}.overrides.json.new")
    blocked.mkdir()
    refused = run(daemon, "add", "a.example", "skip", "--reason", "r")
    assert "cannot be written: Is a directory; nothing was changed" in refused.output
    assert listed(daemon) == []


def test_completion_knows_what_can_be_removed(daemon: RunningDaemon) -> None:
    daemon.start()
    for pattern in ("a.example", "b.example"):
        run(daemon, "add", pattern, "skip", "--reason", "r")
    complete = ShellComplete(main, {}, "mtasts-resolver", "_MTASTS_RESOLVER_COMPLETE")
    words = ["override", "remove", "--control", str(daemon.control)]
    assert [item.value for item in complete.get_completions(words, "a")] == ["a.example"]


# -- where an answer is explained ------------------------------------------------------------------


def told(daemon: RunningDaemon, *arguments: str) -> dict[str, Any]:
    """Return what another command says as JSON."""
    options = ("--control", str(daemon.control), "--config", str(daemon.config_file), "--json")
    shown = click.testing.CliRunner().invoke(main, [*arguments, *options])
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def test_explain_shows_the_override_that_was_added_and_what_it_decides(
    daemon: RunningDaemon,
) -> None:
    daemon.start()
    run(daemon, "add", ".good.example", "encrypt", "--reason", "ticket 4711")
    found = told(daemon, "explain", "mx.good.example")
    assert found["daemon"] == "OK encrypt"
    assert found["reply"] == {"status": "OK", "text": "encrypt"}
    assert found["difference"] is None
    assert (found["override"]["pattern"], found["override"]["origin"]) == (
        ".good.example",
        "command",
    )
    assert found["decision"].startswith("an override decides: .good.example: encrypt (ticket 4711")
    assert found["overrides_unseen"] is None


def test_explain_knows_those_of_the_configuration_where_the_daemon_is_down(
    daemon: RunningDaemon,
) -> None:
    daemon.configure(
        overrides={
            "good.example": {"action": "skip", "reason": "r", "until": "2020-01-01"},
            ".example": {"policy": "secure match=nexthop", "reason": "r"},
        }
    )
    found = told(daemon, "explain", "good.example")
    assert found["override"]["pattern"] == ".example"
    assert found["reply"]["text"] == "secure match=nexthop"
    assert "there is no control socket" in found["overrides_unseen"]


async def test_what_a_map_that_observes_would_answer_is_told_everywhere(
    daemon: RunningDaemon,
) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.configure(answer="observe", maps={"pilot": {"answer": "live"}})
    daemon.start()
    assert answer(daemon) == "NOTFOUND"
    assert answer(daemon, map_name="pilot") == SECURE
    asked = told(daemon, "query", "good.example")
    assert (asked["status"], asked["observed"], asked["would_be"]) == ("NOTFOUND", True, SECURE)
    asked = told(daemon, "query", "good.example", "--map", "pilot")
    assert (asked["status"], asked["observed"], asked["would_be"]) == ("OK", False, None)
    details = told(daemon, "cache", "show", "good.example")
    assert (details["summary"]["answer"], details["summary"]["would_be"]) == ("notfound", "secure")
    answers = {tuple(one["maps"]): one for one in details["answers"]}
    observed = next(one for maps, one in answers.items() if "default" in maps)
    assert (observed["reply"], observed["would_be"]) == ("NOTFOUND", SECURE)
    assert answers["pilot",]["reply"] == SECURE
    status = told(daemon, "status")
    assert "default" in status["observing"]
    assert "pilot" not in status["observing"]
    counted = {(one["map"], one["would_be"]): one["count"] for one in status["lookups"]["answers"]}
    assert counted["default", "secure"] == 2
    assert "event=answer-observed domain=good.example hop=good.example map=default" in daemon.log
    daemon.configure()
    daemon.signal(signal.SIGHUP)
    daemon.notified("READY=1")
    assert answer(daemon) == SECURE


async def test_cache_show_and_list_name_the_override(daemon: RunningDaemon) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.start()
    run(daemon, "add", "good.example", "skip", "--reason", "ticket 4711")
    details = told(daemon, "cache", "show", "good.example")
    assert details["override"]["reason"] == "ticket 4711"
    assert {one["reply"] for one in details["answers"]} == {"NOTFOUND"}
    assert details["summary"]["override"] == "good.example"
    run(daemon, "add", "unheard-of.example", "skip", "--reason", "r")
    unknown = told(daemon, "cache", "show", "unheard-of.example")
    assert "an override decides: unheard-of.example: skip" in unknown["error"]


@pytest.mark.threat("control-stranger")
def test_the_history_tells_who_added_and_removed_it(daemon: RunningDaemon) -> None:
    daemon.start()
    user = "root" if os.geteuid() == 0 else Path.home().owner()
    run(daemon, "add", "good.example", "skip", "--reason", "ticket 4711")
    run(daemon, "add", "good.example", "encrypt", "--reason", "ticket 4712")
    run(daemon, "remove", "good.example")
    deadline = time.monotonic() + PATIENCE
    while len(changes := told(daemon, "history", "good.example")["changes"]) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    kept = [(one["was"], one["now"], one["by"], one["reason"]) for one in changes]
    assert kept == [
        ("encrypt", None, user, ""),
        ("skip", "encrypt", user, "ticket 4712"),
        (None, "skip", user, "ticket 4711"),
    ]


def test_for_how_long_it_holds_can_be_said_instead_of_until_when(daemon: RunningDaemon) -> None:
    daemon.start()
    run(daemon, "add", "a.example", "skip", "--reason", "r", "--for", "14d")
    assert listed(daemon)[0][3] > timestamp(time.time() + 13 * 86_400)
    for options, words in (
        (("--for", "14d", "--until", "2099-12-31"), "and not both"),
        (("--for", "soon"), "is not a duration"),
    ):
        refused = run(daemon, "add", "b.example", "skip", "--reason", "r", *options)
        assert words in refused.output
        assert refused.exit_code == exit_codes.USAGE


async def test_a_table_for_a_day_without_the_daemon_holds_what_overrides_say(
    daemon: RunningDaemon,
) -> None:
    await daemon.store({"good.example": ENFORCED, "other.example": ENFORCED})
    daemon.start()
    for pattern, action in (
        ("good.example", "skip"),
        ("[relay.test]:587", "encrypt"),
        (".example", "dane"),
        (".test", "dane-only"),
    ):
        run(daemon, "add", pattern, action, "--reason", "r")
    options = ("--control", str(daemon.control), "--config", str(daemon.config_file))
    table = click.testing.CliRunner().invoke(
        main, ["cache", "export", "--format", "postfix", *options]
    )
    lines = [line.split(None, 1) for line in table.stdout.splitlines() if line[0] != "#"]
    # Not `.example`: in a table it would hold for good.example, too, which is skipped.
    assert sorted(map(tuple, lines)) == [
        (".test", "dane-only"),
        ("[relay.test]:587", "encrypt"),
        ("other.example", "dane"),
    ]
