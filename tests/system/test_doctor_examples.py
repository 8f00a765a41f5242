"""Each Postfix example passes `doctor` on this machine's version, with nothing to say."""

import re
from pathlib import Path
from shutil import copy

import pytest

from mtasts_resolver.config import parse_address
from mtasts_resolver.doctor.surroundings import LookupPlace
from mtasts_resolver.findings import Severity

from .postfixes import HAS_POSTFIX, IS_MODERN, read_written
from .test_doctor_outbound import judged, lookups
from .test_postfix_examples import EXAMPLES, MAIN_CF, with_options

pytestmark = pytest.mark.skipif(not HAS_POSTFIX, reason="Postfix is not installed")

BEGINNING = EXAMPLES / f"main.cf.postfix-{'3.10' if IS_MODERN else '3.4-3.9'}"
ALONE = {BEGINNING.name, "main.cf.ism-0572-opportunistic-tls"}
FOR_OTHERS = {"main.cf.postfix-3.10", "main.cf.postfix-3.4-3.9"} - {BEGINNING.name}
HERE = [path for path in MAIN_CF if path.name not in FOR_OTHERS]
TCP_TABLE = {"protocol": "tcp_table", "address": "inet:127.0.0.1:8462"}
SOCKETMAP = {"protocol": "socketmap", "address": "inet:127.0.0.1:8461"}


def fragment_here(path: Path) -> str:
    """Return an example with what it says is to be changed for this version."""
    text = path.read_text()
    if IS_MODERN:
        text = re.sub(r"(?m)^(\s*(?:smtp.*)?socketmap:.*:)default$", r"\1tlsrpt", text)
    if path.name in ALONE:
        return text
    beginning = re.sub(r"(?m)^smtp_tls_policy_maps = .*\n", "", BEGINNING.read_text())
    return beginning + text


@pytest.mark.parametrize("path", HERE, ids=lambda path: path.name)
def test_the_example_is_clean(path: Path, tmp_path: Path) -> None:
    main_cf = fragment_here(path)
    place = LookupPlace("socketmap", parse_address(f"unix:{tmp_path}/spool/mtasts/socketmap"))
    ours = lookups({"https": {}, "listen": [SOCKETMAP, TCP_TABLE]}, place)
    (tmp_path / "etc").mkdir()
    copy(EXAMPLES / "tls_policy", tmp_path / "etc")
    findings = judged(read_written(tmp_path, main_cf), ours)
    said = [finding for finding in findings if finding.severity != Severity.OK]
    if path.name == "main.cf.tcp_table" and IS_MODERN:  # its map is chosen by the daemon
        said = [finding for finding in said if finding.code != "plain-map-since-3.10"]
    assert said == []


def test_an_example_with_its_options_is_no_other() -> None:
    """Only that for 3.10 has some, which need a collector that runs."""
    assert [path.name for path in MAIN_CF if with_options(path) != path.read_text()] == [
        "main.cf.postfix-3.10"
    ]
