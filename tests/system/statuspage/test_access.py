"""Everybody can read it: on a small screen, in the dark, by the keyboard alone, without scripts."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.system.statuspage.reading import PAGES, PHONE, Read, domains_on, follow

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
