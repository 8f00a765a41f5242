"""The list of domains is searched, sorted and paged."""

from playwright.sync_api import expect

from tests.system.statuspage.reading import Read, domains_on, follow
from tests.system.statuspage.stocked import policies


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
