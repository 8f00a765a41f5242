"""A report on a terminal, and in a pipe."""

import pytest
from msgspec.structs import replace

from mtasts_resolver.cli.reporting.text import report_text
from mtasts_resolver.evidence.report import EvidenceReport
from tests.unit.report.madeup import empty, made_up


@pytest.mark.parametrize("report", [made_up(), empty()], ids=["made up", "empty"])
@pytest.mark.parametrize("everything", [False, True])
def test_no_line_is_wider_than_the_terminal(report: EvidenceReport, everything: bool) -> None:
    for line in report_text(report, columns=80, everything=everything).splitlines():
        assert len(line) <= 80, line


def test_verdicts_and_figures_stand_before_all_tables() -> None:
    lines = report_text(made_up(), columns=80).splitlines()
    assert lines[lines.index("Controls") + 1] == "ISM-1589: met"
    order = [lines.index(head) for head in ("Controls", "Figures", "What needs doing")]
    assert order == sorted(order)
    assert order[-1] < lines.index("Mail that TLS held") < lines.index("Outgoing mail")


def test_colour_is_there_only_where_it_is_wanted() -> None:
    plain = report_text(made_up(), columns=80)
    assert "\x1b" not in plain
    assert "\x1b[" in report_text(made_up(), columns=80, color=True)


def test_a_pipe_gets_whole_lines_and_tabs() -> None:
    text = report_text(made_up(), columns=None)
    assert "big-mail.example\t31,200\t31,200\t31,187\t0\t13\tMTA-STS\n" in text


def test_without_data_it_says_so() -> None:
    text = report_text(empty(), columns=80)
    assert text.count("no data") == 5
    assert "%" not in text


@pytest.mark.threat("report-markup")
def test_what_a_stranger_wrote_moves_no_cursor() -> None:
    report = made_up()
    evil = tuple(replace(row, reason="\x1b[2J\n\u202e") for row in report.failures)
    text = report_text(made_up(failures=evil), columns=80, color=True)
    assert "\x1b[2J" not in text
    assert "\\x1b[2J\\n\\u202e" in text


def test_long_tables_are_cut_unless_all_is_asked_for() -> None:
    row = made_up().outbound_domains[0]
    rows = tuple(replace(row, domain=f"d{number}.example") for number in range(40))
    report = made_up(outbound_domains=rows)
    assert "(25 more: --verbose, --csv, --json)" in report_text(report, columns=80)
    assert "d39.example" in report_text(report, columns=80, everything=True)
