"""What there is to see."""

import re

from playwright.sync_api import expect

from tests.system.statuspage.reading import Read, follow


def test_the_state_is_to_be_seen_at_a_glance(read: Read) -> None:
    page = read()
    expect(page.locator("h1")).to_have_text("All is well")
    expect(page).to_have_title(re.compile(r"All is well · "))
    expect(page.get_by_role("link", name="86", exact=True)).to_be_visible()  # of mode enforce
    expect(page.get_by_role("heading", name="Look-ups by answer")).to_be_visible()


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
