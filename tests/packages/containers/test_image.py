"""What is in the image, and what it does by itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtasts_resolver import __version__
from tests.lab.stream import until

from .engine import Engine
from .images import BASE, OURS, UNBOUND

USER = "8461:8461"
LARGEST = 100_000_000
"""Bytes that the program and all that it needs may add to the base, which itself has 80 MB."""

# Docker and Kubernetes have no /tmp that could be written, of which podman makes one.
ALONE = (
    *("podman", "run", "--network=none", "--read-only", "--read-only-tmpfs=false"),
    *("--cap-drop=all", "--security-opt=no-new-privileges"),
)


def inspected(engine: Engine, image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engine.run("podman", "image", "inspect", image))[0]
    return found


def test_image_says_how_it_is_to_be_run(engine: Engine) -> None:
    config = inspected(engine, OURS)["Config"]
    assert config["User"] == USER
    assert (config["Entrypoint"], config["Cmd"]) == (["mtasts-resolver"], ["serve"])
    assert config["StopSignal"] == "SIGTERM"
    healthcheck = inspected(engine, OURS)["Healthcheck"]
    assert healthcheck["Test"] == ["CMD", "mtasts-resolver", "status", "--check"]
    assert config["Labels"]["org.opencontainers.image.title"] == "mtasts-resolver"
    version = engine.run(*ALONE, "--rm", OURS, "--version")
    assert version.split()[-1] == __version__


def test_it_stays_small(engine: Engine) -> None:
    assert inspected(engine, OURS)["Size"] - inspected(engine, BASE)["Size"] < LARGEST


@pytest.mark.threat("container-rights")
@pytest.mark.parametrize("image", [OURS, UNBOUND])
def test_nothing_in_it_gives_rights_or_secrets(engine: Engine, image: str) -> None:
    root = engine.run("podman", "image", "mount", image).strip()
    assert engine.run("find", root, "-xdev", "-type", "f", "-perm", "/6000") == ""
    left = [f"{root}/var/{place}" for place in ("lib/apt/lists", "cache/apt")]
    assert engine.run("find", *left, "-type", "f", "-size", "+0") == ""
    beginning = "^-----BEGIN [A-Z ]*PRIVATE KEY-----"
    code, found = engine.outcome("grep", "-rlIE", beginning, root)
    assert (code, found) == (1, "")


def test_resolver_runs_without_any_setting(engine: Engine) -> None:
    ports = "--sysctl=net.ipv4.ip_unprivileged_port_start=0"
    name = engine.run(*ALONE, "--detach", ports, UNBOUND).strip()
    try:
        said = "start of service"
        until(lambda: said in engine.run("podman", "logs", name), "unbound serves")
    finally:
        engine.run("podman", "rm", "--force", name)


@pytest.fixture
def container(engine: Engine) -> Iterator[str]:
    """Return a container of the image, with nothing but what the command line needs."""
    name = engine.run(*ALONE, "--detach", OURS).strip()
    yield name
    engine.run("podman", "rm", "--force", "--volumes", "--time=30", name)


def test_it_runs_without_any_setting(engine: Engine, container: str) -> None:
    status = ("podman", "exec", container, "mtasts-resolver", "status")
    until(lambda: engine.outcome(*status)[0] == 0, "the daemon answers")
    said = engine.run(*status)
    assert "socketmap unix:/run/mtasts/socketmap" in said
    assert "socketmap inet:127.0.0.1:8461" in said
    engine.run("podman", "stop", "--time=30", container)
    ended = engine.run("podman", "inspect", "--format={{.State.ExitCode}}", container)
    assert ended.strip() == "0"


def test_mistake_in_the_mounted_file_does_not_keep_it_down(engine: Engine, shared: Path) -> None:
    """It starts with the last configuration that was in force, where the store has it."""
    file = shared / "config.yaml"
    file.write_text("lookup_timeout: 9s\n")
    volumes = (
        "--volume=kept:/var/lib/mtasts-resolver",
        f"--volume={file}:/etc/mtasts-resolver/config.yaml:ro",
    )
    name = engine.run(*ALONE, "--detach", *volumes, OURS).strip()
    status = ("podman", "exec", name, "mtasts-resolver", "status")
    try:
        until(lambda: engine.outcome(*status)[0] == 0, "the daemon answers")
        file.write_text("lookup_timeout: 9 sheep\n")
        engine.run("podman", "restart", "--time=30", name)
        until(lambda: "FAULTY" in engine.outcome(*status)[1], "the daemon answers again")
        file.write_text("lookup_timeout: 8s\n")
        engine.run("podman", "kill", "--signal=HUP", name)
        until(lambda: "FAULTY" not in engine.run(*status), "the daemon reads it again")
    finally:
        engine.run("podman", "rm", "--force", "--time=30", name)
        engine.run("podman", "volume", "rm", "kept")
