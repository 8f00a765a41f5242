"""From the real postfix-mta-sts-resolver, as PyPI has it, to a daemon that finds DNS cut off."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests.lab.ends import ENFORCES_WRONG, secure
from tests.lab.internet import GOOD
from tests.lab.lab import Lab, running_lab
from tests.lab.namespace import missing
from tests.lab.stream import PATIENCE

# That of Debian 12 runs with its Python alone; from 3.14 on none before 1.5.1 does.
VERSIONS = ("1.1.2", "1.5.1") if sys.version_info < (3, 12) else ("1.5.1",)
PORT = 18_461
HELD = {
    "enforced.example": secure(GOOD, ".mx.example"),
    "wrong-name.example": ENFORCES_WRONG,
    "lenient.example": secure(GOOD),  # it has a blank line
    "xn--bcher-kva.example": secure(GOOD),
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    if reason := missing():
        pytest.skip(reason)
    with running_lab() as lab:
        yield lab


@pytest.fixture(params=VERSIONS)
def their_daemon(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the program mta-sts-daemon of a version, installed for this test."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    wanted = f"postfix-mta-sts-resolver[sqlite]=={request.param}"
    subprocess.run([python, "-m", "pip", "install", "-q", wanted], check=True)
    return tmp_path / "venv/bin/mta-sts-daemon"


def look_up(lab: Lab, domain: str) -> str:
    table = f"socketmap:inet:127.0.0.1:{PORT}:postfix"
    return lab.namespace.run("postmap", "-q", domain, table, check=False).strip()


def fill(lab: Lab, their_daemon: Path, configuration: Path) -> None:
    """Have it find what there is to be found, and end, as by a crash."""
    trust = {"SSL_CERT_FILE": str(lab.ca_file)}
    with_us = ("setpriv", "--pdeathsig", "KILL", "--")  # nsenter(1) is its parent
    process = lab.namespace.start(*with_us, their_daemon, "-c", configuration, env=trust)
    deadline = time.monotonic() + PATIENCE
    while not look_up(lab, "enforced.example").startswith("secure "):
        assert process.poll() is None
        assert time.monotonic() < deadline, "it never answered"
        time.sleep(0.1)
    for domain in (*HELD, "testing.example", "none.example", "no-record.example", "html.example"):
        look_up(lab, domain)
    process.terminate()
    process.wait(PATIENCE)


def test_what_it_has_found_is_answered_at_once_though_dns_is_cut_off(
    lab: Lab, their_daemon: Path, tmp_path: Path
) -> None:
    cache, configuration = tmp_path / "cache.db", tmp_path / "mta-sts-daemon.yml"
    settings = {
        "port": PORT,
        "cache": {"type": "sqlite", "options": {"filename": str(cache)}},
        "zones": {"strict": {"strict_testing": True}},
    }
    configuration.write_text(yaml.safe_dump(settings))
    fill(lab, their_daemon, configuration)
    lab.daemon.start(name_servers=["127.0.0.9:1"], dnssec="off")
    try:
        command = ("migrate", "--from", "postfix-mta-sts-resolver", "--write")
        said = lab.daemon.command(*command, "--their-config", str(configuration))
        assert f"{len(HELD) + 1} policies of {cache} hold." in said
        assert f"The daemon was brought them: {len(HELD) + 1} imported." in said
        assert "1 that say there is no policy, 1 of which nothing can be made" in said
        assert "'html.example': it is no policy: " in said
        assert "testing: enforce  # zones.strict.strict_testing, line" in said
        assert {domain: lab.daemon.ask(domain) for domain in HELD} == HELD
        assert lab.daemon.ask("testing.example", "strict") == secure(GOOD)
        with closing(sqlite3.connect(cache)) as connection:
            rows = dict(connection.execute("select domain, pol_id from sts_policy_cache"))
        listed = lab.daemon.command("cache", "list", "--mode", "all").splitlines()
        ids = {line.split("\t")[0]: line.split("\t")[2] for line in listed}
        assert {domain: ids[domain] for domain in HELD} == {one: rows[one] for one in HELD}
    finally:
        lab.daemon.stop()
        lab.daemon.forget()
