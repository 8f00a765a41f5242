"""The report as a page: what draws its charts is imported only when there is one to draw."""

from mtasts_resolver.evidence.report import EvidenceReport


def page_of(report: EvidenceReport) -> bytes:
    """Return the page. Raise PlottingMissingError where the library that draws is not installed."""
    from mtasts_resolver.report.html.page import as_html  # noqa: PLC0415  matplotlib

    return as_html(report).encode()
