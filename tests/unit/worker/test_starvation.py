"""A host that never rests leaves nothing to a process that lets everybody go first."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from mtasts_resolver.worker import process, starvation
from mtasts_resolver.worker.process import WorkerProcess
from mtasts_resolver.worker.starvation import (
    JUDGED,
    LEAST_SHARE,
    LOOK,
    PROMPT,
    REST,
    Pulse,
    Scheduling,
    scheduling_of,
)
from mtasts_resolver.worker.supervisor import Supervisor
from tests.events import events
from tests.unit.discovery.servers import NameServer, name_server
from tests.unit.worker.test_supervisor import (
    FORBIDDEN,
    KNOWN,
    PATIENCE,
    answers,
    asking,
    pid_of,
    running,
    works,
)

AGES = 10_000.0


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with name_server(answers) as made:
        yield made


# -- what is told by how it answers -----------------------------------------------------------


JUDGED_SECONDS = (JUDGED + 1) * LOOK


def looked_at(
    *, answers_after: float, share: float, seconds: float, waits: float = 0.0, wants: float = 1.0
) -> Pulse:
    """Return the pulse of a process that was looked at for so long.

    It answers so late, and gets `share` of the time for which it `wants` a processor; the kernel
    tells of `waits` seconds a second. It is asked whenever it has answered, as WorkerProcess does.
    """
    now, used, waited = AGES, 0.0, 0.0
    made = Pulse(now)
    asked = now
    while now < AGES + seconds:
        if not made.waits_for_answer:
            made.asked(now)
            asked = now
        if asked + answers_after <= now + LOOK:
            made.answered(asked + answers_after)
        now += LOOK
        used += share * wants * LOOK
        waited += waits * LOOK
        made.look(now, used, waited)
    return made


@pytest.mark.parametrize("answers_after", [0.4, 3.0, AGES])
def test_who_keeps_us_waiting_and_gets_nothing_is_starved(answers_after: float) -> None:
    made = looked_at(answers_after=answers_after, share=0.002, seconds=JUDGED_SECONDS)
    assert made.starved


def test_who_waits_for_processors_is_starved_however_soon_it_answers() -> None:
    made = looked_at(answers_after=0.01, share=0.002, seconds=JUDGED_SECONDS, waits=0.5)
    assert made.starved


@pytest.mark.parametrize("answers_after", [0.001, 0.4, 3.0, AGES])
@pytest.mark.parametrize("waits", [0.0, 0.9])
def test_who_gets_a_share_is_not_starved_however_much_it_has_to_do(
    answers_after: float, waits: float
) -> None:
    for seconds in (1, 2, 5, 60):
        made = looked_at(answers_after=answers_after, share=0.2, seconds=seconds, waits=waits)
        assert not made.starved


@pytest.mark.parametrize("waits", [0.0, 0.01])
def test_who_hardly_waits_is_not_starved_however_little_it_does(waits: float) -> None:
    assert not looked_at(answers_after=0.001, share=0.0, seconds=60, waits=waits).starved


def test_who_was_starved_and_gets_processors_has_rested_only_later() -> None:
    made = looked_at(answers_after=0.4, share=LEAST_SHARE / 2, seconds=5)
    assert made.starved
    now = began = AGES + 5 + LOOK
    while made.starved:
        made.asked(now)
        made.answered(now + PROMPT / 2)
        now += LOOK
        made.look(now, 0.1, 0.0)
        assert now < began + 2 * JUDGED_SECONDS
    assert not made.rested(began + REST - 1)
    assert made.rested(now + REST)


def test_that_we_stood_still_ourselves_is_not_taken_for_the_others_silence() -> None:
    made = Pulse(AGES)
    made.asked(AGES)
    made.look(2 * AGES, 0.0, 0.0)  # as after SIGSTOP and SIGCONT to the whole group
    assert made.silence < process.STANDSTILL / 10


def test_the_kernel_tells_what_a_process_uses_and_by_which_policy() -> None:
    idle = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))"
    processor = min(os.sched_getaffinity(0))
    with busy(processor=processor), busy(idle, processor=processor) as pid:
        for _ in range(1_000_000):
            told = scheduling_of(pid)
            if told is not None and told.idle and told.used and told.waited:
                break
    assert told is not None
    assert told.runnable
    ours = scheduling_of(os.getpid())
    assert ours is not None
    assert not ours.idle
    assert scheduling_of(2**22 + 1) is None  # beyond PID_MAX_LIMIT


# -- what becomes of questions ------------------------------------------------------------------


@contextmanager
def busy(first: str = "", *, processor: int | None = None) -> Iterator[int]:
    """Run a process that never rests, on one processor perhaps."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{first}\nprint(flush=True)\nwhile True: pass"],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        if processor is not None:
            os.sched_setaffinity(process.pid, {processor})
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def relief_of(discoverer: Supervisor) -> WorkerProcess | None:
    return discoverer._relief


def first_of(discoverer: Supervisor) -> WorkerProcess:
    assert discoverer._idle is not None
    return discoverer._idle


async def relieved(discoverer: Supervisor) -> WorkerProcess:
    async with asyncio.timeout(4 * PATIENCE):
        while (relief := relief_of(discoverer)) is None or not relief.ready:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return relief


async def test_where_others_never_rest_a_process_of_the_usual_policy_takes_over(
    server: NameServer,
) -> None:
    processor = min(os.sched_getaffinity(0))
    async with running(asking(server)) as discoverer:
        await works(discoverer)
        os.sched_setaffinity(pid_of(discoverer), {processor})
        with busy(processor=processor), busy(processor=processor):
            relief = await relieved(discoverer)
            assert os.sched_getscheduler(relief.pid) == os.SCHED_OTHER
            async with asyncio.timeout(PATIENCE):
                found = await discoverer.sts("good.example", KNOWN)
            assert found.record.policy_id == "42"


async def test_what_was_asked_of_the_starved_process_is_answered_by_the_other(
    server: NameServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with running(asking(server)) as discoverer:
        await works(discoverer)
        os.kill(pid_of(discoverer), signal.SIGSTOP)  # it gets no processor at all now
        async with asyncio.timeout(PATIENCE):
            found = await discoverer.sts("good.example", KNOWN)
        assert found.record.policy_id == "42"
        assert relief_of(discoverer) is not None
    assert [logged.event for logged in events(caplog, "INFO")] == ["discovery-starved"]


@pytest.fixture
def seems_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the process that lets others go first get its share, though the host be busy.

    What starves it then is SIGSTOP alone.
    """

    def seems(pid: int) -> Scheduling | None:
        told = scheduling_of(pid)
        return None if told is None else told._replace(idle=True)

    monkeypatch.setattr(process, "COMMAND", FORBIDDEN)
    monkeypatch.setattr(process, "scheduling_of", seems)
    monkeypatch.setattr(starvation, "PROMPT", 1.0)
    monkeypatch.setattr(starvation, "REST", 1.0)


@asynccontextmanager
async def starved(server: NameServer) -> AsyncIterator[tuple[Supervisor, WorkerProcess]]:
    """Run a discoverer that gets no processor until it is sent SIGCONT, and its relief."""
    async with running(asking(server)) as discoverer:
        await works(discoverer)
        os.kill(pid_of(discoverer), signal.SIGSTOP)
        yield discoverer, await relieved(discoverer)


async def without_relief(discoverer: Supervisor) -> None:
    async with asyncio.timeout(PATIENCE):
        while relief_of(discoverer) is not None:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("seems_idle")
async def test_when_the_host_rests_the_first_is_asked_again_and_the_second_ends(
    server: NameServer,
) -> None:
    async with starved(server) as (discoverer, relief):
        unanswered = asyncio.create_task(discoverer.sts("silent.example", KNOWN))
        while not any("silent" in question for question in server.questions):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        first = pid_of(discoverer)
        os.kill(first, signal.SIGCONT)
        async with asyncio.timeout(PATIENCE):
            while not first_of(discoverer).rested:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.01)
        assert relief_of(discoverer) is relief  # it still has something to answer
        unanswered.cancel()
        await without_relief(discoverer)
        await works(discoverer)
        assert pid_of(discoverer) == first


@pytest.mark.usefixtures("seems_idle")
async def test_a_second_process_that_dies_leaves_the_questions_to_the_first(
    server: NameServer,
) -> None:
    async with starved(server) as (discoverer, relief):
        os.kill(relief.pid, signal.SIGKILL)
        await without_relief(discoverer)
        first = pid_of(discoverer)
        os.kill(first, signal.SIGCONT)
        await works(discoverer)
        assert pid_of(discoverer) == first


async def test_where_the_policy_may_not_be_changed_there_is_one_process(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "COMMAND", FORBIDDEN)
    async with running(asking(server)) as discoverer:
        await works(discoverer)
        first = first_of(discoverer)
        os.kill(first.pid, signal.SIGSTOP)
        async with asyncio.timeout(PATIENCE):
            while not first._pulse.starved:  # noqa: ASYNC110  it is all but told
                await asyncio.sleep(0.01)
        assert not first.starved
        assert relief_of(discoverer) is None
        os.kill(first.pid, signal.SIGCONT)
        await works(discoverer)


# -- where nobody can start a process any more --------------------------------------------------


@asynccontextmanager
async def with_spare(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Supervisor, WorkerProcess]]:
    """Run a discoverer with a spare, of a user who cannot read the program: as after root."""
    async with running(asking(server), spare=True) as discoverer:
        await works(discoverer)
        monkeypatch.setattr(process, "COMMAND", ("/nonexistent/python",))
        spare = discoverer._spare
        assert spare is not None
        yield discoverer, spare


@pytest.mark.usefixtures("seems_idle")
async def test_a_spare_takes_over_and_sleeps_again(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with with_spare(server, monkeypatch) as (discoverer, spare):
        first = pid_of(discoverer)
        for _ in range(2):
            os.kill(first, signal.SIGSTOP)
            assert await relieved(discoverer) is spare
            async with asyncio.timeout(PATIENCE):
                assert (await discoverer.sts("good.example", KNOWN)).record.policy_id == "42"
            os.kill(first, signal.SIGCONT)
            await without_relief(discoverer)
            await works(discoverer)
        assert not spare.ended.is_set()  # it sleeps
    with pytest.raises(ProcessLookupError):
        os.kill(spare.pid, 0)


async def test_a_spare_stands_in_for_a_process_that_cannot_be_started_again(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with with_spare(server, monkeypatch) as (discoverer, spare):
        os.kill(pid_of(discoverer), signal.SIGKILL)
        async with asyncio.timeout(PATIENCE):
            while discoverer.pid is not None:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.01)
        assert await relieved(discoverer) is spare
        await works(discoverer)


async def test_a_spare_that_has_died_is_not_asked(
    server: NameServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with with_spare(server, monkeypatch) as (discoverer, spare):
        os.kill(spare.pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE):
            await spare.ended.wait()
        first = pid_of(discoverer)
        os.kill(first, signal.SIGSTOP)
        async with asyncio.timeout(PATIENCE):
            while discoverer._spare is not None:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.01)
        os.kill(first, signal.SIGCONT)
        await works(discoverer)
        assert pid_of(discoverer) == first
    assert [logged.event for logged in events(caplog, "ERROR")] == ["discoverer-ended"]
