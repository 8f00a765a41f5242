"""The daemon as a process: start, reload, signals, systemd's notifications, shutdown, faults."""

import asyncio
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dns.flags
import pytest
from dns.message import Message

from mtasts_resolver.base.overload import TOO_BUSY
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.errors import DaemonUnreachableError
from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.status import DaemonStatus
from mtasts_resolver.postfix.reply import NOT_FOUND, Status
from tests.system.running import ENFORCED, PATIENCE, RunningDaemon
from tests.unit.discovery.servers import name_server, respond
from tests.unit.knowledge.world import fattest_document

SECURE = "secure match=mx.good.example"
TESTING = ENFORCED.replace("enforce", "testing")
BUSY = b"49:TEMP overloaded: this host is too busy, try again,"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mtasts_resolver", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def query(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Return what `query` says; where this host was too busy, as it says: try again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = command("query", *arguments)
        if TOO_BUSY not in answer.stdout or time.monotonic() >= deadline:
            return answer


def postmap(key: str, table: str) -> str:
    """Return what Postfix's own client gets."""
    asked = subprocess.run(
        ["postmap", "-q", key, table], capture_output=True, text=True, check=True
    )
    return asked.stdout


@pytest.mark.row("D2")
async def test_without_a_word_from_dns_a_stored_policy_is_not_put_before_dane(
    daemon: RunningDaemon,
) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.configure(dns={"servers": ["127.0.0.1:1"], "timeout": "1s"})
    daemon.start()
    reply = daemon.ask("good.example")
    assert reply.status is Status.TEMP
    assert "DANE may apply" in reply.text
    assert daemon.ask("unknown.example").text == "dane"


@pytest.mark.threat("policy-fat")
@pytest.mark.row("P5")
@pytest.mark.parametrize("head", ["", "extension: \N{GRINNING FACE}\n"], ids=["plain", "wide"])
async def test_the_fattest_policies_that_are_allowed_fit_into_the_memory_of_the_unit(
    daemon: RunningDaemon, head: str
) -> None:
    """With one wide character each takes four times the room; the daemon must start all the same.

    The unit allows 1 GB for both processes.
    """
    domains = [f"d{number}.example" for number in range(2_000)]
    await daemon.store(dict.fromkeys(domains, fattest_document(head)))
    daemon.start()
    until(lambda: "event=policies-loaded policies=2000" in daemon.log)
    for map_name in ("default", "tlsrpt"):
        for domain in domains[::10] + domains[:50]:
            assert daemon.ask(domain, map_name).status is Status.OK
    assert daemon.most_resident < 550_000_000
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0


async def test_the_status_tells_at_once_of_what_is_loaded_and_of_dnssec(
    daemon: RunningDaemon,
) -> None:
    """It is told every 30 seconds, and a test waits for 20."""

    def validating(query: Message) -> Message:
        name = query.question[0].name
        return respond(query, f"{name} 300 IN SOA a. b. 1 2 3 4 5", flags=dns.flags.AD)

    await daemon.store({"a.example": ENFORCED, "b.example": ENFORCED})
    daemon.start()
    daemon.has_status("2 policies", "DANE off")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    async with name_server(validating) as server:
        daemon.configure(dns={"servers": [str(server.address)]})
        await asyncio.to_thread(daemon.start)
        await asyncio.to_thread(daemon.has_status, "2 policies", "DANE on")


async def test_whoever_has_asked_when_a_restart_begins_is_answered(daemon: RunningDaemon) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.start()
    address = ("127.0.0.1", daemon.port)
    request = b"20:default good.example,"
    asking = [socket.create_connection(address, PATIENCE) for _ in range(30)]
    for sock in asking:
        sock.sendall(request)
        assert sock.recv(100).startswith(b"51:OK secure")
    daemon.signal(signal.SIGSTOP)  # all that follows happens between two turns of its loop
    asking += [socket.create_connection(address, PATIENCE) for _ in range(200)]
    for sock in asking:
        sock.sendall(request)
    daemon.signal(signal.SIGTERM)
    daemon.signal(signal.SIGCONT)
    for sock in asking:
        with sock, sock.makefile("rb") as replies:
            assert replies.read().startswith(b"51:OK secure")
    assert daemon.wait() == 0
    daemon.start()
    assert daemon.ask("good.example").status is Status.OK


@pytest.mark.threat("dns-down")
@pytest.mark.row("C2")
async def test_a_stored_policy_is_answered_although_dns_is_down(daemon: RunningDaemon) -> None:
    await daemon.store({"good.example": ENFORCED, "test.example": TESTING})
    daemon.start()
    assert daemon.ask("good.example").text == f"{SECURE} servername=hostname"
    assert daemon.ask("[good.example]:25").status is Status.OK
    assert daemon.ask("test.example") == NOT_FOUND
    assert daemon.ask("unknown.example") == NOT_FOUND


async def test_sigterm_ends_in_good_order(daemon: RunningDaemon) -> None:
    daemon.start()
    daemon.signal(signal.SIGTERM)
    daemon.notified("STOPPING=1")
    assert daemon.wait() == 0
    assert "event=stopped" in daemon.log
    with pytest.raises(DaemonUnreachableError):
        daemon.ask("good.example")


async def test_what_is_in_hand_at_sigterm_is_answered(daemon: RunningDaemon) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(20)
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        daemon.configure(dns={"servers": [server], "timeout": "2s", "dnssec": "off"})
        daemon.start()
        with socket.create_connection(("127.0.0.1", daemon.port), 20) as client:
            client.sendall(b"20:default slow.example,")
            silent.recv(4_096)  # the question has come, and will have no answer
            daemon.signal(signal.SIGTERM)
            daemon.notified("STOPPING=1")
            with client.makefile("rb") as answer:
                # On a busy host the time-out says nothing of the server.
                assert answer.read() in (b"9:NOTFOUND ,", BUSY)
    assert daemon.wait() == 0


@pytest.mark.threat("discoverer-killed")
async def test_without_its_discoverer_it_answers_from_memory_and_starts_another(
    daemon: RunningDaemon,
) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.start()
    first = daemon.discoverer
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(daemon.ask, "new.example")
        until(lambda: daemon.ask("good.example").status is Status.OK)
        os.kill(first, signal.SIGKILL)
        reply = waiting.result(PATIENCE)
    assert (reply.status, "overloaded" in reply.text) == (Status.TEMP, True)
    assert daemon.ask("good.example").status is Status.OK
    until(lambda: "event=discoverer-started" in daemon.log)
    assert daemon.discoverer not in (None, first)
    assert "event=discoverer-ended" in daemon.log
    assert daemon.ask("new.example") == NOT_FOUND  # DNS is asked again, in vain


def test_a_discoverer_does_not_outlive_its_daemon(daemon: RunningDaemon) -> None:
    daemon.start()
    pid = daemon.discoverer
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    until(lambda: has_ended(pid))


def has_ended(pid: int | None) -> bool:
    """Tell whether a process has ended, though perhaps nobody has looked after it yet."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def until(true: Callable[[], bool]) -> None:
    """Return when `true()` is."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def test_a_reload_changes_maps_and_log_without_losing_a_connection(
    daemon: RunningDaemon,
) -> None:
    await daemon.store({"test.example": TESTING})
    daemon.start()
    with socket.create_connection(("127.0.0.1", daemon.port), 20) as client:
        stream = client.makefile("rb")
        client.sendall(b"20:default test.example,")
        assert stream.read(12) == b"9:NOTFOUND ,"
        daemon.configure(maps={"default": {"testing": "enforce"}}, log={"format": "json"})
        reload(daemon)
        client.sendall(b"20:default test.example,")
        assert stream.read(4) == b"51:O"
    last = json.loads(daemon.log.splitlines()[-1])
    assert last["event"] == "configuration-reloaded"
    assert "maps.default" in last["applied"]


def test_a_reload_says_what_needs_a_restart_and_leaves_it_as_it_was(daemon: RunningDaemon) -> None:
    daemon.start()
    before = daemon.config_file.read_text()
    daemon.configure(
        dns={"servers": ["127.0.0.2:1"], "timeout": "1s", "dnssec": "off"},
        control={"socket": str(daemon.directory / "other.sock"), "group": "mail"},
        http={"address": "127.0.0.1:0", "hosts": ["status.example"]},
    )
    changed = ("dns.servers", "control.socket", "control.group", "http.address", "http.hosts")
    reload(daemon)
    assert f"event=restart-needed keys={','.join(changed)}" in daemon.log
    with ControlClient(daemon.control) as client:
        assert client.get(DaemonStatus, "status").configuration.restart_needed == changed
        daemon.config_file.write_text(before)
        reload(daemon)
        assert client.get(DaemonStatus, "status").configuration.restart_needed == ()
    assert not (daemon.directory / "other.sock").exists()
    assert "protocol=http" not in daemon.log


def reload(daemon: RunningDaemon) -> None:
    daemon.signal(signal.SIGHUP)
    daemon.notified("RELOADING=1")
    daemon.notified("READY=1")


@pytest.mark.threat("config-hostile")
async def test_a_bad_file_at_reload_leaves_the_old_one_in_force(daemon: RunningDaemon) -> None:
    await daemon.store({"test.example": TESTING})
    daemon.configure(maps={"default": {"testing": "enforce"}})
    daemon.start()
    daemon.config_file.write_text("maps: {default: {testing: enfroce}}\n")
    reload(daemon)
    assert "'enfroce' is not one of observe, enforce" in daemon.log
    assert daemon.ask("test.example").status is Status.OK


def test_a_faulty_configuration_ends_the_start(daemon: RunningDaemon) -> None:
    daemon.config_file.write_text("listen: 5\nlogg: {}\n")
    daemon.start(ready=False)
    assert daemon.wait() == exit_codes.USAGE
    assert f"{daemon.config_file}:1: $.listen: '5' is not a list" in daemon.log
    assert f"{daemon.config_file}:2: $: unknown key 'logg'" in daemon.log
    assert "did you mean 'log'?" in daemon.log
    assert "Traceback" not in daemon.log


def test_an_address_in_use_ends_the_start(daemon: RunningDaemon) -> None:
    with socket.create_server(("127.0.0.1", daemon.port)):
        daemon.start(ready=False)
        assert daemon.wait() == exit_codes.TEMPORARY  # which systemd tries again
    assert f"cannot listen on inet:127.0.0.1:{daemon.port}" in daemon.log
    assert "Traceback" not in daemon.log


@pytest.mark.parametrize("content", [None, "", "no certificate\n"])
def test_a_useless_ca_file_ends_the_start(daemon: RunningDaemon, content: str | None) -> None:
    ca_file = daemon.directory / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    daemon.configure(https={"ca_file": str(ca_file)})
    daemon.start(ready=False)
    assert daemon.wait() == exit_codes.USAGE
    assert f"{ca_file}" in daemon.log
    assert "Traceback" not in daemon.log


def test_the_watchdog_is_fed(tmp_path: Path, free_port: int) -> None:
    with RunningDaemon(tmp_path, free_port, {"WATCHDOG_USEC": "200000"}) as daemon:
        daemon.start()
        for _ in range(3):
            daemon.notified("WATCHDOG=1")
        daemon.signal(signal.SIGSTOP)  # the event loop stands still, and so does the watchdog
        os.waitid(os.P_PID, daemon.pid, os.WSTOPPED)
        daemon.drain()
        assert not daemon.has_news(within=1.0)
        daemon.signal(signal.SIGCONT)
        daemon.notified("WATCHDOG=1")


def test_a_unix_socket_of_the_given_mode(daemon: RunningDaemon) -> None:
    path = daemon.directory / "socketmap"
    daemon.configure(listen=[{"protocol": "socketmap", "address": f"unix:{path}", "mode": "0600"}])
    daemon.start()
    assert path.stat().st_mode & 0o777 == 0o600
    answer = query("unknown.example", "--server", f"unix:{path}")
    assert (answer.stdout, answer.returncode) == ("NOTFOUND\n", exit_codes.NEGATIVE)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert not path.exists()


@pytest.mark.threat("rights")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_root_becomes_the_user_of_the_configuration(open_daemon: RunningDaemon) -> None:
    daemon = open_daemon
    daemon.configure(user="nobody")
    await daemon.store({"good.example": ENFORCED})
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in (daemon.store_file, daemon.store_file.parent):
        os.chown(path, nobody, -1)
    daemon.start()
    assert daemon.uids() == {nobody}
    assert daemon.store_owner() == nobody
    assert daemon.ask("good.example").status is Status.OK
    assert "event=privileges-dropped user=nobody" in daemon.log
    assert "event=running-as-root" not in daemon.log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_a_store_that_is_not_the_users_ends_the_start(open_daemon: RunningDaemon) -> None:
    daemon = open_daemon
    daemon.configure(user="nobody")
    await daemon.store({"good.example": ENFORCED})
    daemon.start(ready=False)
    assert daemon.wait() == exit_codes.USAGE
    assert f"'chown nobody: {daemon.store_file.parent}'" in daemon.log
    assert {daemon.store_owner(), daemon.store_file.parent.stat().st_uid} == {0}
    assert "Traceback" not in daemon.log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can stay root")
def test_root_is_told_once_not_to_stay_root(daemon: RunningDaemon) -> None:
    daemon.start()
    assert daemon.log.count("event=running-as-root") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is asked to become somebody")
def test_an_unknown_user_ends_the_start(daemon: RunningDaemon) -> None:
    daemon.configure(user="nobody")
    account = daemon.config_file.read_text().replace("nobody", "no-such-user")
    daemon.config_file.write_text(account)
    daemon.start(ready=False)
    assert daemon.wait() == exit_codes.USAGE
    assert "no-such-user" in daemon.log
    assert "Traceback" not in daemon.log


@pytest.mark.skipif(shutil.which("postmap") is None, reason="Postfix is not installed")
async def test_query_asks_as_postfix_does(daemon: RunningDaemon) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.configure(
        listen=[{"protocol": "socketmap", "address": daemon.address}],
        maps={"plain": {"sni": False}},
        on_dns_failure="defer",
    )
    daemon.start()
    config = ("--config", str(daemon.config_file))
    answer = command("query", "good.example", *config)
    assert (answer.stdout, answer.returncode) == (f"OK {SECURE} servername=hostname\n", 0)
    answer = command("query", "good.example", "--map", "plain", "--json", *config)
    assert json.loads(answer.stdout) == {
        "domain": "good.example",
        "map": "plain",
        "status": "OK",
        "text": SECURE,
        "observed": False,
        "would_be": None,
    }
    answer = command("query", "user@good.example", "--map", "plian", *config)
    assert (answer.stdout, answer.returncode) == ("NOTFOUND\n", exit_codes.NEGATIVE)
    assert "is a mail address: Postfix asks for its domain; did you mean 'good.example'?" in (
        answer.stderr
    )
    assert "there is no map 'plian', it is answered as 'default'; did you mean 'plain'?" in (
        answer.stderr
    )
    answer = command("query", "user@good.example", "--json", *config)
    assert (answer.stderr, json.loads(answer.stdout)["meant"]) == ("", "good.example")
    answer = query("unknown.example", *config)
    assert answer.stdout.startswith("TEMP ")
    assert "127.0.0.1" in answer.stdout
    assert answer.returncode == exit_codes.TEMPORARY
    assert postmap("good.example", f"socketmap:{daemon.address}:default") == (
        f"{SECURE} servername=hostname\n"
    )


@pytest.mark.parametrize("content", [None, "listen: 5\n"])
def test_query_asks_the_default_address_where_the_configuration_is_of_no_use(
    tmp_path: Path, content: str | None
) -> None:
    config_file = tmp_path / "config.yaml"
    if content is not None:
        config_file.write_text(content)
    answer = command("query", "good.example", "--config", str(config_file))
    assert str(config_file) in answer.stderr
    assert "asked at the default address, inet:127.0.0.1:8461" in answer.stderr
    assert answer.returncode != exit_codes.USAGE


def test_query_says_when_nobody_answers(tmp_path: Path, free_port: int) -> None:
    answer = command("query", "good.example", "--server", f"inet:127.0.0.1:{free_port}")
    assert answer.returncode == exit_codes.UNAVAILABLE
    assert "is mtasts-resolver running" in answer.stderr
    as_json = command("query", "good.example", "--json", "--server", f"inet:127.0.0.1:{free_port}")
    assert as_json.returncode == exit_codes.UNAVAILABLE
    shown = json.loads(as_json.stdout)
    assert (shown["error"], shown["exit_code"]) == (answer.stderr.strip(), exit_codes.UNAVAILABLE)
    answer = command("query", "good.example", "--server", "127.0.0.1:8461")
    assert answer.returncode == exit_codes.USAGE
    assert "is neither 'inet:HOST:PORT' nor 'unix:/PATH'" in answer.stderr


@pytest.mark.threat("socket-leak")
@pytest.mark.row("P15")
def test_without_files_for_sockets_look_ups_are_deferred(daemon: RunningDaemon) -> None:
    daemon.configure(dns={"servers": ["127.0.0.1:1"], "timeout": "1s", "dnssec": "trust"})
    daemon.start()
    assert daemon.discoverer is not None
    # What the process has open is above this limit: it can open nothing more.
    resource.prlimit(daemon.discoverer, resource.RLIMIT_NOFILE, (3, 3))
    for domain in ("one.example", "two.example"):
        reply = daemon.ask(domain)
        assert reply.status is Status.TEMP
        assert reply.text.startswith("overloaded: this process may open no more files")
    assert daemon.log.count("event=discovery-impossible") == 1


@pytest.mark.row("P15")
def test_explain_says_what_this_host_lacks(daemon: RunningDaemon) -> None:
    program = (
        "import resource, sys, mtasts_resolver.answers.explanation as explanation\n"
        "from mtasts_resolver.cli import main\n"
        "explain_key = explanation.explain_key\n"
        "async def without_files(*arguments):\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "    return await explain_key(*arguments)\n"
        "explanation.explain_key = without_files\n"
        "main(['explain', 'good.example', '--config', sys.argv[1]])\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(daemon.config_file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == exit_codes.TEMPORARY
    assert answer.stdout == ""
    assert answer.stderr.startswith(
        "nothing can be found out about good.example now: this process may open no more files"
    )


def test_explain_shows_a_failure_of_dns(daemon: RunningDaemon) -> None:
    answer = command("explain", "good.example", "--config", str(daemon.config_file))
    assert answer.returncode == exit_codes.TEMPORARY
    assert "FAIL  TXT _mta-sts.good.example" in answer.stdout
    assert answer.stdout.startswith(
        "Postfix gets now  nothing, and so it defers the mail: no answer"
    )
    assert "a fresh look      NOTFOUND\n" in answer.stdout
    answer = command("explain", ".example", "--json", "--config", str(daemon.config_file))
    assert answer.returncode == exit_codes.NEGATIVE
    shown = json.loads(answer.stdout)
    assert "is a parent domain" in shown["notes"][0]
    assert (shown["domain"], shown["meant"]) == (None, None)
