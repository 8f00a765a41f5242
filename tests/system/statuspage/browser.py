"""Debian's Chromium, headless, and what a page must not do in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.system.running import PATIENCE

CHROMIUM = "chromium"

# Before anything of the page runs: what its Content-Security-Policy has refused.
_WATCH = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`violation of ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""
# The browser says so of each such page; that it is one, the test knows.
_NOT_200 = "Failed to load resource: the server responded with a status of"


@contextmanager
def run_chromium() -> Iterator[Browser]:
    """Run Chromium; skip the test where there is none.

    It runs without its own sandbox, which it cannot set up as root: it is shown nothing but pages
    of a daemon of ours.
    """
    executable = shutil.which(CHROMIUM)
    if executable is None:
        pytest.skip("chromium is not installed; tests/system-packages installs it")
    expect.set_options(timeout=PATIENCE * 1_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, chromium_sandbox=os.geteuid() != 0
        )
        with browser:
            yield browser


def open_windows(browser: Browser, url: str, **options: Any) -> BrowserContext:
    """Return a browser as somebody has set it up, at whose windows addresses are below `url`."""
    context = browser.new_context(base_url=url, **options)
    if options.get("java_script_enabled", True):
        context.add_init_script(_WATCH)
    return context


class Reader:
    """A person at a window, and a witness of what the pages do that are shown there."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._url = url
        self._complaints: list[str] = []
        self._elsewhere: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda told: self._told(told.text))
        self.page.on("pageerror", lambda error: self._told(str(error)))
        self.page.on("dialog", lambda dialog: self._told(f"dialog {dialog.message}"))
        self.page.on("request", self._requested)

    def _told(self, text: str) -> None:
        if not text.startswith(_NOT_200):
            self._complaints.append(text)

    def _requested(self, request: Request) -> None:
        if not request.url.startswith(self._url):
            self._elsewhere.append(request.url)

    def leave(self) -> None:
        """Close the window; nothing ran, was refused or was asked of others that should not be."""
        self.page.close()
        assert self._complaints == []
        assert self._elsewhere == []
