"""Writing them, by the parts of the program that write them in a daemon and in `report`."""

import asyncio
import shutil
import sqlite3
import sys
from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace

from mtasts_resolver import __version__
from mtasts_resolver.base.events import Events
from mtasts_resolver.base.timestamps import moment_of
from mtasts_resolver.cli.export_format import write_export
from mtasts_resolver.cli.reporting.keeping import KeptReports
from mtasts_resolver.config.example import EXAMPLE
from mtasts_resolver.control.values.policies import ExportedPolicy
from mtasts_resolver.daemon.last_config import NAME, KeptFile
from mtasts_resolver.evidence.report import ReportPeriod
from mtasts_resolver.owndomains.events import OwnDomainChecked
from mtasts_resolver.owndomains.news import next_check
from mtasts_resolver.owndomains.notify import Notify
from mtasts_resolver.owndomains.work import UNTOLD
from mtasts_resolver.published.judge import judge
from mtasts_resolver.store.overridefile import OverrideFile
from tests.storefiles import POLICIES, newest_formats
from tests.storefiles.content import COUNTS, OVERRIDES, changes
from tests.storefiles.content import POLICIES as PUBLISHED
from tests.storefiles.opening import OpenState, opened
from tests.storefiles.reading import Then, read_state
from tests.unit.knowledge.world import START
from tests.unit.owndomains.seen import cut_off, host, observed, texts
from tests.unit.report.madeup import made_up
from tests.unit.store.support import contents


def write_version(directory: Path) -> None:
    """Write into `directory`, which is not there, what this version of the program leaves."""
    state = directory / "state"
    state.mkdir(parents=True)
    OverrideFile(state / POLICIES).write(OVERRIDES)
    KeptFile(state / NAME).write(EXAMPLE.encode())
    asyncio.run(_write_state(state))
    asyncio.run(_write_killed(directory / "killed"))
    _write_reports(directory / "reports")
    asyncio.run(_write_export(state, directory / "cache-export.json"))
    asyncio.run(_note(directory))


async def _write_state(state: Path) -> None:
    async with opened(state) as held:
        await _learn(held, list(PUBLISHED))
        for change in changes():
            held.history.note(change)
        held.history.count(COUNTS)
        await held.history.flush()
        await _check_own_domains(held)


async def _write_killed(directory: Path) -> None:
    """Leave what a daemon leaves that is killed: all of it is in the write-ahead logs."""
    state = directory.with_name("alive")
    state.mkdir()
    async with opened(state) as held:
        await _learn(held, ["enforce.example", "none.example"])
        for change in list(changes())[:9]:
            held.history.note(change)
        held.history.count(COUNTS[:5])
        await held.history.flush()
        shutil.copytree(state, directory)
    shutil.rmtree(state)


async def _learn(held: OpenState, domains: list[str]) -> None:
    """Have policies found, as look-ups of Postfix would."""
    for domain in domains:
        held.world.internet.publish(domain, *PUBLISHED[domain])
        await held.world.mode(domain)
    await held.store.flush()


async def _check_own_domains(held: OpenState) -> None:
    """Check domains twice, so that something is new and is yet to be told."""
    assert await held.checks.open() == {}
    events = Events()
    notify = Notify(events, held.world.clock, partial(held.checks.put, UNTOLD))
    notify.command = ["/bin/true"]
    broken = observed(
        record=texts("_mta-sts.own.example", "v=STSv1; id=2;"),
        mx_hosts=(
            host("mx1.own.example", "aa", "", days=3),
            host("mx.xn--bcher-kva.example", "bb"),
        ),
        policy_host=host(
            "mta-sts.own.example", "ff", preference=None, document="Grüße", status=404
        ),
    )
    for domain, seen in (("own.example", broken), ("cut-off.example", cut_off())):
        before = replace(observed(), domain=domain)
        last, _ = next_check(before, judge(before, None), None)
        for _ in range(2):
            now = replace(seen, domain=domain)
            last, news = next_check(now, judge(now, last.before), last)
            events.publish(OwnDomainChecked(last, news, first=False))
        held.checks.put(domain, msgspec.json.encode(last))
    await held.checks.close()


def _write_reports(directory: Path) -> None:
    """Keep a report of a day, and let an older one go."""
    for day, made_at in ((13, "2027-01-14T00:10:00+01:00"), (14, "2027-01-15T00:10:00+01:00")):
        since = f"2027-01-{day:02}T00:00:00+01:00"
        until = f"2027-01-{day + 1:02}T00:00:00+01:00"
        report = made_up(
            made_at=made_at, period=ReportPeriod(since, until, 86_400.0, "Europe/Berlin")
        )
        KeptReports(directory, let_go_after=3_600.0).keep(report)
    (directory / ".lock").unlink()


async def _write_export(state: Path, file: Path) -> None:
    async with opened(state) as held:
        stored = await contents(held.store)
    policies = [
        ExportedPolicy(
            domain=one.domain,
            id=one.policy_id,
            fetched=moment_of(one.fetched_at),
            used=moment_of(one.asked_at),
            document=one.document,
        )
        for one in stored.values()
    ]
    with file.open("wb") as target:
        write_export(policies, target)


async def _note(directory: Path) -> None:
    """Write down what was in the files, and what was answered by it."""
    copy = directory.with_name("read")
    shutil.copytree(directory, copy)
    then = Then(
        program=__version__,
        python=sys.version.split()[0],
        sqlite=sqlite3.sqlite_version,
        clock=START,
        formats=newest_formats(),
        state=await read_state(copy / "state"),
        killed=await read_state(copy / "killed"),
    )
    shutil.rmtree(copy)
    text = msgspec.json.format(msgspec.json.encode(then), indent=1)
    (directory / "then.json").write_bytes(text + b"\n")
