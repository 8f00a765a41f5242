"""The image on the network of a host whose own Postfix asks it, by the command of the page."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.internet import GOOD
from tests.lab.lab import Lab
from tests.lab.namespace import ROOT
from tests.lab.stream import until

from .engine import Engine
from .images import OURS
from .outside import Mount

pytestmark = pytest.mark.lab

PAGE = ROOT / "docs/containers.md"
NAME = "mtasts-resolver"


@pytest.fixture
def daemon(engine: Engine, lab: Lab, mounts: list[Mount], shared: Path) -> Iterator[None]:
    """Start it as the page says; a host has its own resolv.conf."""
    found = re.search(r"^podman run(?:\\\n|.)*", PAGE.read_text("utf-8"), re.MULTILINE)
    assert found
    command = shlex.split(found[0].replace("\\\n", ""))
    assert command[-1] == OURS
    resolver = shared / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\n")
    resolver.chmod(0o644)
    seen = [Mount(NAME, resolver, "/etc/resolv.conf"), *mounts]
    volumes = [f"--volume={one.file}:{one.path}:ro" for one in seen if one.container == NAME]
    status = ("podman", "exec", NAME, "mtasts-resolver", "status")
    try:
        engine.run(*command[:-1], *volumes, OURS, network=lab.namespace)
        until(lambda: "DNSSEC\tvalidated" in engine.outcome(*status)[1], "DANE is on")
        yield
    finally:
        engine.run("podman", "rm", "--force", NAME)


@pytest.mark.usefixtures("daemon")
def test_postfix_of_the_host_asks_it(lab: Lab) -> None:
    delivery = lab.postfix.send("enforced.example")
    assert delivery.status == "sent"
    assert delivery.said(f"Verified TLS connection established to {GOOD.name}")
    assert lab.postfix.send("wrong-name.example").said("Server certificate not verified")
