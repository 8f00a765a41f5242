"""The pictures of the documentation."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.steering import Refreshed, RefreshRequest
from mtasts_resolver.control.web.charts import HEIGHT
from tests.system.statuspage.browser import Reader, open_windows
from tests.system.statuspage.reading import DESK, PHONE
from tests.system.statuspage.stocked import policy, stocked_daemon

DOCS = Path(__file__).parents[3] / "docs"
# Set by `make pictures`: the screenshots there are those of this run.
WRITE_DOCS = os.environ.get("MTASTS_WRITE_DOCS") == "1"


@pytest.fixture
def pictured() -> Iterator[str]:
    """Return the page of a daemon that somebody could have, after a day that is made up."""
    names = ("bank", "clinic", "press", "museum", "college", "library", "harbour", "airport")
    held = {f"{name}.example": policy("enforce", 14) for name in names}
    held |= {"d001.example": policy("testing"), "notary.example": policy("enforce", 2)}
    command = (sys.executable, "-m", "tests.system.statuspage.made_up_day")
    with stocked_daemon(held, command=command, findings=()) as (daemon, url):
        for domain in held:
            daemon.ask(domain)
        with ControlClient(daemon.control) as client:
            wanted = RefreshRequest(domains=("notary.example", "museum.example"))
            for _ in client.stream("POST", Refreshed, "refresh", body=wanted):
                pass
        yield url


def test_it_can_be_pictured(browser: Browser, pictured: str, tmp_path: Path) -> None:
    directory = DOCS if WRITE_DOCS else tmp_path
    for name, path, scheme, viewport in (
        ("status-page", "/", "light", DESK),
        ("status-page-domain", "/domains/d001.example", "dark", DESK),
        ("status-page-phone", "/", "light", PHONE),
    ):
        context = open_windows(browser, pictured, color_scheme=scheme, viewport=viewport)
        reader = Reader(context, pictured)
        reader.page.goto(path)
        file = directory / f"{name}.png"
        reader.page.screenshot(path=file)
        assert file.read_bytes().startswith(b"\x89PNG")
        if path == "/":
            bars = reader.page.locator("path.bars").evaluate_all(
                "all => all.map(each => each.getBBox().height)"
            )
            assert max(bars) == HEIGHT
        reader.leave()
