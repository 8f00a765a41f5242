"""What a program gets of a report: JSON and CSV."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.cli.reporting.schema import report_schema
from mtasts_resolver.evidence.report import EvidenceReport, UnknownLine
from mtasts_resolver.report.csvfiles import NOT_FIRST, TABLES, csv_text, write_csv
from mtasts_resolver.report.machine import as_json
from tests.unit.report.madeup import empty, made_up

SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"


def test_the_schema_in_docs_is_that_of_the_report() -> None:
    assert SCHEMA.read_bytes() == report_schema(), "run: make docs"


@pytest.mark.parametrize("report", [made_up(), empty()], ids=["made up", "empty"])
def test_the_json_is_as_the_schema_has_it_and_loses_nothing(report: EvidenceReport) -> None:
    told = as_json(report)
    jsonschema_rs.validator_for(report_schema().decode()).validate(json.loads(told))
    assert msgspec.json.decode(told, type=EvidenceReport) == report


def test_the_schema_refuses_what_is_no_report() -> None:
    told = json.loads(as_json(made_up()))
    del told["figures"][0]["denominator"]
    assert not jsonschema_rs.validator_for(report_schema().decode()).is_valid(told)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", TABLES)
def test_each_table_has_as_many_cells_in_each_row_as_heads(name: str) -> None:
    heads, *rows = read(csv_text(made_up(), name))
    assert rows
    assert all(len(row) == len(heads) for row in rows)
    nothing = read(csv_text(empty(), name))
    assert nothing[0] == heads


def texts(value: object) -> Iterator[str]:
    """Yield every text that is anywhere in a value of JSON."""
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from texts(inner)
        case list():
            for inner in value:
                yield from texts(inner)


def test_every_text_of_the_report_is_in_a_table() -> None:
    whole = "".join(csv_text(made_up(), name) for name in TABLES).replace('""', '"')
    for text in texts(json.loads(as_json(made_up()))):
        assert text in whole


def test_the_tables_are_written_as_utf_8_with_lines_that_end_as_rfc_4180_has_it(
    tmp_path: Path,
) -> None:
    report = made_up(host="käse.example")
    written = write_csv(report, tmp_path / "new" / "directory")
    assert [path.name for path in written] == [f"{name}.csv" for name in TABLES]
    about = (tmp_path / "new" / "directory" / "about.csv").read_bytes()
    assert "host,käse.example\r\n".encode() in about


@pytest.mark.threat("report-markup")
@given(st.text())
def test_no_cell_is_a_formula_and_each_can_be_had_back(text: str) -> None:
    report = made_up(unknown_lines=(UnknownLine(text, 1),))
    _, (cell, count) = read(csv_text(report, "unknown-lines"))
    assert count == "1"
    assert not cell.startswith(tuple(set(NOT_FIRST) - {"'"}))
    if text.isprintable():
        assert cell.removeprefix("'") == text
    else:
        assert cell.isprintable()
