"""`check` run for real: what it is asked, what it ends with, and what is kept at Ctrl-C."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import dns.message
import dns.rcode
import pytest
import yaml

from mtasts_resolver.cli import exit_codes, main
from mtasts_resolver.cli.known_domains import complete_own_domain
from tests.runner import CliRunner
from tests.system.running import ENFORCED, RunningDaemon
from tests.unit.discovery.servers import name_server, respond

TESTING = ENFORCED.replace("enforce", "testing")
# No address is given that is connected to: TEST-NET is not routable (RFC 5737), and so left out.
ZONE = {
    ("_mta-sts.good.example.", "TXT"): '"v=STSv1; id=1;"',
    ("good.example.", "MX"): "10 mx.good.example.",
    ("mx.good.example.", "A"): "192.0.2.25",
    ("mta-sts.good.example.", "A"): "192.0.2.80",
    ("plain.example.", "MX"): "10 mx.good.example.",
}
SILENT = "silent.example."
BROKEN = "broken.example."


def handle(query: dns.message.Message) -> dns.message.Message | None:
    name, kind = query.question[0].name.to_text(), query.question[0].rdtype.name
    if name.endswith(SILENT):
        return None
    if name.endswith(BROKEN):
        return respond(query, rcode=dns.rcode.SERVFAIL)
    if (data := ZONE.get((name, kind))) is not None:
        return respond(query, f"{name} 300 IN {kind} {data}")
    rcode = dns.rcode.NOERROR if any(name == known for known, _ in ZONE) else dns.rcode.NXDOMAIN
    return respond(query, rcode=rcode)


@pytest.fixture
async def config_file(tmp_path: Path) -> AsyncIterator[Path]:
    async with name_server(handle) as server:
        file = tmp_path / "check.yaml"
        settings = {
            "dns": {"servers": [f"127.0.0.1:{server.address.port}"], "timeout": "30s"},
            "control": {"socket": str(tmp_path / "control.sock")},
        }
        file.write_text(yaml.safe_dump(settings))
        yield file


class Checked:
    """What a command wrote, and how it ended."""

    def __init__(self, code: int | None, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out.decode()
        self.err = err.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


# SIGINT may be ignored where the tests run, and so in their children.
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " from mtasts_resolver.cli import main; main()"
)


async def start(config: Path, *arguments: str, **pipes: Any) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "check", "--config", str(config), *arguments),
        **{"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE} | pipes,
        stderr=asyncio.subprocess.PIPE,
    )


async def check(config: Path, *arguments: str, given: bytes = b"") -> Checked:
    process = await start(config, *arguments)
    out, err = await process.communicate(given)
    return Checked(process.returncode, out, err)


async def test_a_domain_is_looked_over(config_file: Path) -> None:
    done = await check(config_file, "good.example", "--json")
    (one,) = done.json["domains"]
    assert (one["domain"], one["verdict"]) == ("good.example", "error")
    assert done.code == done.json["exit_code"] == exit_codes.ERRORS_FOUND
    assert one["observed"]["record"]["texts"] == ["v=STSv1; id=1;"]
    assert [host["name"] for host in one["observed"]["mx_hosts"]] == ["mx.good.example"]
    assert one["errors"] == sum(found["severity"] == "error" for found in one["findings"])
    assert one["before"] is None
    assert "there is no control socket" in one["before_unseen"]
    assert done.err == ""


async def test_several_domains_come_in_their_order_and_the_worst_decides(
    config_file: Path,
) -> None:
    file = config_file.parent / "domains"
    file.write_text("# partners\nplain.example\nuser@good.example\n")
    done = await check(config_file, "b\xfccher.example", "--file", str(file), "--no-smtp")
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert [cells[1] for cells in lines if cells[0] == "verdict"] == [
        *("xn--bcher-kva.example", "plain.example", "good.example"),
    ]
    assert {len(cells) for cells in lines if cells[0] == "host"} == {12}
    assert {len(cells) for cells in lines if cells[0] == "finding"} == {8}
    assert done.code == exit_codes.ERRORS_FOUND
    assert done.err.splitlines() == [
        f"{file}: line 3: 'user@good.example' is a mail address: good.example is checked"
    ]


async def test_a_line_that_names_no_domain_is_named_and_the_others_are_checked(
    config_file: Path,
) -> None:
    done = await check(config_file, "--file", "-", given=b"plain.example\n192.0.2.1\n")
    assert done.code == exit_codes.USAGE
    assert done.out.startswith("verdict\tplain.example\t")
    assert done.err.startswith("standard input: line 2: '192.0.2.1' is an address")


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        ((), "name a DOMAIN, or a --file with some", exit_codes.USAGE),
        (("a.example", "localhost"), "'localhost' is no domain: it is a single label", 2),
        (("a.example", "--json", "--nagios"), "choose one", exit_codes.USAGE),
        (("--from-daemon", "--no-smtp"), "shows a check that was made", exit_codes.USAGE),
        (("--file", "/no/such/file"), "/no/such/file: No such file or directory", 2),
        (("--from-daemon",), "there is no control socket", exit_codes.UNAVAILABLE),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: tuple[str, ...], words: str, code: int, tmp_path: Path
) -> None:
    missing = ("--control", str(tmp_path / "control.sock"))
    done = CliRunner().invoke(main, ["check", *arguments, *missing])
    assert words in " ".join(done.output.split())
    assert done.exit_code == code
    plugin = CliRunner().invoke(main, ["check", "localhost", "--nagios", *missing])
    assert plugin.output.startswith("MTA-STS UNKNOWN - 'localhost' is no domain")
    assert (plugin.exit_code, plugin.output.count("\n")) == (3, 1)


async def test_a_domain_whose_name_servers_fail_is_at_fault_where_others_are_found(
    config_file: Path,
) -> None:
    done = await check(config_file, "broken.example", "--json")
    (one,) = done.json["domains"]
    assert (done.code, one["verdict"], one["reason"]) == (exit_codes.ERRORS_FOUND, "error", "")
    assert one["findings"][0]["code"] == "policy-record-lookup-failed"


async def test_without_a_name_server_nothing_is_known(tmp_path: Path) -> None:
    file = tmp_path / "check.yaml"
    file.write_text(yaml.safe_dump({"dns": {"servers": ["127.0.0.1:1"], "timeout": "1s"}}))
    done = await check(file, "good.example", "--json")
    assert done.code == exit_codes.TEMPORARY
    (one,) = done.json["domains"]
    assert (done.json["verdict"], one["verdict"]) == ("unknown", "unknown")
    assert one["reason"]
    plugin = await check(file, "good.example", "--nagios")
    assert plugin.code == 3
    assert plugin.out.startswith("MTA-STS UNKNOWN - good.example: nothing can be found out: ")


async def test_a_monitor_gets_one_line_whatever_happens(config_file: Path) -> None:
    done = await check(config_file, "good.example", "plain.example", "--nagios")
    assert done.code == 2
    assert done.out.startswith("MTA-STS CRITICAL - ")
    assert done.out.endswith(" unknown=0;;;0 domains=2;;;0\n")


async def test_at_ctrl_c_what_has_been_found_is_kept(config_file: Path) -> None:
    """Of the two the one is answered, and the name servers never answer for the other."""
    process = await start(config_file, "plain.example", SILENT.rstrip("."))
    assert process.stdout is not None
    first = await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == exit_codes.INTERRUPTED
    assert first.startswith(b"verdict\tplain.example\t")
    assert b"silent" not in out
    assert " ".join(err.decode().split()) == "interrupted: 1 of 2 domains have been checked"


async def test_the_policy_is_compared_with_the_one_that_the_daemon_holds(
    config_file: Path, daemon: RunningDaemon
) -> None:
    await daemon.store({"good.example": TESTING})
    daemon.start()
    held = await check(config_file, "good.example", "--json", "--control", str(daemon.control))
    (one,) = held.json["domains"]
    assert one["before_unseen"] is None
    assert (one["before"]["id"], one["before"]["mode"]) == ("1", "testing")
    assert one["before"]["document"] == TESTING
    other = await check(config_file, "plain.example", "--json", "--control", str(daemon.control))
    assert [one["before"] for one in other.json["domains"]] == [None]
    assert other.json["domains"][0]["before_unseen"] is None


def test_the_last_check_of_a_daemon_is_shown_and_its_domains_complete(
    daemon: RunningDaemon,
) -> None:
    daemon.configure(own_domains=["mine.example"])
    daemon.start()
    config = ("--config", str(daemon.config_file))
    shown = CliRunner().invoke(main, ["check", *config, "--from-daemon", "--json"])
    (one,) = json.loads(shown.stdout)["domains"]
    assert (one["domain"], one["verdict"]) == ("mine.example", "unknown")
    assert (one["by_daemon"]["checked"], shown.exit_code) == (None, exit_codes.TEMPORARY)
    other = CliRunner().invoke(main, ["check", *config, "--from-daemon", "other.example"])
    assert other.exit_code == exit_codes.USAGE
    assert "'other.example' is not one of own_domains" in other.stderr
    context = click.Context(click.Command("check"))
    context.params = {"config_file": daemon.config_file}
    found = complete_own_domain(context, click.Argument(["domain"]), "MI")
    assert [item.value for item in found] == ["mine.example"]


async def test_a_person_sees_a_report_and_progress(config_file: Path) -> None:
    """On a terminal both, and in a pipe the report where colours are wanted."""
    terminal, end = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mtasts_resolver", "check", "--config", str(config_file)),
        *("plain.example", "good.example"),
        stdin=end,
        stdout=end,
        stderr=end,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(end)
    seen = b""
    loop = asyncio.get_running_loop()
    with suppress(OSError):  # what Linux says of a terminal that nobody else has
        while some := await loop.run_in_executor(None, os.read, terminal, 65_536):
            seen += some
    os.close(terminal)
    await process.wait()
    for words in (b"checking", b"HOST", b"To do: ", b"VERDICT", b"\x1b[31m"):
        assert words in seen
    piped = await check(config_file, "plain.example", "--color", "always")
    assert "\x1b[" in piped.out
    assert "\x1b[1mHOST" in piped.out
