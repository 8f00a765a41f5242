"""The commands of an administrator, against the same daemon and the same internet as Postfix."""

import contextlib
import json
import os
import pty
import re
import subprocess
from termios import tcsetwinsize

import click
import pytest

from .danehosts import ADDRESS_FAILS, PLAIN, TLSA_ABSENT, TLSA_FAILS, TLSA_RIGHT
from .ends import DANE_ONLY, NOTFOUND, secure
from .internet import GOOD
from .lab import Lab
from .published import MailHost
from .relayhosts import ENFORCED, NOT_NAMED

pytestmark = pytest.mark.lab

OK = secure(GOOD, ".mx.example")
DANE_DECIDES = "DANE decides: every host that can be used can be verified with it"


def test_query_shows_what_postfix_gets(steady_lab: Lab) -> None:
    assert steady_lab.daemon.command("query", "enforced.example").strip() == OK
    shown = json.loads(steady_lab.daemon.command("query", "no-record.example", "--json"))
    assert (shown["status"], shown["text"]) == ("NOTFOUND", "")


def test_query_asks_the_map_it_is_told(steady_lab: Lab) -> None:
    strict = steady_lab.daemon.command("query", "testing.example", "--map", "strict")
    assert strict.strip() == secure(GOOD)
    usual = steady_lab.daemon.command("query", "testing.example", "--map", "default")
    assert usual.strip() == NOTFOUND.strip()


def test_explain_shows_each_step_and_the_answer(steady_lab: Lab) -> None:
    shown = steady_lab.daemon.command("explain", "enforced.example")
    assert "FAIL" not in shown
    for words in (
        "TXT _mta-sts.enforced.example",
        "A, AAAA mta-sts.enforced.example",
        "certificate for mta-sts.enforced.example",
        "GET https://mta-sts.enforced.example/.well-known/mta-sts.txt",
        "3 mx: good.mx.example",
        OK,
    ):
        assert words in shown


def test_explain_tells_of_an_mx_that_can_match_nothing(steady_lab: Lab) -> None:
    shown = steady_lab.daemon.command("explain", "lenient.example")
    assert "left out, as no MX host can have such a name: 192.0.2.25" in " ".join(shown.split())
    found = json.loads(steady_lab.daemon.command("explain", "lenient.example", "--json"))
    assert found["policy"]["mx"] == [GOOD.name]
    assert found["policy"]["left_out"] == ["192.0.2.25"]


@pytest.mark.parametrize(
    ("domain", "step", "reason"),
    [
        ("no-id.example", "TXT", "it has no id"),
        ("web-down.example", "connect", "connection refused"),
        ("web-expired.example", "TLS", "expired 3 days ago"),
        ("web-redirect.example", "GET", "which RFC 8461 §3.3 forbids"),
        ("bad-mode.example", "policy document", "line 2: the mode 'enforced'"),
        ("web-loopback.example", "A, AAAA", "127.0.0.80"),
    ],
)
def test_explain_names_the_step_that_failed(
    steady_lab: Lab, domain: str, step: str, reason: str
) -> None:
    shown = json.loads(steady_lab.daemon.command("explain", domain, "--json"))
    failed = [done for done in shown["steps"] if not done["ok"]]
    assert len(failed) == 1
    assert failed[0]["name"].startswith(step)
    assert reason in failed[0]["outcome"]
    assert shown["reply"] == {"status": "NOTFOUND", "text": ""}


def test_explain_shows_dane_host_by_host(steady_lab: Lab) -> None:
    shown = steady_lab.daemon.command("explain", "first-has-tlsa-enforced.example")
    for words in (
        "127.0.0.1 validates, and is trusted",
        "MX first-has-tlsa-enforced.example (DANE)",
        f"DANE {TLSA_RIGHT.name}",
        f"| TLSA _25._tcp.{TLSA_RIGHT.name}: 3 1 1",
        f"none  DANE {TLSA_ABSENT.name}",
        "DANE              partial: hosts with TLSA records: 1 of 2",
        "decision          MTA-STS decides: DANE could not verify every host, the policy can",
        f"Postfix gets now  {secure(TLSA_RIGHT, TLSA_ABSENT)}",
    ):
        assert words in shown


@pytest.mark.parametrize(
    ("domain", "status", "hosts", "decision"),
    [
        ("tlsa-right", "required", {TLSA_RIGHT: "usable TLSA records"}, DANE_DECIDES),
        (
            "second-fails",
            "required",
            {TLSA_RIGHT: "usable TLSA records", TLSA_FAILS: "TLSA look-up failed"},
            DANE_DECIDES,
        ),
        (
            "tlsa-fails",
            "unknown",
            {TLSA_FAILS: "TLSA look-up failed"},
            "nothing can be decided: DANE may apply, and MTA-STS must not override it",
        ),
        (
            "first-lost",
            "partial",
            {ADDRESS_FAILS: "address look-up failed", PLAIN: "no TLSA records"},
            "MTA-STS decides: DANE could not verify every host, the policy can",
        ),
        ("unsigned-mx", "none", {}, "MTA-STS decides: DANE does not apply"),
    ],
)
def test_explain_says_why_dane_or_the_policy_won(
    steady_lab: Lab, domain: str, status: str, hosts: dict[MailHost, str], decision: str
) -> None:
    name = f"{domain}-enforced.example"
    shown = json.loads(steady_lab.daemon.command("explain", name, "--json"))
    assert shown["dane"]["status"] == status
    outcomes = [(host["name"], host["outcome"]) for host in shown["dane"]["hosts"]]
    assert outcomes == [(host.name, outcome) for host, outcome in hosts.items()]
    assert shown["decision"] == decision
    assert f"{shown['reply']['status']} {shown['reply']['text']}" == shown["daemon"]
    assert shown["daemon"] == steady_lab.daemon.ask(name)


@pytest.mark.row("D10")
@pytest.mark.parametrize(
    ("domain", "decision", "answer"),
    [
        ("tlsa-right", DANE_DECIDES, DANE_ONLY),
        (
            "first-has-tlsa",
            "main.cf decides: DANE could not verify every host, as dane: only asks",
            NOTFOUND,
        ),
        (
            "tlsa-fails",
            "nothing can be decided: it may be that DANE can verify every host",
            f"TEMP DANE may be required, but its look-up failed: host {TLSA_FAILS.name}",
        ),
    ],
)
def test_explain_says_what_a_map_makes_of_dane_that_wants_it_where_it_is_required(
    steady_lab: Lab, domain: str, decision: str, answer: str
) -> None:
    told = steady_lab.daemon.command("explain", f"{domain}.example", "--map", "only", "--json")
    shown = json.loads(told)
    assert shown["decision"] == decision
    assert shown["daemon"].startswith(answer.rstrip())
    assert shown["difference"] is None


@pytest.mark.row("K5")
def test_explain_says_which_hosts_and_port_dane_is_asked_for(steady_lab: Lab) -> None:
    relay = ENFORCED["host-alone"]
    name, mx = relay.domain.name, relay.mx.name
    for key, hop, said, fits, tlsa, decision, answer in (
        (
            f"[{name}]:submission",
            f"[{name}]:587",
            f"next hop          the host {name}, port 587",
            f"host {name}",
            f"TLSA _587._tcp.{name}: 3 1 1",
            DANE_DECIDES,
            DANE_ONLY,
        ),
        (
            name.upper(),
            name,
            f"next hop          MX hosts of {name}, port 25",
            f"{mx}: fits {mx}",
            f"DANE {mx}",
            "MTA-STS decides: DANE does not apply",
            secure(relay.host, relay.mx),
        ),
    ):
        text = steady_lab.daemon.command("explain", key)
        for words in (said, fits, tlsa, decision, f"Postfix gets now  {answer}"):
            assert words in text
        shown = json.loads(steady_lab.daemon.command("explain", key, "--json"))
        assert (shown["domain"], shown["dane"]["next_hop"]) == (name, hop)


@pytest.mark.row("K5")
def test_explain_compares_a_host_in_brackets_with_the_policy(steady_lab: Lab) -> None:
    shown = steady_lab.daemon.command("explain", f"[{NOT_NAMED.host.name}]:587")
    assert f"host {NOT_NAMED.host.name}" in shown
    assert "fits no mx of the policy" in shown
    assert f"MX {NOT_NAMED.host.name}" not in shown


def test_no_record_is_no_failure(steady_lab: Lab) -> None:
    shown = steady_lab.daemon.command("explain", "no-record.example")
    assert "none  TXT _mta-sts.no-record.example" in shown
    assert "FAIL" not in shown
    (txt, *_) = json.loads(steady_lab.daemon.command("explain", "no-record.example", "--json"))[
        "steps"
    ]
    assert (txt["ok"], txt["result"]) == (False, "none")


def on_terminal(lab: Lab, *arguments: str, **environment: str) -> str:
    """Return what a command writes to a terminal."""
    terminal, end = pty.openpty()
    tcsetwinsize(terminal, (25, COLUMNS))
    command = lab.daemon.command_line(*arguments)
    process = subprocess.Popen(
        lab.namespace.command(command),
        stdin=end,
        stdout=end,
        stderr=end,
        env={"PATH": os.defpath, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment},
    )
    os.close(end)
    wrote = b""
    with contextlib.suppress(OSError):  # what Linux says of a terminal whose other end is closed
        while some := os.read(terminal, 65_536):
            wrote += some
    os.close(terminal)
    process.wait()
    return wrote.decode()


COLUMNS = 80
SPINNER = re.compile(r"[\u2800-\u28ff] (.*?)\r")


def test_a_terminal_gets_colour_whole_words_and_a_spinner(steady_lab: Lab) -> None:
    domain = "web-slow.example"
    wrote = on_terminal(steady_lab, "explain", domain)
    waited_for = set(SPINNER.findall(click.unstyle(wrote)))
    assert f"GET https://mta-sts.{domain}/.well-known/mta-sts.txt" in waited_for
    report = wrote[wrote.rindex("Postfix gets now") :]
    assert "\x1b[32m\x1b[1mok" in report
    assert "\x1b[31m\x1b[1mFAIL" in report
    lines = [line.rstrip() for line in click.unstyle(report).splitlines()]
    assert max(map(len, lines)) <= COLUMNS
    plain = steady_lab.daemon.command("explain", domain, "--color", "auto")
    assert "\x1b" not in plain
    words = set(plain.split())
    # Times differ from one run to the next.
    assert all(word in words or word.startswith("(") for word in " ".join(lines).split())


@pytest.mark.parametrize(
    ("arguments", "environment"), [((), {"NO_COLOR": "1"}), (("--color", "never"), {})]
)
def test_a_terminal_gets_no_colour_where_it_is_not_wanted(
    steady_lab: Lab, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    wrote = on_terminal(steady_lab, "explain", "enforced.example", *arguments, **environment)
    assert "\x1b[3" not in wrote[wrote.rindex("Postfix gets now") :]
