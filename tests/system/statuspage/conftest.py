"""One daemon and one browser for all these tests: to set one up takes long."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.system.running import RunningDaemon
from tests.system.statuspage.browser import Reader, open_windows, run_chromium
from tests.system.statuspage.reading import DESK, Read
from tests.system.statuspage.stocked import policies, stocked_daemon


@pytest.fixture(scope="package")
def stocked() -> Iterator[tuple[RunningDaemon, str]]:
    """Return a daemon that holds policies, one of them hostile; and where its page is."""
    with stocked_daemon(policies()) as (daemon, url):
        daemon.ask("good.example")
        yield daemon, url


@pytest.fixture(scope="package")
def served(stocked: tuple[RunningDaemon, str]) -> RunningDaemon:
    """Return that daemon."""
    return stocked[0]


@pytest.fixture(scope="package")
def url(stocked: tuple[RunningDaemon, str]) -> str:
    """Return where its page is."""
    return stocked[1]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Return the one browser of this package; no asynchronous test may stand in it."""
    with run_chromium() as running:
        yield running


@pytest.fixture(scope="package")
def desk(browser: Browser, url: str) -> BrowserContext:
    """Return the browser as most tests have it."""
    return open_windows(browser, url, viewport=DESK)


@pytest.fixture
def read(browser: Browser, desk: BrowserContext, url: str) -> Iterator[Read]:
    """Return what opens a page. No page may run, or ask of others, what it should not."""
    readers: list[Reader] = []

    def open_page(path: str = "/", **options: object) -> Page:
        other = options and open_windows(browser, url, **{"viewport": DESK, **options})
        reader = Reader(other or desk, url)
        readers.append(reader)
        reader.page.goto(path)
        return reader.page

    yield open_page
    for reader in readers:
        reader.leave()
