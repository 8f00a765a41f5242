"""`check` against the lab's internet: what a person, a program and a monitor get."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from .checkhosts import MODEL, NEGLECTED
from .lab import Lab
from .namespace import ROOT, environment
from .terminal import shown

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("both_versions_of_ip")]

SCHEMA = ROOT / "docs" / "check.schema.json"


def on_terminal(lab: Lab, *arguments: str) -> str:
    command = lab.namespace.command(lab.daemon.command_line("check", *arguments))
    return shown(command, path=environment()["PATH"])


def test_of_a_domain_as_it_should_be_nothing_needless_is_said(steady_lab: Lab) -> None:
    lines = on_terminal(steady_lab, MODEL.name).splitlines()
    assert lines[:3] == [
        "OK  model.example: nothing to mend; mode enforce, 2 MX hosts, DANE required",
        "",
        "HOST                      TLS      CERTIFICATE  DAYS  POLICY  DANE",
    ]
    assert all("TLSv1.3  valid" in line for line in lines[3:] if line.startswith("  "))
    assert len(lines) == 3 + 3 + 2 * 3  # three hosts, each with two addresses


def test_of_several_the_worst_decides_and_each_fits_80_columns(steady_lab: Lab) -> None:
    text = on_terminal(steady_lab, MODEL.name, NEGLECTED.name)
    assert max(map(len, text.splitlines())) <= 80
    for words in (
        "ERROR  neglected.example: ",
        "MX 20 mx2.neglected.example                              NOT IN  none",
        "error    the policy does not name an MX host (mx-host-outside-policy)",
        "neglected.example         ERROR  ",
    ):
        assert words in text
    plugin = steady_lab.daemon.command("check", "--nagios", MODEL.name, NEGLECTED.name)
    assert plugin.startswith("MTA-STS CRITICAL - 1 of 2 domains: neglected.example: ")
    assert "| days_left=5." in plugin


def test_where_port_25_is_blocked_it_is_said_once_that_no_domain_is_at_fault(
    steady_lab: Lab,
) -> None:
    with steady_lab.namespace.blocked(25):
        text = on_terminal(steady_lab, MODEL.name, NEGLECTED.name)
        alone = on_terminal(steady_lab, MODEL.name)
    assert " ".join(text.split()).count("these domains can be reached on port 25: this host") == 1
    assert "these domains" not in alone


def test_json_has_all_and_keeps_to_its_schema(steady_lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "domains"
    file.write_text("bücher.example  # and nobody else\n", encoding="utf-8")
    printed = steady_lab.daemon.command("check", NEGLECTED.name, "--file", str(file), "--json")
    document = json.loads(printed)
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_bytes())).validate(document)
    neglected, books = document["domains"]
    assert books["domain"] == "xn--bcher-kva.example"
    assert {found["code"] for found in neglected["findings"]} >= {
        *("policy-host-certificate-about-to-end", "mx-host-outside-policy"),
    }
    address = neglected["observed"]["mx_hosts"][0]["addresses"][0]
    assert (address["starttls"], address["tls"]["version"]) == (True, "TLSv1.3")
    assert neglected["before_unseen"] is None
