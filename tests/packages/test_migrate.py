"""From the real postfix-mta-sts-resolver: as PyPI has it, in the lab, and as Debian has it.

In the lab it finds what there is to be found, and our daemon then finds DNS cut off. On a clean
Debian an administrator goes there and back, by the lines that the command prints.
"""

import json
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from mtasts_resolver.cli import exit_codes
from tests.lab.ends import ENFORCES_WRONG, secure
from tests.lab.internet import GOOD
from tests.lab.lab import Lab, running_lab
from tests.lab.namespace import missing
from tests.lab.stream import PATIENCE

from .cleanroot import OTHER
from .packagehost import CONFIG, NAME, PackageHost

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


# -- Debian's package ------------------------------------------------------------------------------

THEIR_CONFIG = """\
cache:
  type: sqlite
  options: {filename: /var/lib/mta-sts/cache.db}
zones:
  strict: {strict_testing: true}
"""
# As it does itself; SQLite opens no file by a path through /proc.
FILL = """
import json, sqlite3, time
body = {"version": "STSv1", "mode": "enforce", "mx": ["mx.a.example"], "max_age": 604_800}
row = ("a.example", int(time.time()), "20261101", json.dumps(body))
with sqlite3.connect("/var/lib/mta-sts/cache.db") as connection:
    connection.execute("insert into sts_policy_cache values (?, ?, ?, ?)", row)
"""
THEIR_UNIT = f"{OTHER}.service"
MIGRATE = f"{NAME} migrate --from {OTHER}"


@pytest.fixture
def with_theirs(host: PackageHost, deb: Path) -> Iterator[PackageHost]:
    """A mail server that asks theirs, which holds a policy; ours is installed as it runs."""
    host.run(f"apt-get install --yes {OTHER}")
    host.path("/etc/mta-sts-daemon.yml").write_text(THEIR_CONFIG)
    host.run(f"systemctl restart {THEIR_UNIT}")
    host.run("postconf -e 'smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:strict'")
    host.run("postfix start")
    host.system.until(host.path("/var/lib/mta-sts/cache.db").exists, "their cache")
    host.run(f"python3 -c {shlex.quote(FILL)}")
    host.install(deb)
    yield host
    host.run(f"apt-get purge --yes {OTHER}; postfix stop")
    host.run("postconf -X smtp_tls_policy_maps smtp_dns_support_level")


def planned(host: PackageHost) -> Any:
    return json.loads(host.outcome(f"{MIGRATE} --json")[1])


def follow(host: PackageHost, steps: list[dict[str, list[str]]]) -> None:
    """Type what stands there; what doctor finds beside it is another matter."""
    for line in (line for step in steps for line in step["commands"]):
        status, said = host.outcome(line)
        expected = {MIGRATE: (0, exit_codes.TEMPORARY), f"{NAME} doctor": (0, 1, 2)}
        key = line.removesuffix(" --write")
        assert status in expected.get(key, (0,)), f"{line}: {said}"


def test_an_administrator_goes_there_and_back_by_the_lines_that_are_printed(
    with_theirs: PackageHost,
) -> None:
    host = with_theirs
    assert not host.is_running()  # theirs has the address
    plan = planned(host)
    assert (plan["config"]["found"], plan["policies"]["holding"]) == ("empty", 1)
    follow(host, plan["steps"])
    assert host.is_running()
    assert host.system.shows(THEIR_UNIT, "ActiveState") == "inactive"
    assert (
        "testing: enforce  # zones.strict.strict_testing, line 5" in host.path(CONFIG).read_text()
    )
    assert host.run(f"{NAME} cache list").startswith("a.example\tenforce\t20261101\t")
    assert host.run("postconf -h smtp_dns_support_level") == "dnssec\n"
    done = planned(host)
    assert (done["config"]["found"], done["exit_code"]) == ("same", 0)
    follow(host, plan["steps_back"])
    assert not host.is_running()
    assert host.system.shows(THEIR_UNIT, "ActiveState") == "active"
    status, answer = host.outcome("postmap -q a.example socketmap:inet:127.0.0.1:8461:strict")
    assert (status, answer) == (0, "secure match=mx.a.example servername=hostname\n")
