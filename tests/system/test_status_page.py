"""The status page of a real daemon, in a real browser."""

import asyncio
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.base.events import Events
from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.steering import Refreshed, RefreshRequest
from mtasts_resolver.control.web.charts import HEIGHT
from mtasts_resolver.store.changes import Change, Subject
from mtasts_resolver.store.history import History, history_path
from tests.system.browser import Reader, open_windows, run_chromium
from tests.system.running import RunningDaemon

DOCS = Path(__file__).parents[2] / "docs"
# Set by `make pictures`: the screenshots there are those of this run.
WRITE_DOCS = os.environ.get("MTASTS_WRITE_DOCS") == "1"

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
REFRESHED = 31_000  # milliseconds; after so long an open page has been asked for again

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


def stock(daemon: RunningDaemon, documents: dict[str, str]) -> None:
    """Have the daemon hold policies; in a thread, for playwright runs a loop in this one."""

    async def write() -> None:
        await daemon.store(documents)
        await note_changes(daemon.store_file)

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


@pytest.fixture(scope="module")
def served() -> Iterator[RunningDaemon]:
    """Return a daemon that holds policies, one of them hostile."""
    port, http_port = free_ports(2)
    with TemporaryDirectory() as name, RunningDaemon(Path(name), port) as daemon:
        daemon.configure(http={"address": f"127.0.0.1:{http_port}"}, overrides=OVERRIDES)
        stock(daemon, policies())
        daemon.start()
        daemon.has_status(f"{len(policies())} policies")
        daemon.ask("good.example")
        yield daemon


@pytest.fixture(scope="module")
def url(served: RunningDaemon) -> str:
    """Return where its page is."""
    found = re.search(r"listening protocol=http address=(\S+)", served.log)
    assert found is not None
    return f"http://{found[1]}"


@pytest.fixture(scope="module")
def browser(url: str) -> Iterator[Browser]:
    """Return the one browser of this module; no asynchronous test may stand in it."""
    with run_chromium() as running:
        yield running


Read = Callable[..., Page]


@pytest.fixture(scope="module")
def desk(browser: Browser, url: str) -> BrowserContext:
    """Return the browser as most tests have it: to set one up takes long."""
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


def follow(page: Page, link: Locator) -> None:
    """Click, and return when all of the other page is there."""
    with page.expect_navigation():
        link.click()


def domains_on(page: Page) -> list[str]:
    return page.locator("tbody th[scope=row] a").all_inner_texts()


# -- what there is to see --------------------------------------------------------------------------


def test_the_state_is_to_be_seen_at_a_glance(read: Read) -> None:
    page = read()
    expect(page.locator("h1")).to_have_text("All is well")
    expect(page).to_have_title(re.compile(r"All is well · "))
    expect(page.get_by_role("link", name="86", exact=True)).to_be_visible()  # of mode enforce
    expect(page.get_by_role("heading", name="Look-ups by answer")).to_be_visible()


def test_a_search_leads_to_the_domain(read: Read) -> None:
    page = read()
    page.get_by_role("searchbox").fill("d007")
    with page.expect_navigation():
        page.get_by_role("searchbox").press("Enter")
    assert domains_on(page) == ["d007.example"]
    page.get_by_role("link", name="d007.example").click()
    expect(page.locator("h1")).to_have_text("d007.example")
    expect(page.locator("pre")).to_contain_text("mode: testing")


def test_a_list_can_be_searched_by_a_pattern_and_by_a_part(read: Read) -> None:
    page = read("/domains?matching=d00%3F.example")
    assert domains_on(page) == [f"d00{n}.example" for n in range(10)]
    page.goto("/domains?matching=HOSTILE")
    assert domains_on(page) == ["hostile.example"]
    page.goto("/domains?matching=nobody")
    expect(page.locator("main")).to_contain_text("There is none.")


def test_a_list_is_sorted_by_a_click_on_a_column_and_back(read: Read) -> None:
    page = read("/domains")
    column = page.locator("th", has_text="Expires")
    for order in ("ascending", "descending"):
        follow(page, page.get_by_role("link", name="Expires"))
        expect(column).to_have_attribute("aria-sort", order)
        shown = page.locator("td[data-name=expires] time")
        times = shown.evaluate_all("all => all.map(each => each.dateTime)")
        assert times == sorted(times, reverse=order == "descending")
        assert len(times) == 100


def test_a_list_is_read_to_its_end_page_by_page(read: Read) -> None:
    page = read("/domains?sort=expires")
    found = domains_on(page)
    while (following := page.get_by_role("link", name="Next page")).count():
        follow(page, following)
        found += domains_on(page)
    assert sorted(found) == sorted(policies())
    follow(page, page.get_by_role("link", name="First page"))
    assert domains_on(page) == found[:100]


def test_what_is_shown_can_be_sent_as_a_link(read: Read) -> None:
    page = read("/domains")
    page.get_by_label("Policy").select_option("testing")
    page.get_by_label("Name has").fill("d01")
    follow(page, page.get_by_role("button", name="Show"))
    assert domains_on(page) == ["d010.example", "d013.example", "d016.example", "d019.example"]
    follow(page, page.get_by_role("link", name="Used"))
    other = read(page.url)
    assert domains_on(other) == domains_on(page)
    expect(other.get_by_label("Policy")).to_have_value("testing")


def test_what_cannot_be_listed_is_said(read: Read) -> None:
    page = read()
    for wrong in ("mode=nonsense", "sort=colour", "after=AAAA", "expires_within=soon"):
        page.goto(f"/domains?{wrong}")
        expect(page.get_by_role("alert")).to_contain_text("That cannot be shown")


def test_a_domain_that_is_not_known_is_no_dead_end(read: Read) -> None:
    page = read("/domains/unknown.example")
    expect(page.locator("main")).to_contain_text("mtasts-resolver explain unknown.example")
    page.goto("/domains/%3Cimg%20src=x%3E")
    expect(page.locator("main")).to_contain_text("<img src=x> is no domain")
    assert page.locator("img").count() == 0


def test_what_is_weakened_is_marked_everywhere(read: Read) -> None:
    page = read()
    row = page.get_by_role("row", name="d001.example")
    expect(row).to_contain_text("the policy is not enforced any more")
    page.goto("/domains?matching=d001")
    expect(page.locator("tbody")).to_contain_text("weakened")
    page.goto("/domains/d001.example")
    expect(page.locator(".worry")).to_contain_text("the policy allows hosts that it did not")
    page.goto("/changes?weakened=true")
    expect(page.locator(".changes > li")).to_have_count(1)
    assert page.locator("del").all_inner_texts() == ["-mode: enforce"]
    assert page.locator("ins").all_inner_texts() == [
        "+mode: testing",
        "+mx: <i>elsewhere</i>.example",
    ]


def test_what_was_at_a_time_can_be_asked(read: Read) -> None:
    page = read("/domains/d001.example")
    page.get_by_label("Time, in UTC").fill("2026-01-01T03:12")
    follow(page, page.get_by_role("button", name="Show"))
    past = page.get_by_role("region", name="What Postfix got then")
    expect(past).to_contain_text("2026-01-01 03:12:00 UTC")
    page.goto("/domains/d001.example?at=nonsense")
    expect(page.get_by_role("alert")).to_contain_text("That is no time")
    page.goto("/domains/d001.example?at=9999-12-31T23:59")
    expect(page.get_by_role("alert")).to_contain_text("still to come")


def test_overrides_are_shown_with_their_reasons(read: Read) -> None:
    page = read("/overrides")
    rows = page.locator("tbody tr")
    expect(rows.filter(has_text="d003.example")).to_contain_text("ticket <b>4711</b>")
    expect(rows.filter(has_text=".partner.example")).to_contain_text("lapsed")
    page.goto("/domains/d003.example")
    expect(page.locator(".worry")).to_contain_text("Override for d003.example: skip")


# -- how it is read --------------------------------------------------------------------------------

PAGES = (
    "/",
    "/changes",
    "/overrides",
    "/domains/good.example/hosts",
    "/domains/d001.example?at=2026-01-01T03:12",
    "/domains?matching=d00",
    "/domains?mode=nonsense",
    "/domains/hostile.example",
    "/domains/unknown.example",
)
# Between them they have every colour there is.
DARK = ("/", "/domains/d001.example?at=2026-01-01T03:12")


def test_each_page_is_fit_for_everybody(read: Read) -> None:
    """axe-core finds nothing that is against WCAG 2.1 AA: contrast, names, order, landmarks."""
    # axe-core itself is a script that the policy of the page would refuse.
    page = read(bypass_csp=True)
    for path in PAGES:
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        if path in DARK:
            page.emulate_media(color_scheme="dark")
            found = Axe().run(page, options={"runOnly": ["color-contrast"]})
            assert found.violations_count == 0, found.generate_report()
            page.emulate_media(color_scheme="light")


def test_the_schemes_differ(read: Read) -> None:
    grounds = {
        read(color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(grounds) == 2


def test_nothing_is_wider_than_a_small_screen(read: Read) -> None:
    page = read(viewport=PHONE, has_touch=True)
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        expect(page.get_by_role("navigation", name="Pages", exact=True)).to_be_visible()


def test_the_keyboard_alone_is_enough(read: Read) -> None:
    page = read()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    expect(page.get_by_role("link", name="To the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.goto("/")
    tab_to(page, page.get_by_role("searchbox"))
    page.keyboard.type("good")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Domains")
    tab_to(page, page.get_by_role("link", name="good.example"))
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("good.example")


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until `wanted` has the focus, which must be seen wherever it is."""
    for _ in range(60):
        page.keyboard.press("Tab")
        seen = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert seen == "solid", page.evaluate("document.activeElement.outerHTML")
        if wanted.evaluate("each => each === document.activeElement"):
            return
    pytest.fail("it cannot be reached")


def test_all_but_the_quiet_renewal_works_without_scripts(read: Read) -> None:
    page = read(java_script_enabled=False)
    expect(page.locator("h1")).to_have_text("All is well")
    page.locator("summary").first.click()
    expect(page.get_by_role("region", name="Look-ups by answer, hour by hour")).to_be_visible()
    page.get_by_role("searchbox").fill("d00")
    follow(page, page.get_by_role("button", name="Search"))
    follow(page, page.get_by_role("link", name="Mode"))
    assert len(domains_on(page)) == 10
    page.get_by_role("link", name="d003.example").click()
    served_document = page.get_by_role("region", name="The policy as it was served")
    expect(served_document).to_contain_text("version: STSv1")


# -- left open -------------------------------------------------------------------------------------


def test_a_page_that_is_left_open_is_kept_current(
    read: Read, url: str, served: RunningDaemon
) -> None:
    page = read("about:blank")
    page.clock.install()
    page.goto("/")
    page.locator("summary").first.click()
    page.get_by_role("link", name="Domains").focus()
    before = page.locator("#facts").inner_text()
    page.evaluate("window.sameDocument = true")
    served.ask("good.example")
    with page.expect_response(f"{url}/"):
        page.clock.fast_forward(REFRESHED)
    expect(page.locator("#facts")).not_to_have_text(before)
    expect(page.locator("details").first).to_have_attribute("open", "")
    expect(page.get_by_role("link", name="Domains")).to_be_focused()
    assert page.evaluate("window.sameDocument")


def test_a_page_that_can_no_longer_be_renewed_says_so(read: Read) -> None:
    page = read("about:blank")
    page.clock.install()
    page.route("**/domains", lambda route: route.continue_())
    page.goto("/domains")
    note = page.locator("#stale")
    expect(note).to_have_text("")
    page.unroute("**/domains")
    page.route("**/domains", lambda route: route.fulfill(status=503))
    page.clock.fast_forward(REFRESHED)
    expect(note).to_contain_text("what is shown is old")
    page.unroute("**/domains")
    page.clock.fast_forward(REFRESHED)
    expect(note).to_have_text("")


# -- strangers -------------------------------------------------------------------------------------


def test_a_hostile_policy_is_text(read: Read) -> None:
    """That nothing runs, and nothing is asked of others, `read` has asserted."""
    page = read("/domains/hostile.example")
    shown = page.locator("pre")
    expect(shown).to_contain_text("<script>document.title = 'owned'</script>")
    expect(shown).to_contain_text("<img src=http://192.0.2.1/pixel onerror=alert(1)>")
    expect(shown).to_contain_text("{{ 7 * 7 }}")
    expect(shown).to_contain_text(r"\u202egnp.exe\u202c\u200b")
    assert "owned" not in page.title()
    assert page.locator("img, style, script:not([src])").count() == 0
    assert page.locator("pre b").count() == 60
    expect(page.locator("main")).to_contain_text("549 more lines are not shown")
    assert len(page.content()) < 100_000


def test_what_is_searched_is_text(read: Read) -> None:
    page = read("/domains?matching=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert page.locator("script:not([src])").count() == 0
    expect(page.get_by_role("searchbox")).to_have_value('"><script>alert(1)</script>')


def test_nothing_can_be_changed_and_nothing_goes_elsewhere(url: str) -> None:
    with httpx.Client(base_url=url) as client:
        for path in (*PAGES, "/static/page.css", "/static/page.js"):
            answer = client.get(path)
            policy_of_page = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy_of_page
            assert "unsafe" not in policy_of_page
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            head = client.head(path)
            assert head.content == b""
            assert head.status_code == answer.status_code
            for method in ("POST", "PUT", "DELETE"):
                assert client.request(method, path).status_code == 405


def test_what_never_changes_is_sent_once(url: str) -> None:
    tag = httpx.get(f"{url}/static/page.css").headers["etag"]
    again = httpx.get(f"{url}/static/page.css", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


# -- for the documentation -------------------------------------------------------------------------


@pytest.fixture
def pictured() -> Iterator[str]:
    """Return the page of a daemon that somebody could have, after a day that is made up."""
    port, http_port = free_ports(2)
    names = ("bank", "clinic", "press", "museum", "college", "library", "harbour", "airport")
    held = {f"{name}.example": policy("enforce", 14) for name in names}
    held |= {"d001.example": policy("testing"), "notary.example": policy("enforce", 2)}
    with TemporaryDirectory() as name, RunningDaemon(Path(name), port) as daemon:
        daemon.configure(http={"address": f"127.0.0.1:{http_port}"}, overrides=OVERRIDES)
        stock(daemon, held)
        daemon.start(command=(sys.executable, "-m", "tests.system.made_up_day"))
        daemon.has_status(f"{len(held)} policies")
        for domain in held:
            daemon.ask(domain)
        with ControlClient(daemon.control) as client:
            wanted = RefreshRequest(domains=("notary.example", "museum.example"))
            for _ in client.stream("POST", Refreshed, "refresh", body=wanted):
                pass
        yield f"http://127.0.0.1:{http_port}"


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
