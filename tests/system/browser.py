"""Debian's Chromium, headless, and what a page must not do in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

CHROMIUM = "chromium"

# Before anything of the page runs: what its Content-Security-Policy has refused.
_WATCH = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`violation of ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""

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
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, chromium_sandbox=os.geteuid() != 0
        )
        with browser:
            yield browser


class Reader:
    """A person at a browser, and a witness of what the pages do that they are shown."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        """What was asked of other hosts."""
        self.context: BrowserContext = browser.new_context(base_url=url, **options)
        if options.get("java_script_enabled", True):
            self.context.add_init_script(_WATCH)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda told: self._told(told.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.context.on("request", self._requested)

    def _told(self, text: str) -> None:
        if not text.startswith(_NOT_200):
            self.complaints.append(text)

    def _requested(self, request: Request) -> None:
        if not request.url.startswith(self.url):
            self.elsewhere.append(request.url)

    def leave(self) -> None:
        """Close the browser's windows; nothing ran, was refused or asked that should not be."""
        self.context.close()
        assert self.complaints == []
        assert self.elsewhere == []
