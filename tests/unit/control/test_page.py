"""The pages as an application, asked by strangers."""

import asyncio
from collections.abc import AsyncIterator
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
from mtasts_resolver.control.web.page import MADE_AT_ONCE, Pages
from tests.unit.control.parts import idle_parts

PARAMS = st.dictionaries(
    st.sampled_from(
        ["matching", "mode", "sort", "after", "failing", "expires_within", "below", "at", "domain"]
    ),
    st.text() | st.sampled_from(["true", "enforce", "expires", "1", "-1", "nan", "inf", "1e400"]),
)


@pytest.fixture
async def browse(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    parts = idle_parts(tmp_path)
    transport = httpx.ASGITransport(app=application(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await parts.history.close()


@given(
    st.sampled_from(["/domains", "/changes", "/overrides", "/"])
    | st.text().map(lambda name: f"/domains/{quote(name, safe='')}"),
    PARAMS,
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_nothing_that_can_be_asked_is_a_bug(
    tmp_path_factory: pytest.TempPathFactory, path: str, params: dict[str, str]
) -> None:
    async def ask() -> int:
        parts = idle_parts(tmp_path_factory.mktemp("page"))
        transport = httpx.ASGITransport(app=application(parts))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get(f"{path}?{urlencode(params)}")
        await parts.history.close()
        return answer.status_code

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
