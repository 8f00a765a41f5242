"""From a clean Debian to verified mail: one command, and what it prints, typed as it stands.

The system is on the lab's internet. Its Postfix is as its package has set it up.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.booted import BootedSystem
from tests.lab.freshhost import CONFIGURATION, SERVICES, FreshHost, on_labs_internet
from tests.lab.internet import GOOD
from tests.lab.lab import Lab
from tests.lab.namespace import ROOT

from .packagehost import CONFIG, SERVICE, PackageHost
from .twolines import printed_commands

PAGE = ROOT / "docs/install.md"
SHOWN = re.compile(r"<!-- packages: installed -->\n```console\n(?P<said>.+?)```", re.DOTALL)

NOT_VALIDATING = 'server:\n  module-config: "iterator"\n'


@pytest.fixture(scope="module")
def clean(
    lab: Lab, clean_tarball: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BootedSystem]:
    """Return a clean system on the lab's internet."""
    directory = tmp_path_factory.mktemp("clean")
    with BootedSystem(directory, clean_tarball) as system, on_labs_internet(lab, system):
        system.run("systemctl", "start", *SERVICES)
        yield system
    shutil.rmtree(directory)


def found(host: FreshHost) -> tuple[int, list[str]]:
    """Return the exit code of doctor, and what it finds that is worse than a note."""
    code, printed = host.outcome("mtasts-resolver doctor --json")
    sections = json.loads(printed)["sections"]
    findings = [finding for section in sections for finding in section["findings"]]
    return code, [str(one) for one in findings if one["severity"] not in ("ok", "note")]


def test_what_one_command_prints_connects_postfix(
    suite: str, lab: Lab, clean: BootedSystem, deb: Path
) -> None:
    said = PackageHost(clean).install(deb)
    printed = printed_commands(said)
    if suite == "trixie":
        shown = SHOWN.search(PAGE.read_text("utf-8"))
        assert shown is not None
        assert shown["said"] in said.replace("\r\n", "\n")
    # The lab's networks are those that documents use, which the daemon would not visit.
    (clean.root / CONFIG.relative_to("/")).write_text(CONFIGURATION)
    clean.run("systemctl", "restart", SERVICE)

    host = FreshHost(clean)
    commands = printed.replace("\\\n", " ").splitlines()
    assert [command.split()[0] for command in commands] == ["postconf", "postfix"]
    code, wrote = host.outcome(printed)
    assert (code, "warning" in wrote) == (0, False), wrote
    assert found(host) == (0, [])

    mark = lab.hosts.events.mark()
    assert "status=sent" in host.send("somebody@enforced.example")
    assert "status=deferred" in host.send("somebody@wrong-name.example")
    (mail,) = lab.hosts.since(mark)[0]
    assert (mail.host, mail.tls) == (GOOD.name, True)


def test_without_dnssec_it_is_clean_as_well(clean: BootedSystem) -> None:
    """DANE is off then, and MTA-STS is all there is: nothing is wrong."""
    host = FreshHost(clean)
    (clean.root / "etc/unbound/unbound.conf.d/not-validating.conf").write_text(NOT_VALIDATING)
    clean.run("systemctl", "restart", "unbound.service", SERVICE)
    assert "not-validated" in clean.run("mtasts-resolver", "status", "--json")
    assert found(host) == (0, [])


def test_a_second_time_nothing_is_printed(clean: BootedSystem, deb: Path) -> None:
    said = PackageHost(clean).install(deb, "--reinstall")
    assert "mtasts-resolver runs" not in said
