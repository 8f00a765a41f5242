"""Daemons that hold something to be shown, some of it hostile."""

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec.structs import replace

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.base.events import Events
from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.owndomains.news import next_check
from mtasts_resolver.store.changes import Change, Subject
from mtasts_resolver.store.history import History, history_path
from mtasts_resolver.store.keptchecks import KeptChecks, checks_path
from tests.system.running import RunningDaemon
from tests.unit.owndomains.seen import observed

HOSTILE = (
    "version: STSv1\nmode: enforce\nmx: mx.hostile.example\nmax_age: 604800\n"
    "note: <script>document.title = 'owned'</script>\n"
    "note: <img src=http://192.0.2.1/pixel onerror=alert(1)>\n"
    "note: </pre></main><style>* { display: none }</style>{{ 7 * 7 }}\n"
    "note: \u202egnp.exe\u202c\u200b\n"
    f"note: {'long' * 4_000}\n" + "note: many\n" * 600
)


def policy(mode: str, days: int = 7) -> str:
    return f"version: STSv1\nmode: {mode}\nmx: *.mail.example\nmax_age: {days * 86_400}\n"


def policies() -> dict[str, str]:
    modes = ("enforce", "testing", "none")
    many = {f"d{n:03}.example": policy(modes[n % 3], 2 + n % 9) for n in range(250)}
    return many | {"hostile.example": HOSTILE, "good.example": policy("enforce")}


OVERRIDES = {
    "d003.example": {"action": "skip", "reason": "ticket <b>4711</b>"},
    ".partner.example": {"action": "dane-only", "reason": "agreed", "until": "2020-01-01"},
}


async def note_changes(store: Path) -> None:
    """Have the history tell that the policy of one domain was weakened a day ago."""
    history = History(history_path(store), clock=SystemClock(), events=Events())
    history.open()
    was, day_ago = policy("enforce"), time.time() - 86_400
    found = Change(
        time=day_ago - 86_400,
        domain="d001.example",
        subject=Subject.POLICY,
        event="found",
        now=was,
        now_id="1",
    )
    history.note(found)
    history.note(
        msgspec.structs.replace(
            found,
            time=day_ago,
            event="changed",
            was=was,
            now=was.replace("enforce", "testing") + "mx: <i>elsewhere</i>.example\n",
            was_id="1",
            now_id="2",
            weakened=("mode", "mx"),
        )
    )
    await history.flush()
    await history.close()


async def keep_check(store: Path, *findings: Finding) -> None:
    """Have the daemon know a check of `own.example`, a moment ago, by which it is not due."""
    kept = KeptChecks(checks_path(store), clock=SystemClock())
    await kept.open()
    now = datetime.now(UTC)
    check, _ = next_check(replace(observed(), at=now), findings, None)
    settled, _ = next_check(replace(observed(), at=now), findings, check)
    kept.put(settled.domain, msgspec.json.encode(settled))
    await kept.close()


NOTED = FindingKind(
    code="could-be-better",
    severity=Severity.NOTE,
    title="it could be better",
    matters="Senders see <b>this</b> \u202ebackwards",
    action="Nothing need be done.",
).found("mx1.own.example", "</li></main><script>document.title = 'owned'</script> \u200b" * 3)


def stock(daemon: RunningDaemon, documents: dict[str, str], *findings: Finding) -> None:
    """Have the daemon hold policies; in a thread, for playwright runs a loop in this one."""

    async def write() -> None:
        await daemon.store(documents)
        await note_changes(daemon.store_file)
        await keep_check(daemon.store_file, *findings)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, write()).result()


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports: list[int] = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def stocked_daemon(
    documents: dict[str, str],
    *,
    command: tuple[str, ...] = (),
    findings: tuple[Finding, ...] = (NOTED,),
) -> Iterator[tuple[RunningDaemon, str]]:
    """Run a daemon that holds policies; yield it, and where its page is."""
    port, http_port = free_ports(2)
    address = f"127.0.0.1:{http_port}"
    with TemporaryDirectory() as name, RunningDaemon(Path(name), port) as daemon:
        own = {"own_domains": ["own.example"]}
        daemon.configure(http={"address": address}, overrides=OVERRIDES, **own)
        stock(daemon, documents, *findings)
        daemon.start(command=command)
        daemon.has_status(f"{len(documents)} policies")
        yield daemon, f"http://{address}"
