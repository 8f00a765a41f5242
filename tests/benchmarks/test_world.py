"""What the benchmarks publish, and what they expect to be told of it, agree."""

import asyncio
from pathlib import Path

import pytest

from benchmarks.build import ServerError
from benchmarks.growth import Refresh, counted
from benchmarks.hosts import domain_of
from benchmarks.servers import Server
from benchmarks.store import fill
from benchmarks.world import LISTED, answer, document, listed, published, wild
from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.policy import Dane, DaneFinding, StsFinding, decide, parse_document
from mtasts_resolver.postfix.reply import render
from mtasts_resolver.postfix.socketmap import SocketmapCodec
from mtasts_resolver.store.sqlite import SqliteStore

NO_DANE = DaneFinding(Dane.NONE, "no TLSA records")


@pytest.mark.parametrize("domain", [listed(0), listed(LISTED - 1), wild(0), wild(10_000_000)])
def test_the_answer_is_what_the_policy_demands(domain: str) -> None:
    verdict = decide(NO_DANE, StsFinding(parse_document(document(domain))))
    sent = SocketmapCodec().encode(render(verdict, domain))
    text = answer(domain)
    assert sent == b"%d:%b," % (len(text), text.encode())


def test_no_two_domains_have_the_same_answer() -> None:
    domains = [*map(listed, range(LISTED)), *map(wild, range(LISTED))]
    assert len(set(dict(published(*domains)).values())) == 2 * LISTED


def test_the_policy_host_knows_whom_it_is_asked_for() -> None:
    request = (
        "GET /.well-known/mta-sts.txt HTTP/1.1\r\nAccept: */*\r\nhost: mta-sts.a.example\r\n\r\n"
    )
    assert domain_of(request) == "a.example"


async def test_a_filled_store_holds_policies_of_that_age(tmp_path: Path) -> None:
    domains = {wild(number) for number in range(50)}
    path = await asyncio.to_thread(fill, tmp_path / "store.sqlite", domains, age=1_000.0)
    store = SqliteStore(path, clock=SystemClock())
    await store.open()
    found = [stored async for batch in store.scan() for stored in batch]
    await store.close()
    assert {stored.domain for stored in found} == domains
    assert all(stored.document == document(stored.domain).decode() for stored in found)
    assert all(stored.asked_at - stored.fetched_at == 1_000.0 for stored in found)


def test_a_counter_is_read_from_the_last_line_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = Server("ours", "inet:127.0.0.1:1", "QUERY", 1, log, log)
    log.write_text("level=info event=stopped lookups=7 fetches=12 fetch_failures=1\n")
    assert counted(server, "fetches") == 12
    assert counted(server, "fetch_failures") == 1
    log.write_text("level=info event=stopping\n")
    with pytest.raises(ServerError, match="how many fetches"):
        counted(server, "fetches")


def test_refreshing_each_policy_once_a_day() -> None:
    assert Refresh(domains=86_400, cpu_ms=10.0).of_a_core == pytest.approx(0.01)
