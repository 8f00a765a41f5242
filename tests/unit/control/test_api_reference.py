"""The page of the API is what the table of endpoints says."""

import runpy
from pathlib import Path

import pytest

from mtasts_resolver.control.api.endpoints import ENDPOINTS
from mtasts_resolver.control.api.openapi import document
from mtasts_resolver.control.api.reference import api_reference

ROOT = Path(__file__).parents[3]


def test_the_page_is_current() -> None:
    assert (ROOT / "docs/api.md").read_text("utf-8") == api_reference(), "run: make docs"


def test_the_module_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    path = ROOT / "mtasts_resolver/control/api/reference.py"
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out == api_reference()


def test_every_endpoint_is_described_once() -> None:
    paths = document(ENDPOINTS)["paths"]
    described = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    assert sorted(described) == sorted((known.method, known.path) for known in ENDPOINTS)
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert len(set(names)) == len(names)
