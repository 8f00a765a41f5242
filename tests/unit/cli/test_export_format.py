"""The file in which policies are taken along."""

import io
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.cli.export_format import (
    FormatError,
    Numbered,
    export_schema,
    read_export,
    write_export,
)
from mtasts_resolver.control.values.policies import ExportedPolicy

SCHEMA = Path(__file__).parents[3] / "docs" / "cache-export.schema.json"


def policy(domain: str, document: str = "version: STSv1\r\n") -> ExportedPolicy:
    fetched = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
    return ExportedPolicy(domain=domain, id="1", fetched=fetched, document=document)


TWO = [policy("a.example"), policy('b.example", "x": "\n\u2028]}')]


def written(policies: list[ExportedPolicy]) -> bytes:
    file = io.BytesIO()
    assert write_export(policies, file) == len(policies)
    return file.getvalue()


def read(text: bytes) -> list[Numbered]:
    return [*read_export(io.BytesIO(text))]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_it_is_json_with_a_line_a_policy(count: int) -> None:
    text = written(TWO[:count])
    document = json.loads(text)
    assert document["version"] == 1
    assert len(document["policies"]) == count
    assert len(text.splitlines()) == count + 2
    assert [numbered.policy for numbered in read(text)] == TWO[:count]


def test_it_can_be_laid_out_anew() -> None:
    again = json.dumps(json.loads(written(TWO)), indent=4, sort_keys=True).encode()
    assert [numbered.policy for numbered in read(again)] == TWO
    compact = json.dumps(json.loads(written(TWO))).encode()
    assert [numbered.policy for numbered in read(compact)] == TWO


def test_lines_can_be_picked_out() -> None:
    assert [one.policy for one in read(written(TWO).splitlines(keepends=True)[1])] == TWO[:1]


def test_what_is_wrong_with_one_costs_no_other() -> None:
    first, last = map(msgspec.json.encode, TWO)
    lines = [written([]).splitlines()[0], first + b",", b'{"domain": 7},', b"\xff", last, b"]}"]
    found = read(b"\n".join(lines))
    assert [one.place for one in found] == ["line 2", "line 3", "line 4", "line 5"]
    assert [one.policy for one in found] == [TWO[0], None, None, TWO[1]]
    assert "Expected `str`" in found[1].fault


def test_a_file_that_was_cut_short_is_told() -> None:
    found = read(written(TWO)[:-20])
    assert found[0].policy == TWO[0]
    assert "ends before its end" in found[-1].fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no export of mtasts-resolver"),
        (b"[]", "no export of mtasts-resolver"),
        (b"\x1f\x8b\x08", "no export of mtasts-resolver"),
        (b"[" * 100_000, "no export of mtasts-resolver"),
        (b'{"version": 2, "policies": [\n]}', "of version 2, and this program reads 1"),
        (b'{"version": 2, "policies": []}', "of version 2, and this program reads 1"),
        (b'{"policies": [\n]}', "does not begin as an export does"),
    ],
)
def test_what_is_no_export_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read(text)


@pytest.mark.threat("import-hostile")
@given(st.binary())
def test_any_bytes_can_be_read(text: bytes) -> None:
    for start in (b"", b'{"version": 1, "policies": [\n'):
        with suppress(FormatError):
            read(start + text)


def test_the_schema_is_that_of_the_page() -> None:
    assert SCHEMA.read_bytes() == export_schema()


def test_what_is_written_is_what_the_schema_says() -> None:
    schema = jsonschema_rs.validator_for(json.loads(SCHEMA.read_bytes()))
    document = json.loads(written(TWO))
    schema.validate(document)
    assert document["$schema"] == json.loads(SCHEMA.read_bytes())["$id"]
    for name in ("version", "exported", "policies"):
        assert not schema.is_valid({key: document[key] for key in document if key != name})
    assert not schema.is_valid({**document, "version": 2})
    assert not schema.is_valid({**document, "policies": [{"domain": "a.example"}]})
