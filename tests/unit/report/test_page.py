"""The page: it needs nothing else, runs nothing, and takes no stranger's words for markup."""

import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from html import unescape

import pytest
from msgspec.structs import replace

from mtasts_resolver.evidence.report import WATCHED_FIGURES
from mtasts_resolver.report.html.page import LINE, MOST_ROWS, as_html, checksum
from tests.unit.report.madeup import HOSTILE, empty, hostile, made_up, with_everywhere


@pytest.mark.threat("report-markup")
def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    for report in (made_up(), empty(), hostile(), with_everywhere(made_up(), HOSTILE)):
        page = as_html(report)
        assert "<script" not in page
        assert "<img" not in page
        assert not re.search(r"""(?:src|href|srcset|data)\s*=\s*["'](?!#)""", page)
        assert not re.search(r"url\((?!#)|@import", page)
        assert " style=" not in page


def test_a_browser_is_forbidden_all_but_the_one_style() -> None:
    page = as_html(hostile())
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    (allowed,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert unescape(allowed) == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_the_first_page_has_the_four_figures_with_numerator_and_denominator() -> None:
    first, _, _ = as_html(made_up()).partition("Behind it, for an auditor")
    figures = {figure.key: figure for figure in made_up().figures}
    for key in WATCHED_FIGURES:
        figure = figures[key]
        assert f"{figure.numerator:,} of {figure.denominator:,}" in first
        assert figure.title in first


def test_without_data_nothing_is_well() -> None:
    page = as_html(empty())
    body = page.partition("</style>")[2]
    assert 'class="well' not in body
    assert "\u2713" not in body
    assert body.count("no data") >= len(WATCHED_FIGURES)


def test_a_long_table_ends_with_where_the_rest_is() -> None:
    row = made_up().outbound_domains[0]
    rows = tuple(replace(row, domain=f"d{number}.example") for number in range(10_000))
    page = as_html(made_up(outbound_domains=rows))
    assert page.count('<th scope="row">d') <= MOST_ROWS
    assert f"{10_000 - MOST_ROWS:,} rows more: in <code>outbound-domains.csv</code>" in page
    assert len(page) < 1_000_000


def test_a_long_text_ends_with_a_word() -> None:
    failure = replace(made_up().failures[0], reason="words " * 100)
    assert " words\u2026" in as_html(made_up(failures=(failure,)))
    failure = replace(failure, reason="y" * 500)
    assert f"{'y' * (LINE - 1)}\u2026" in as_html(made_up(failures=(failure,)))


def test_the_same_report_makes_the_same_page() -> None:
    assert as_html(made_up()) == as_html(made_up())


def test_no_name_is_given_twice_and_each_that_is_referred_to_is_there() -> None:
    page = as_html(made_up())
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', page)) <= set(ids)
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= set(ids)


def test_the_checksum_is_that_of_the_files_own() -> None:
    hashes = [one.sha256 for one in made_up().inputs if one.sha256]
    assert checksum(made_up().inputs) == sha256("\n".join([*hashes, ""]).encode()).hexdigest()
    assert checksum(()) == ""


def test_without_matplotlib_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from mtasts_resolver.report.html.missing import PlottingMissingError\n"
        "try:\n    import mtasts_resolver.report.html.page\n"
        "except PlottingMissingError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert f"{sys.prefix}/bin/pip install matplotlib" in done.stdout
