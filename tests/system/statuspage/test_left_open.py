"""A page that is left open is kept current."""

from playwright.sync_api import expect

from tests.system.running import RunningDaemon
from tests.system.statuspage.reading import Read

REFRESHED = 31_000  # milliseconds; after so long an open page has been asked for again


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
