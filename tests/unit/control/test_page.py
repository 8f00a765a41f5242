"""The pages as an application, asked by strangers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from mtasts_resolver.control.web import overview
from mtasts_resolver.control.web.app import application
from mtasts_resolver.control.web.domains import MAX_HOSTS
from mtasts_resolver.control.web.page import MADE_AT_ONCE, Pages
from mtasts_resolver.daemon.parts import Parts
from mtasts_resolver.policy import Dane, DaneFinding, MxHost, Outcome
from tests.unit.control.parts import hold, idle_parts

PARAMS = st.dictionaries(
    st.sampled_from(
        ["matching", "mode", "sort", "after", "failing", "expires_within", "below", "at", "domain"]
    ),
    st.text() | st.sampled_from(["true", "enforce", "expires", "1", "-1", "nan", "inf", "1e400"]),
)


@asynccontextmanager
async def browsing(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """Ask for pages of a daemon whose store is open."""
    await parts.store.open()
    parts.history.open()
    transport = httpx.ASGITransport(app=application(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await parts.store.close()
    await parts.history.close()


@pytest.fixture
async def browse(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(idle_parts(tmp_path)) as client:
        yield client


@given(
    st.sampled_from(["/domains", "/changes", "/overrides", "/own-domains", "/"])
    | st.text().map(lambda name: f"/own-domains/{quote(name, safe='')}")
    | st.text().map(lambda name: f"/domains/{quote(name, safe='')}"),
    PARAMS,
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_nothing_that_can_be_asked_is_a_bug(
    tmp_path_factory: pytest.TempPathFactory, path: str, params: dict[str, str]
) -> None:
    async def ask() -> int:
        async with browsing(idle_parts(tmp_path_factory.mktemp("page"))) as client:
            return (await client.get(f"{path}?{urlencode(params)}")).status_code

    assert asyncio.run(ask()) in {200, 307, 400, 404}


async def test_a_bug_costs_one_page(
    browse: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(overview, "worries", lambda _: 1 / 0)
        answer = await browse.get("/")
    assert answer.status_code == 500
    assert "see the log" in answer.text
    assert "ZeroDivisionError" in caplog.text
    assert (await browse.get("/")).status_code == 200


@pytest.mark.threat("page-work")
async def test_only_so_many_pages_are_made_at_a_time(tmp_path: Path) -> None:
    under_way, most = 0, 0

    async def make(_pages: Pages, _request: Request) -> Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return Response()

    app = Starlette(routes=[Pages(idle_parts(tmp_path)).route("/", make)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answers = await asyncio.gather(*(client.get("/") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert most == MADE_AT_ONCE


async def test_links_are_relative(browse: httpx.AsyncClient) -> None:
    for path, root in (("/", "./"), ("/domains", "./"), ("/domains/a.example", "../")):
        text = (await browse.get(path)).text
        assert f'<link rel="stylesheet" href="{root}static/page.css">' in text
        assert 'href="/' not in text
        assert 'action="/' not in text


async def test_each_host_is_shown_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = idle_parts(tmp_path)
    hold(parts, "good.example")
    details = "3 1 1 \u202e<b>" + "f" * 64
    found = [MxHost(f"mx{n}.good.example", Outcome.USABLE, details) for n in range(MAX_HOSTS + 2)]

    async def hosts(_hop: str) -> DaneFinding:
        return DaneFinding(Dane.REQUIRED, "every host has usable TLSA records", tuple(found))

    monkeypatch.setattr(parts.dane, "hosts", hosts)
    async with browsing(parts) as client:
        text = (await client.get("/domains/good.example/hosts")).text
    assert "mx0.good.example" in text
    assert "2 more hosts are not shown" in text
    assert r"3 1 1 \u202e&lt;b&gt;fff" in text


@pytest.mark.threat("page-dns")
async def test_a_page_of_another_site_cannot_have_dns_asked(tmp_path: Path) -> None:
    parts = idle_parts(tmp_path)
    hold(parts, "good.example")
    async with browsing(parts) as client:
        for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200)):
            asked = await client.get(
                "/domains/good.example/hosts", headers={"Sec-Fetch-Site": site}
            )
            assert asked.status_code == status
