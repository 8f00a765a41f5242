"""`cache` and `warm` against a daemon that runs."""

import gzip
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click.testing
import pytest
from click.shell_completion import ShellComplete

from mtasts_resolver.base.overload import TOO_BUSY
from mtasts_resolver.cli import exit_codes, main
from mtasts_resolver.knowledge.pacing import PAUSE_BETWEEN
from mtasts_resolver.postfix.reply import NOT_FOUND, Status
from tests.system.running import ENFORCED, PATIENCE, RunningDaemon

TESTING = ENFORCED.replace("enforce", "testing")
Result = click.testing.Result


@pytest.fixture
async def stocked(daemon: RunningDaemon) -> RunningDaemon:
    """A daemon that holds two policies, and where no name server answers."""
    await daemon.store({"good.example": ENFORCED, "test.example": TESTING})
    daemon.start()
    daemon.has_status("2 policies")
    return daemon


def run(daemon: RunningDaemon, *arguments: str, given: bytes | None = None) -> Result:
    options = ("--config", str(daemon.config_file))
    runner = click.testing.CliRunner()
    return runner.invoke(main, [*arguments, *options], input=given)


def told(daemon: RunningDaemon, *arguments: str, given: bytes | None = None) -> Any:
    return json.loads(run(daemon, *arguments, "--json", given=given).stdout)


async def test_the_list_in_a_pipe_has_a_line_a_domain(stocked: RunningDaemon) -> None:
    lines = [line.split("\t") for line in run(stocked, "cache", "list").stdout.splitlines()]
    assert [line[:3] for line in lines] == [
        ["good.example", "enforce", "1"],
        ["test.example", "testing", "1"],
    ]
    assert {len(line) for line in lines} == {14}
    assert lines[0][7:9] == ["off", "secure"]


async def test_the_list_can_be_narrowed_and_sorted(stocked: RunningDaemon) -> None:
    for options, found in (
        ("--mode enforce", ["good"]),
        ("--matching t*", ["test"]),
        ("--expires-within 1d", []),
        ("--failing", []),
        ("--unused-for 0s", ["good", "test"]),
        ("--reverse", ["test", "good"]),
        ("--sort mode --reverse", ["test", "good"]),
        ("--limit 1", ["good"]),
        ("--limit 1 --reverse", ["test"]),
    ):
        page = told(stocked, "cache", "list", *options.split())
        assert [one["domain"].partition(".")[0] for one in page["domains"]] == found, options


async def test_show_says_all_that_is_known(stocked: RunningDaemon) -> None:
    shown = run(stocked, "cache", "show", "good.example")
    assert shown.exit_code == 0
    for words in ("policy\tmode enforce, mx mx.good.example", "record\tid 1", "document\tversion"):
        assert words in shown.stdout
    assert "answer\tOK secure match=mx.good.example servername=hostname" in shown.stdout
    assert "MTA-STS decides: DANE does not apply" in shown.stdout
    unknown = run(stocked, "cache", "show", "unknown.example")
    assert unknown.exit_code == exit_codes.NEGATIVE
    assert "nothing is known of unknown.example" in unknown.stderr
    odd = run(stocked, "cache", "show", "a/b?c#d%2e..")
    assert odd.exit_code == exit_codes.USAGE
    assert "is no domain" in odd.stderr


async def test_a_purge_asks_and_says_what_is_lost(stocked: RunningDaemon) -> None:
    refused = run(stocked, "cache", "purge", "good.example")
    assert refused.exit_code == exit_codes.USAGE
    assert "say so with --yes" in refused.stderr
    on_terminal = on_a_terminal(stocked, "cache", "purge", "good.example", answer="n")
    assert "the policy in mode enforce" in on_terminal
    assert "mail may go out without protection" in on_terminal
    assert stocked.ask("good.example").status is Status.OK
    assert "good.example" in on_a_terminal(stocked, "cache", "purge", "good.example", answer="y")
    assert stocked.ask("good.example") == NOT_FOUND
    gone = run(stocked, "cache", "purge", "nothing.example", "--yes")
    assert gone.exit_code == exit_codes.NEGATIVE
    assert "event=policy-purged domain=good.example mode=enforce" in stocked.log


def on_a_terminal(daemon: RunningDaemon, *arguments: str, answer: str = "") -> str:
    """Return what a command shows on a terminal of 80 columns, where a person types `answer`."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    argv = [sys.executable, "-m", "mtasts_resolver", *arguments]
    process = subprocess.Popen(
        [*argv, "--config", str(daemon.config_file)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65_536):
            shown += chunk
    except OSError:  # as it is told that the other end is closed
        pass
    os.close(ours)
    process.wait()
    return shown.decode()


async def test_everything_can_be_purged_and_brought_back(
    stocked: RunningDaemon, tmp_path: Path
) -> None:
    file = tmp_path / "export.json"
    assert run(stocked, "cache", "export", "--output", str(file)).exit_code == 0
    purged = run(stocked, "cache", "purge", "--all", "--yes")
    assert purged.exit_code == 0
    assert "2 domains purged; policies: 1 enforce, 1 testing" in purged.stderr
    assert told(stocked, "cache", "list")["domains"] == []
    brought = run(stocked, "cache", "import", str(file))
    assert (brought.exit_code, brought.stdout) == (0, "2 imported\n")
    assert stocked.ask("good.example").status is Status.OK
    again = run(stocked, "cache", "import", "-", given=file.read_bytes())
    assert (again.exit_code, again.stdout) == (0, "2 known\n")


async def test_what_cannot_be_brought_is_named_and_costs_no_other(
    stocked: RunningDaemon, tmp_path: Path
) -> None:
    document = json.loads(run(stocked, "cache", "export").stdout)
    run(stocked, "cache", "purge", "--all", "--yes")
    good, test = sorted(document["policies"], key=lambda policy: policy["domain"])
    document["policies"] = [
        good | {"domain": "localhost"},
        good | {"fetched": "2020-01-01T00:00:00Z"},
        good | {"id": "not an id"},
        good | {"document": "<html>"},
        {"domain": "x.example"},
        test | {"fetched": "2100-01-01T00:00:00Z"},
    ]
    file = tmp_path / "export.json"
    file.write_text(json.dumps(document))
    brought = run(stocked, "cache", "import", str(file))
    assert brought.exit_code == exit_codes.NEGATIVE
    assert brought.stdout == "4 invalid, 1 expired, 1 imported\n"
    for words in (
        "policies[0]: localhost: invalid: it is no mail domain",
        "policies[1]: good.example: expired: it has expired",
        "policies[2]: good.example: invalid: its id is not",
        "policies[3]: good.example: invalid: it is no policy: line 1",
        "policies[4]: invalid: Object missing required field",
    ):
        assert words in brought.stderr
    (summary,) = told(stocked, "cache", "list")["domains"]
    assert summary["domain"] == "test.example"
    assert summary["fetched"] < "2100"


async def test_files_that_are_no_use_are_told(stocked: RunningDaemon, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("hello")
    for file, words in (
        (text, "is no export of mtasts-resolver"),
        (tmp_path, "Is a directory"),
        (tmp_path / "nowhere", "No such file"),
    ):
        refused = run(stocked, "cache", "import", str(file))
        assert refused.exit_code == exit_codes.USAGE
        assert words in refused.stderr
    refused = run(stocked, "cache", "export", "--output", str(tmp_path / "nowhere" / "file"))
    assert refused.exit_code == exit_codes.USAGE
    assert "No such file or directory" in refused.stderr


async def test_a_table_holds_what_postfix_gets(stocked: RunningDaemon) -> None:
    table = run(stocked, "cache", "export", "--format", "postfix").stdout.splitlines()
    assert [line for line in table if not line.startswith("#")] == [
        "good.example\tsecure match=mx.good.example servername=hostname"
    ]
    unknown = run(stocked, "cache", "export", "--format", "postfix", "--map", "tlsrtp")
    assert unknown.exit_code == exit_codes.USAGE
    assert "there is no map 'tlsrtp'; there are default, query" in unknown.stderr
    assert any("The first policy, of good.example, is over at" in line for line in table)


def refresh(daemon: RunningDaemon, *domains: str) -> Result:
    """Refresh `domains`; again where this host was too busy, when that is allowed."""
    refreshed = run(daemon, "cache", "refresh", *domains)
    deadline = time.monotonic() + 4 * PATIENCE
    while TOO_BUSY in refreshed.stdout and time.monotonic() < deadline:
        time.sleep(PAUSE_BETWEEN)
        refreshed = run(daemon, "cache", "refresh", *domains)
    return refreshed


async def test_a_refresh_that_fails_says_so_and_loses_nothing(stocked: RunningDaemon) -> None:
    refreshed = refresh(stocked, "good.example", "unknown.example")
    assert refreshed.exit_code == exit_codes.NEGATIVE
    lines = {line.split("\t")[0]: line.split("\t") for line in refreshed.stdout.splitlines()}
    assert lines["good.example"][1:3] == ["failed", "enforce"]
    assert lines["unknown.example"][1:3] == ["failed", "-"]
    assert stocked.ask("good.example").status is Status.OK
    (failing,) = told(stocked, "cache", "list", "--failing")["domains"]
    assert failing["failing"]["code"].startswith("dns-")


async def test_a_refresh_of_what_was_refreshed_a_moment_ago_is_refused(
    stocked: RunningDaemon,
) -> None:
    begun = time.monotonic()
    run(stocked, "cache", "refresh", "good.example")
    again = run(stocked, "cache", "refresh", "good.example")
    every = told(stocked, "cache", "refresh", "--all")
    if time.monotonic() - begun < PAUSE_BETWEEN:  # else this host is so busy that it was longer ago
        assert again.exit_code == exit_codes.TEMPORARY
        assert "it was asked for a moment ago" in again.stdout
        assert every["outcomes"]["refused"] >= 1


async def test_warm_reads_files_and_logs(stocked: RunningDaemon, tmp_path: Path) -> None:
    file = tmp_path / "domains"
    file.write_text("good.example  # a partner\n\nuser@test.example\nnew.example\n")
    warmed = run(stocked, "warm", str(file))
    assert warmed.exit_code == exit_codes.USAGE
    assert "line 3: 'user@test.example' is a mail address" in warmed.stderr
    lines = {line.split("\t")[0]: line.split("\t") for line in warmed.stdout.splitlines()}
    assert lines["good.example"][1:3] == ["known", "enforce"]
    assert lines["new.example"][1] == "failed"
    log = tmp_path / "mail.log.gz"
    delivery = (
        "Nov 25 10:00:08 mx1 postfix/smtp[4006]: 4c8vgk2lXhzNcrX: to=<u@test.example>,"
        " relay=mx.test.example[192.0.2.33]:25, delay=3, status=sent (250 Ok)\n"
    )
    log.write_bytes(gzip.compress(delivery.encode() * 3))
    from_log = told(stocked, "warm", "--from-maillog", str(log))
    assert [one["key"] for one in from_log["domains"]] == ["test.example"]
    assert from_log["outcomes"] == {"known": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        ["warm"],
        ["warm", "a", "--from-maillog", "b"],
        ["cache", "refresh"],
        ["cache", "refresh", "a.example", "--all"],
        ["cache", "purge"],
        ["cache", "purge", "a.example", "--all"],
        ["cache", "list", "--expires-within", "soon"],
    ],
)
def test_what_makes_no_sense_is_refused_before_the_daemon_is_asked(
    daemon: RunningDaemon, arguments: list[str]
) -> None:
    assert run(daemon, *arguments).exit_code == exit_codes.USAGE


@pytest.mark.parametrize(
    "arguments",
    [["cache", "list"], ["cache", "export"], ["cache", "refresh", "--all"], ["warm", "/dev/null"]],
)
def test_without_a_daemon_each_says_so(daemon: RunningDaemon, arguments: list[str]) -> None:
    ended = run(daemon, *arguments)
    assert ended.exit_code == (0 if arguments[0] == "warm" else exit_codes.UNAVAILABLE)
    assert arguments[0] == "warm" or "there is no control socket" in ended.stderr


def test_a_domain_in_preload_is_looked_at_at_the_start_and_after_a_reload(
    daemon: RunningDaemon,
) -> None:
    daemon.configure(preload=["bücher.example"])
    daemon.start()
    assert shown_in_time(daemon, "xn--bcher-kva.example")["preloaded"]
    daemon.configure(preload=["other.example"])
    daemon.signal(signal.SIGHUP)
    daemon.notified("READY=1")
    other = shown_in_time(daemon, "other.example")
    assert other["preloaded"]
    assert other["summary"]["code"].startswith("dns-")
    assert other["summary"]["due"] is not None
    assert not shown_in_time(daemon, "xn--bcher-kva.example")["preloaded"]


def shown_in_time(daemon: RunningDaemon, domain: str) -> Any:
    """Return what is known of a domain, as soon as something is."""
    deadline = time.monotonic() + PATIENCE
    while (shown := run(daemon, "cache", "show", domain, "--json")).exit_code:
        assert time.monotonic() < deadline, shown.output
        time.sleep(0.1)
    return json.loads(shown.stdout)


async def test_domains_are_completed(stocked: RunningDaemon) -> None:
    words = ["cache", "show", "--control", str(stocked.control)]
    for typed, found in (("go", ["good.example"]), ("x", []), ("*", [])):
        complete = ShellComplete(main, {}, "mtasts-resolver", "_MTASTS_RESOLVER_COMPLETE")
        assert [item.value for item in complete.get_completions(words, typed)] == found
    nobody = ["cache", "show", "--control", "/nonexistent"]
    assert complete.get_completions(nobody, "go") == []
