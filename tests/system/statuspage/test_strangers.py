"""What strangers wrote is text, and nothing can be changed."""

import httpx
import pytest
from playwright.sync_api import expect

from tests.system.statuspage.reading import PAGES, Read


@pytest.mark.threat("page-markup")
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


@pytest.mark.threat("page-markup")
def test_what_is_searched_is_text(read: Read) -> None:
    page = read("/domains?matching=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert page.locator("script:not([src])").count() == 0
    expect(page.get_by_role("searchbox")).to_have_value('"><script>alert(1)</script>')


@pytest.mark.threat("page-change")
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
