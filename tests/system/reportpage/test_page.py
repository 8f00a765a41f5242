"""Everybody can read the page, on each screen; it is valid, and runs and asks for nothing."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec.structs import replace
from playwright.sync_api import Browser, Page

from mtasts_resolver.evidence.report import EvidenceReport
from mtasts_resolver.report.html.page import as_html
from tests.system.statuspage.browser import Reader, open_windows, run_chromium
from tests.system.statuspage.reading import DESK, PHONE
from tests.unit.report.madeup import empty, hostile, made_up

REPORTS: dict[str, Callable[[], EvidenceReport]] = {
    "made-up": made_up,
    "empty": empty,
    "hostile": hostile,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return the browser; no asynchronous test may stand in this module."""
    with run_chromium() as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a page of each of REPORTS."""
    directory = tmp_path_factory.mktemp("pages")
    for name, report in REPORTS.items():
        (directory / f"{name}.html").write_text(as_html(report()), encoding="utf-8")
    return directory


Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, pages: Path) -> Iterator[Open]:
    """Return what opens a page. None may run, be refused or ask for anything."""
    readers: list[Reader] = []

    def open_page(name: str, **options: object) -> Page:
        url = (pages / f"{name}.html").as_uri()
        reader = Reader(open_windows(browser, url, **{"viewport": DESK, **options}), url)
        readers.append(reader)
        reader.page.goto(url)
        return reader.page

    yield open_page
    for reader in readers:
        reader.leave()


@pytest.mark.parametrize("name", ["made-up", "empty"])
def test_the_page_is_fit_for_everybody(opened: Open, name: str) -> None:
    """axe-core finds nothing that is against WCAG 2.1 AA, and all can be read in the dark."""
    # axe-core itself is a script that the policy of the page would refuse.
    page = opened(name, bypass_csp=True)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.emulate_media(color_scheme="dark")
    found = Axe().run(page, options={"runOnly": ["color-contrast"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_is_wider_than_the_screen(
    opened: Open, name: str, viewport: dict[str, int]
) -> None:
    page = opened(name, viewport=viewport)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_what_a_stranger_wrote_is_text(opened: Open) -> None:
    page = opened("hostile")
    assert page.locator("script, img, style:not(head style)").count() == 0
    assert "{{ 7 * 7 }}" in page.locator("#held").inner_text()
    assert page.title().startswith("Mail protection")


def test_the_shades_differ_and_paper_is_always_light(opened: Open) -> None:
    page = opened("made-up", color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(ground) == "rgb(255, 255, 255)" != dark


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_is_valid(pages: Path, name: str) -> None:
    tidy = shutil.which("tidy")
    if tidy is None:
        pytest.skip("tidy is not installed; tests/system-packages installs it")
    done = subprocess.run(
        [tidy, "-quiet", "-errors", "-utf8", pages / f"{name}.html"],
        capture_output=True,
        text=True,
        check=False,
    )
    # Tidy 5.6 takes the title of an SVG for that of the page, which has no id.
    wrong = [line for line in done.stderr.splitlines() if 'attribute "id"' not in line]
    assert not wrong, wrong


# -- on paper --------------------------------------------------------------------------------------


def printed(page: Page, directory: Path) -> list[str]:
    """Return the text of each page of paper."""
    pdftotext = shutil.which("pdftotext")
    if pdftotext is None:
        pytest.skip("pdftotext is not installed; tests/system-packages installs it")
    file = directory / "report.pdf"
    page.pdf(path=file, prefer_css_page_size=True)
    done = subprocess.run(
        [pdftotext, "-layout", file, "-"], capture_output=True, text=True, check=True
    )
    return done.stdout.split("\f")[:-1]


def test_each_paper_says_of_what_it_is_and_the_first_has_the_summary_alone(
    opened: Open, tmp_path: Path
) -> None:
    papers = printed(opened("made-up"), tmp_path)
    assert 6 <= len(papers) <= 14
    for place, paper in enumerate(papers, 1):
        assert "Mail protection: mail1.organisation.example" in paper
        assert "2026-10-01 00:00:00 +02:00 to 2026-11-01 00:00:00 +01:00" in paper
        assert "mtasts-resolver 0.1.0, SHA-256 of inputs 7333208" in paper
        assert f"Page {place} of {len(papers)}" in paper
    assert "What needs doing, and by whom" in papers[0]
    assert "One by one" in papers[0]
    assert "Behind it, for an auditor" in papers[1]


def test_a_crowded_summary_has_one_page_of_paper(browser: Browser, tmp_path: Path) -> None:
    words = "a reason that is told at length, as those of a control or of a failure may be: " * 3
    crowded = made_up(
        controls=tuple(
            replace(made_up().controls[n % 3], id=f"ISO-27001-A.8.{n}", why=words) for n in range(6)
        ),
        failures=tuple(
            replace(made_up().failures[n % 3], domain=f"a-domain-with-a-long-name-{n}.example")
            for n in range(9)
        ),
    )
    file = tmp_path / "crowded.html"
    file.write_text(as_html(crowded), encoding="utf-8")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(file.as_uri())
        papers = printed(page, tmp_path)
    assert "One by one" in papers[0]
    assert "Behind it, for an auditor" in papers[1]


def test_no_table_is_cut_on_paper(browser: Browser, tmp_path: Path) -> None:
    """Each row is on one page, and each page with rows has their heads."""
    row = made_up().failures[0]
    rows = tuple(replace(row, domain=f"d{number:03}.example") for number in range(150))
    file = tmp_path / "long.html"
    file.write_text(as_html(made_up(failures=rows)), encoding="utf-8")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(file.as_uri())
        papers = printed(page, tmp_path)
    begins = re.compile(r"^ *d\d{3}\.example \(MTA-STS\)", re.MULTILINE)
    held = [paper for paper in papers if begins.search(paper)]
    assert len(held) > 3
    assert sum(len(begins.findall(paper)) for paper in held) == len(rows)
    for paper in held:
        assert "Domain, host and cause" in paper
        # of the second line of each row
        assert len(begins.findall(paper)) == paper.count("2026-10-22 17:40:02")
