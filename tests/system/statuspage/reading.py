"""How somebody reads the page."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}

PAGES = (
    "/",
    "/changes",
    "/overrides",
    "/own-domains",
    "/own-domains/own.example",
    "/own-domains/unknown.example",
    "/domains/good.example/hosts",
    "/domains/d001.example?at=2026-01-01T03:12",
    "/domains?matching=d00",
    "/domains?mode=nonsense",
    "/domains/hostile.example",
    "/domains/unknown.example",
)

Read = Callable[..., Page]


def follow(page: Page, link: Locator) -> None:
    """Click, and return when all of the other page is there."""
    with page.expect_navigation():
        link.click()


def domains_on(page: Page) -> list[str]:
    return page.locator("tbody th[scope=row] a").all_inner_texts()
