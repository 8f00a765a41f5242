"""What our own lateness caused is no failure of a domain."""

import asyncio
import logging
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import dns.message
import dns.rcode
import pytest
import trustme

from mtasts_resolver.config import Config, DnsConfig, HttpsConfig
from mtasts_resolver.discovery.errors import (
    BodyError,
    CertificateError,
    ConnectError,
    DiscoveryError,
    DnsServerError,
    DnsTimeoutError,
    FetchTimeoutError,
    PolicyHostError,
    StatusError,
)
from mtasts_resolver.discovery.findings import FoundSts
from mtasts_resolver.policy import Policy, parse_document
from mtasts_resolver.worker import child, lag, messages
from mtasts_resolver.worker.channel import Channel, socket_pair
from mtasts_resolver.worker.child import work
from mtasts_resolver.worker.direct import DirectDiscoverer
from mtasts_resolver.worker.lag import INTERVAL, Lag
from tests.events import events
from tests.unit.discovery.servers import Handler, name_server, respond

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Take back what the worker does to the logs of its process."""
    root, package = logging.getLogger(), logging.getLogger("mtasts_resolver")
    before = (root.handlers[:], root.level, package.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    package.setLevel(before[2])


def silence(_: dns.message.Message) -> None:
    return None


Arrived = asyncio.Queue[messages.ToDaemon]


@asynccontextmanager
async def serving(
    config: Config, *, buffer: int | None = None
) -> AsyncIterator[tuple[Channel, Arrived]]:
    """Run a worker with `config`; return the daemon's end, and what the worker says.

    Its messages fit into `buffer` bytes.
    """
    ours, theirs = socket_pair()
    if buffer is not None:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    arrived: Arrived = asyncio.Queue()
    channel = Channel(
        ours, lambda data: arrived.put_nowait(messages.decode_for_daemon(data)), lambda: None
    )
    async with asyncio.timeout(PATIENCE):
        task = asyncio.create_task(work(theirs, lambda: None, lambda: None))
        channel.send(messages.encode(messages.Configure(config)))
        yield channel, arrived
        channel.close()
        await task


async def ask_once(
    config: Config, ask: messages.Ask, *, buffer: int | None = None
) -> messages.ToDaemon:
    """Return what a worker with `config` says to `ask`."""
    async with serving(config, buffer=buffer) as (channel, arrived):
        assert await arrived.get() == messages.Ready()
        channel.send(messages.encode(ask))
        return await arrived.get()


async def ask_while(*, busy: float, others: Sequence[Handler] = ()) -> messages.ToDaemon:
    """Ask a silent name server, which has a second, while the loop is held for `busy` seconds.

    The `others` are asked before it.
    """
    async with AsyncExitStack() as stack:
        handlers = [*others, silence]
        servers = [await stack.enter_async_context(name_server(each)) for each in handlers]
        addresses = tuple(each.address for each in servers)
        config = Config(dns=DnsConfig(servers=addresses, timeout=1.0))
        channel, arrived = await stack.enter_async_context(serving(config))
        assert await arrived.get() == messages.Ready()
        channel.send(messages.encode(messages.Ask(1, "sts", "x.example")))
        while not servers[-1].questions:  # noqa: ASYNC110  the server tells nobody
            await asyncio.sleep(0.01)
        if busy:
            await asyncio.sleep(INTERVAL)
            time.sleep(busy)  # noqa: ASYNC251  what a loop does that has too much to do
        return await arrived.get()


async def test_a_domain_whose_servers_are_silent_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lag, "TOLERATED", 30.0)  # for the host that tests this may be busy
    answer = await ask_while(busy=0.0)
    assert isinstance(answer, messages.Failed)
    assert answer.code == "dns-timeout"


@pytest.mark.parametrize("busy", [0.8, 1.5])
async def test_a_time_out_that_we_were_late_for_is_for_another_try(busy: float) -> None:
    answer = await ask_while(busy=busy)
    assert isinstance(answer, messages.Overloaded)
    assert "too busy" in answer.reason


async def test_so_is_one_beside_a_server_that_refuses() -> None:
    def refuse(query: dns.message.Message) -> dns.message.Message:
        return respond(query, rcode=dns.rcode.REFUSED)

    answer = await ask_while(busy=0.8, others=[refuse])
    assert isinstance(answer, messages.Overloaded)


@pytest.mark.parametrize("busy", [0.0, 0.6])
@pytest.mark.parametrize(
    "kind",
    [
        DnsTimeoutError,
        DnsServerError,
        PolicyHostError,
        FetchTimeoutError,
        ConnectError,
        BodyError,
        StatusError,
        CertificateError,
    ],
)
async def test_what_nobody_caused_by_being_late_is_the_domains_failure(
    monkeypatch: pytest.MonkeyPatch, kind: type[DiscoveryError], busy: float
) -> None:
    """A policy host may close a connection on which it hears nothing for long, too."""

    async def sts(_: DirectDiscoverer, _domain: str, _known: Sequence[str]) -> FoundSts:
        await asyncio.sleep(INTERVAL)
        time.sleep(busy)  # noqa: ASYNC251  what a loop does that has too much to do
        raise kind("what happened")

    monkeypatch.setattr(DirectDiscoverer, "sts", sts)
    # Where nothing holds the loop, a quarter of this is far more than a busy host makes it late.
    timeout = 1.0 if busy else 30.0
    config = Config(dns=DnsConfig(timeout=timeout), https=HttpsConfig(timeout=timeout))
    answer = await ask_once(config, messages.Ask(1, "sts", "x.example"))
    heard = kind in (StatusError, CertificateError)
    assert isinstance(answer, messages.Failed if heard or not busy else messages.Overloaded)


async def test_the_lag_is_what_the_loop_is_late() -> None:
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    await asyncio.sleep(INTERVAL / 2)
    before = lag.seconds
    time.sleep(3 * INTERVAL)  # noqa: ASYNC251  a loop that is held
    assert lag.seconds - before > 2 * INTERVAL  # known before the loop has turned again
    async with asyncio.timeout(20):
        while lag.seconds - before < 2 * INTERVAL:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(INTERVAL)
    watching.cancel()


@pytest.mark.parametrize(("late", "matters"), [(0.2, False), (0.3, True)])
def test_a_quarter_of_the_time_may_be_late(late: float, matters: bool) -> None:
    lag = Lag()
    assert lag.matters(since=lag.seconds - late, of=1.0) is matters


async def test_who_asks_is_told_what_is_wrong_and_a_file_that_is_mended_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "RETRY", 0.0)
    ca_file = tmp_path / "ca.pem"
    config = Config(https=HttpsConfig(ca_file=ca_file))
    async with serving(config) as (channel, arrived):
        assert isinstance(await arrived.get(), messages.Unusable)
        channel.send(messages.encode(messages.Ask(7, "sts", "good.example")))
        answer = await arrived.get()
        assert isinstance(answer, messages.Misconfigured)
        assert (answer.number, str(ca_file) in answer.reason) == (7, True)
        trustme.CA().cert_pem.write_to_path(str(ca_file))
        channel.send(messages.encode(messages.Ping()))
        assert [await arrived.get(), await arrived.get()] == [messages.Pong(), messages.Ready()]


def test_started_by_hand_it_says_whose_part_it_is() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mtasts_resolver.worker"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "This is a part of the daemon, which starts it: mtasts-resolver serve\n"


def test_no_question_pays_for_imports() -> None:
    """All is there when what comes next is read."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.worker.started"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "missing: []\n"


async def test_what_cannot_be_imported_is_an_internal_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(child, "FETCH_IMPORTS", ("anyio.no_such_module",))
    async with name_server(respond) as server:
        config = Config(dns=DnsConfig(servers=(server.address,)))
        answer = await ask_once(config, messages.Ask(1, "sts", "x.example"))
    assert isinstance(answer, messages.Failed)
    assert answer.code == "no-record"
    assert [logged.event for logged in events(caplog, "ERROR")] == ["internal-error"]


async def test_a_result_that_cannot_be_passed_on_is_for_another_try(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    document = "version: STSv1\nmode: none\nmax_age: 86400\n" + f"x: {'y' * 60}\n" * 900

    async def policy(_: DirectDiscoverer, domain: str) -> Policy:
        return parse_document(document.encode())

    monkeypatch.setattr(DirectDiscoverer, "policy", policy)
    # As net.core.wmem_max would limit it:
    answer = await ask_once(Config(), messages.Ask(1, "policy", "x.example"), buffer=10_000)
    assert isinstance(answer, messages.Overloaded)
    assert [logged.event for logged in events(caplog, "ERROR")] == ["result-too-long"]
