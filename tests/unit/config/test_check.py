"""`mtasts-resolver config check`."""

import json
from pathlib import Path

import pytest

from tests.runner import CliRunner

config_cli = pytest.importorskip("mtasts_resolver.cli.config")


def test_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("lookup_timeout: 30s\n")
    result = CliRunner().invoke(config_cli.config_group, ["check", str(path)])
    assert (result.exit_code, result.output) == (0, f"{path}: valid\n")


def test_a_faulty_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("lookup_timeout: 30x\nnonsense: 1\n")
    result = CliRunner().invoke(config_cli.config_group, ["check", str(path)])
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{path}:1: $.lookup_timeout: ")
    assert lines[1].startswith(f"{path}:2: $: ")
    result = CliRunner().invoke(config_cli.config_group, ["check", str(path), "--json"])
    told = json.loads(result.stdout)["errors"]
    assert [(error["file"], error["line"], error["key"]) for error in told] == [
        (str(path), 1, "$.lookup_timeout"),
        (str(path), 2, "$"),
    ]
    assert "'30x' is not a duration" in told[0]["reason"]


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("https: {proxy: 'http://me:secret@proxy.example.com:3128'}\n")
    result = CliRunner().invoke(config_cli.config_group, ["check", str(path), "--json"])
    assert result.exit_code == 0
    assert "secret" not in result.output
    told = json.loads(result.output)
    assert (told["valid"], told["errors"]) == (True, [])
    assert told["config"]["https"]["proxy"] == "http://***@proxy.example.com:3128"
    assert told["config"]["lookup_timeout"] == 20.0


def test_json_of_a_faulty_file(tmp_path: Path) -> None:
    path = tmp_path / "missing.yaml"
    result = CliRunner().invoke(config_cli.config_group, ["check", str(path), "--json"])
    assert result.exit_code == 2
    assert json.loads(result.output) == {
        "valid": False,
        "errors": [
            {
                "reason": "cannot be read: No such file or directory",
                "key": "",
                "line": None,
                "file": str(path),
            }
        ],
        "warnings": [],
    }
