"""docs/report.md explains what an account shows, by the words that it is shown with."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from mtasts_resolver.evidence.accounts.comparison import figure_changes
from mtasts_resolver.evidence.report import WATCHED_FIGURES
from mtasts_resolver.maillog.events import Cause
from tests.unit.evidence.accounts.facts import account_of

PAGE = (Path(__file__).parents[4] / "docs" / "report.md").read_text(encoding="utf-8")
FIGURES = account_of([]).figures(None)


@pytest.mark.parametrize("key", [figure.key for figure in FIGURES])
def test_each_figure_has_a_row(key: str) -> None:
    assert f"| `{key}` |" in PAGE


@pytest.mark.parametrize("cause", [cause.value for cause in Cause])
def test_each_cause_is_explained(cause: str) -> None:
    assert f"`{cause}`" in PAGE


def test_every_report_has_what_auditors_watch() -> None:
    assert set(WATCHED_FIGURES) <= {figure.key for figure in FIGURES}


def test_each_figure_is_known_to_be_better_or_worse() -> None:
    """Or a figure that is new would never be judged against the period before."""
    worst = [replace(figure, numerator=0, denominator=1) for figure in FIGURES]
    best = [replace(figure, numerator=1, denominator=1) for figure in FIGURES]
    keys = {figure.key for figure in FIGURES}
    judged = {change.key for change in figure_changes(worst, best) if change.better is not None}
    assert keys <= judged
