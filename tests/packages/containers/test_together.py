"""Mail through the examples of contrib/container/, as they stand: Postfix asks over the socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.danehosts import TLSA_RIGHT
from tests.lab.internet import GOOD
from tests.lab.lab import Lab

from .engine import Engine
from .outside import Mount
from .together import Together, as_pod, composed

pytestmark = pytest.mark.lab

EXAMPLES = {"compose": composed, "kubernetes": as_pod}
DAEMON = "mtasts-resolver"


@pytest.fixture(scope="module", params=EXAMPLES)
def together(
    request: pytest.FixtureRequest, engine: Engine, lab: Lab, mounts: list[Mount], shared: Path
) -> Iterator[Together]:
    place = shared / request.param
    place.mkdir()
    with EXAMPLES[request.param](engine, lab, mounts, place) as together:
        together.daemon_says("DNSSEC\tvalidated", "status")
        yield together


def test_mail_is_protected_as_domains_demand(together: Together) -> None:
    mark = together.lab.hosts.events.mark()
    log = together.send("somebody@enforced.example")
    assert "status=sent" in log[-1]
    assert any(f"Verified TLS connection established to {GOOD.name}" in line for line in log)
    held = together.send("somebody@wrong-name.example")[-1]
    assert "status=deferred (Server certificate not verified)" in held
    (mail,) = together.lab.hosts.since(mark)[0]
    assert (mail.host, mail.tls) == (GOOD.name, True)


def test_resolver_beside_it_is_believed_by_both_about_dnssec(together: Together) -> None:
    """Only DANE can verify the one, and forbids the other."""
    log = together.send("somebody@tlsa-right.example")
    assert "status=sent" in log[-1]
    assert any(f"Verified TLS connection established to {TLSA_RIGHT.name}" in line for line in log)
    log = together.send("somebody@tlsa-wrong-enforced.example")
    assert "status=deferred (Server certificate not" in log[-1]


@pytest.mark.threat("container-rights")
def test_nobody_in_there_has_rights(together: Together) -> None:
    for container in (DAEMON, "unbound"):
        processes = together.within(container, "sh", "-c", "grep -H . /proc/[0-9]*/status")
        said = {line.partition(":")[2] for line in processes.splitlines()}
        users = {line.split()[1] for line in said if line.startswith("Uid:")}
        assert len(users) == 1
        assert "0" not in users
        assert {line for line in said if line.startswith("Cap")} == {
            f"Cap{kind}:\t{0:016x}" for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")
        }
        assert {line for line in said if line.startswith(("NoNewPrivs", "Seccomp:"))} == {
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
        }
        code, wrote = together.outcome("podman", "exec", together.name(container), "touch", "/x")
        assert code == 1
        assert "Read-only file system" in wrote


def test_store_outlives_the_containers(together: Together) -> None:
    together.send("somebody@enforced.example")
    together.run(*together.down)
    together.run(*together.up)
    together.daemon_says("DNSSEC\tvalidated", "status")
    assert "enforced.example" in together.within(DAEMON, "mtasts-resolver", "cache", "list")
    assert "status=sent" in together.send("somebody@enforced.example")[-1]


def test_health_is_that_of_the_daemon(together: Together) -> None:
    assert together.healthcheck() == 0
    together.run("podman", "kill", "--signal=STOP", together.name(DAEMON))
    assert together.healthcheck() == 1
    together.run("podman", "kill", "--signal=CONT", together.name(DAEMON))
    assert together.healthcheck() == 0
