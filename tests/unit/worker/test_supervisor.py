"""The discoverer as a real process, and what becomes of look-ups when something becomes of it."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import dns.flags
import dns.message
import msgspec
import pytest
import trustme

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.overload import MisconfiguredError, OverloadedError
from mtasts_resolver.config import Config, ConfigError, DnsConfig, HttpsConfig
from mtasts_resolver.discovery.errors import DnsServerError, NoRecordError, PolicyHostError
from mtasts_resolver.discovery.findings import FoundRecord, FoundSts
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.knowledge.journal import Journal
from mtasts_resolver.policy import Dane
from mtasts_resolver.worker import process, questions
from mtasts_resolver.worker.process import COMMAND
from mtasts_resolver.worker.supervisor import Supervisor
from tests.events import events
from tests.unit.discovery.servers import NameServer, name_server, respond

PATIENCE = 30.0
KNOWN = ["42"]  # so that no policy host is looked for

# A discoverer in a sandbox that does not let it change its scheduling policy.
FORBIDDEN = (
    sys.executable,
    "-P",
    "-c",
    """if True:
    import os, runpy
    def forbidden(*_):
        raise PermissionError
    os.sched_setscheduler = forbidden
    runpy.run_module("mtasts_resolver.worker", run_name="__main__")
    """,
)


def answers(query: dns.message.Message) -> dns.message.Message | None:
    name = query.question[0].name.to_text()
    match name:
        case "_mta-sts.good.example.":
            return respond(query, f'{name} 900 IN TXT "v=STSv1; id=42;"')
        case "_mta-sts.broken.example.":
            return respond(query, rcode=dns.rcode.SERVFAIL)
        case "_mta-sts.silent.example.":
            return None
    return respond(query, flags=dns.flags.AD, rcode=dns.rcode.NXDOMAIN)


def asking(server: NameServer, ca_file: Path | None = None) -> Config:
    return Config(
        dns=DnsConfig(servers=(server.address,), timeout=PATIENCE),
        https=HttpsConfig(ca_file=ca_file),
    )


@asynccontextmanager
async def running(config: Config, *, spare: bool = False) -> AsyncIterator[Supervisor]:
    discoverer = Supervisor(config, SystemClock(), Counters())
    discoverer.start(spare=spare)
    watching = asyncio.create_task(discoverer.run())
    try:
        yield discoverer
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await discoverer.close()


@pytest.fixture(autouse=True)
def _usual_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one process, which gets its share of a busy host; test_starvation.py has the others."""
    monkeypatch.setattr(process, "COMMAND", FORBIDDEN)


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with name_server(answers) as made:
        yield made


@pytest.fixture
async def discoverer(server: NameServer) -> AsyncIterator[Supervisor]:
    async with running(asking(server)) as made, asyncio.timeout(4 * PATIENCE):
        await made.ready()
        yield made


def pid_of(discoverer: Supervisor) -> int:
    assert discoverer.pid is not None
    return discoverer.pid


async def works(discoverer: Supervisor) -> None:
    """Return when the discoverer finds what there is."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                found = await discoverer.sts("good.example", KNOWN)
            except OverloadedError:
                await asyncio.sleep(0.01)
            else:
                assert found.record.policy_id == "42"
                return


async def test_it_finds_out_what_there_is(discoverer: Supervisor) -> None:
    found = await discoverer.sts("good.example", KNOWN)
    assert found == FoundSts(FoundRecord("42", 900.0), None)
    with pytest.raises(NoRecordError, match=r"_mta-sts\.none\.example does not exist") as absence:
        await discoverer.sts("none.example", KNOWN)
    assert absence.value.absent
    with pytest.raises(DnsServerError, match="SERVFAIL"):
        await discoverer.sts("broken.example", KNOWN)
    with pytest.raises(PolicyHostError, match=r"mta-sts\.good\.example does not exist") as failure:
        await discoverer.sts("good.example", ["41"])
    assert failure.value.record == found.record
    with pytest.raises(PolicyHostError, match=r"mta-sts\.good\.example does not exist"):
        await discoverer.policy("good.example")
    dane = await discoverer.dane("good.example")
    assert (dane.finding.status, dane.finding.hosts) == (Dane.NONE, ())
    assert (await discoverer.probe()).authenticated


async def test_many_questions_are_under_way_at_once(
    discoverer: Supervisor, server: NameServer
) -> None:
    waiting = asyncio.create_task(discoverer.sts("silent.example", KNOWN))
    found = await asyncio.gather(*(discoverer.sts("good.example", KNOWN) for _ in range(300)))
    assert {one.record.policy_id for one in found} == {"42"}
    assert len(server.questions) > 300
    assert not waiting.done()
    waiting.cancel()


async def test_it_runs_when_nobody_else_wants_to(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "COMMAND", COMMAND)
    async with running(asking(server)) as discoverer, asyncio.timeout(PATIENCE):
        while os.sched_getscheduler(pid_of(discoverer)) != os.SCHED_IDLE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_where_memory_runs_out_it_goes_before_the_daemon(
    discoverer: Supervisor,
) -> None:
    assert oom_score_adj(pid_of(discoverer)) > oom_score_adj(os.getpid())


def oom_score_adj(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


@pytest.mark.threat("program-replaced")
async def test_nothing_is_imported_from_the_working_directory(
    server: NameServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uvloop.py").write_text("raise SystemExit('planted')\n")
    monkeypatch.chdir(tmp_path)
    async with running(asking(server)) as discoverer:
        await works(discoverer)


@pytest.mark.threat("discoverer-killed")
async def test_a_process_that_dies_is_started_again_and_its_questions_are_for_later(
    discoverer: Supervisor, server: NameServer
) -> None:
    waiting = asyncio.create_task(discoverer.sts("silent.example", KNOWN))
    while not any("silent" in question for question in server.questions):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    before = pid_of(discoverer)
    os.kill(before, signal.SIGKILL)
    with pytest.raises(OverloadedError, match="has ended"):
        await waiting
    await works(discoverer)
    assert discoverer.pid != before


@pytest.mark.threat("discoverer-killed")
async def test_a_process_that_stands_still_is_started_again(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(asking(server)) as discoverer:
        await works(discoverer)
        before = pid_of(discoverer)
        monkeypatch.setattr(process, "STANDSTILL", 2.0)
        os.kill(before, signal.SIGSTOP)
        async with asyncio.timeout(PATIENCE):
            while discoverer.pid in (before, None):  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.01)
        monkeypatch.setattr(process, "STANDSTILL", PATIENCE)
        await works(discoverer)


async def test_a_question_whose_answer_is_lost_makes_room_for_others(
    server: NameServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(asking(server)) as discoverer:
        await works(discoverer)
        before = pid_of(discoverer)
        monkeypatch.setattr(questions, "LOST", 2.0)
        with pytest.raises(OverloadedError, match="has lost the question"):
            await discoverer.sts("silent.example", KNOWN)
        monkeypatch.setattr(questions, "LOST", 4 * PATIENCE)
        await works(discoverer)
        assert pid_of(discoverer) == before
    assert [logged.event for logged in events(caplog, "ERROR")] == ["answer-lost"]


async def test_a_process_that_the_kernel_does_not_let_go_is_not_waited_for(
    server: NameServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As where it waits for a disk; here nobody kills it."""
    monkeypatch.setattr(process, "EXIT_PATIENCE", 0.1)
    left: list[subprocess.Popen[bytes]] = []

    def note(popen: subprocess.Popen[bytes]) -> None:
        left.append(popen)

    async with asyncio.timeout(4 * PATIENCE), running(asking(server)) as discoverer:
        await discoverer.ready()
        monkeypatch.setattr(subprocess.Popen, "kill", note)
        os.kill(discoverer.pid or 0, signal.SIGSTOP)
    monkeypatch.undo()
    (error,) = events(caplog, "ERROR")
    assert (error.event, error.fields["pid"]) == ("discoverer-not-ended", left[0].pid)
    left[0].kill()
    left[0].wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_signals_to_the_whole_group_are_for_the_daemon(
    discoverer: Supervisor, number: signal.Signals
) -> None:
    before = pid_of(discoverer)
    os.kill(before, number)
    await works(discoverer)
    assert discoverer.pid == before


async def test_it_ends_with_the_daemon(server: NameServer) -> None:
    async with running(asking(server)) as discoverer:
        await works(discoverer)
        pid = pid_of(discoverer)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(OverloadedError, match="not running"):
        await discoverer.sts("good.example", KNOWN)


async def test_a_configuration_that_cannot_be_used_is_told(
    server: NameServer, tmp_path: Path
) -> None:
    config = asking(server, ca_file=tmp_path / "missing.pem")
    async with running(config) as discoverer, asyncio.timeout(PATIENCE):
        with pytest.raises(ConfigError, match=r"missing\.pem: no such file"):
            await discoverer.ready()
        with pytest.raises(MisconfiguredError, match=r"missing\.pem: no such file"):
            await discoverer.sts("good.example", KNOWN)
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "missing.pem"))
        discoverer.reconfigure(config)  # as a reload does
        await works(discoverer)


async def test_a_process_that_may_not_become_the_user_asks_nobody(server: NameServer) -> None:
    config = msgspec.structs.replace(asking(server), user="nobody-of-this-name")
    async with running(config) as discoverer, asyncio.timeout(PATIENCE):
        if os.geteuid() != 0:
            await works(discoverer)
            return
        with pytest.raises(ConfigError, match="does not exist"):
            await discoverer.ready()
        with pytest.raises(OverloadedError):
            await discoverer.sts("good.example", KNOWN)
    assert server.questions == []


async def test_whoever_waits_for_a_process_that_cannot_live_does_not_wait_for_ever(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "COMMAND", ("/bin/false",))
    async with running(asking(server)) as discoverer, asyncio.timeout(PATIENCE):
        await discoverer.ready()
        with pytest.raises(OverloadedError):
            await discoverer.sts("good.example", KNOWN)


async def test_process_of_another_version_is_not_spoken_to(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ends while the program is replaced would be started from the new files."""
    monkeypatch.setattr(process, "__version__", "0.0.1")
    async with running(asking(server)) as discoverer, asyncio.timeout(PATIENCE):
        await discoverer.ready()
        with pytest.raises(OverloadedError):
            await discoverer.sts("good.example", KNOWN)
    assert server.questions == []


@contextmanager
def no_files_left(pid: int) -> Iterator[None]:
    """Let the process open nothing meanwhile: what it has open is above the limit."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@pytest.mark.row("P15")
async def test_too_few_files_are_no_failure_of_the_name_servers(
    discoverer: Supervisor, server: NameServer
) -> None:
    with no_files_left(pid_of(discoverer)):
        for asked in (
            discoverer.sts("good.example", KNOWN),
            discoverer.dane("good.example"),
            discoverer.probe(),
        ):
            with pytest.raises(OverloadedError, match="may open no more files"):
                await asked
    assert server.questions == []
    await works(discoverer)


@pytest.mark.row("P15")
async def test_too_few_files_for_tcp_are_no_failure_of_the_name_servers() -> None:
    def truncated(query: dns.message.Message) -> dns.message.Message:
        lack.enter_context(no_files_left(pid_of(discoverer)))
        return respond(query, flags=dns.flags.TC)

    async with name_server(truncated) as server, running(asking(server)) as discoverer:
        await discoverer.ready()
        with ExitStack() as lack, pytest.raises(OverloadedError, match="may open no more files"):
            await discoverer.sts("good.example", KNOWN)
        assert server.tcp_questions == []


@pytest.mark.row("D9")
async def test_a_name_server_without_edns_turns_dane_off_and_finds_policies(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def old(query: dns.message.Message) -> dns.message.Message | None:
        if query.edns < 0:
            return answers(query)
        response = respond(query, rcode=dns.rcode.FORMERR)
        response.use_edns(False)
        return response

    async with name_server(old) as server, running(asking(server)) as discoverer:
        await discoverer.ready()
        found = await discoverer.sts("good.example", KNOWN)
        assert found.record.policy_id == "42"
        told = Events()
        Journal(told, SystemClock())
        dnssec = DnssecProbe(discoverer, "auto", SystemClock(), told)
        for _ in range(2):
            await dnssec.probe()
            assert dnssec.validates is False
    (said,) = events(caplog, "WARNING")
    assert said.event == "dnssec-unavailable"
    assert said.fields["reason"] == (
        f"{server.address} does not do EDNS, without which no DNSSEC is"
    )
