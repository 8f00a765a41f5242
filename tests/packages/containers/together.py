"""The examples as they run: each puts mtasts-resolver, unbound and a Postfix together."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.lab.lab import Lab
from tests.lab.stream import until

from .engine import Engine
from .images import FILES
from .outside import Mount

NETWORK = "172.28.84.0/24"
"""That of the examples, which the lab's name server answers."""

GROUP = 8461  # fsGroup


@dataclass(frozen=True)
class Together:
    """An example that runs."""

    engine: Engine
    lab: Lab
    form: str
    """What podman calls a container, with its name in the example."""
    up: Sequence[str | Path]
    down: Sequence[str | Path]
    """The commands that make the containers, and that remove them; volumes stay."""

    def name(self, container: str) -> str:
        return self.form.format(container)

    def outcome(self, *argv: str | Path) -> tuple[int, str]:
        return self.engine.outcome(*argv, network=self.lab.namespace)

    def run(self, *argv: str | Path) -> str:
        return self.engine.run(*argv, network=self.lab.namespace)

    def within(self, container: str, *argv: str) -> str:
        """Return what a command writes in a container."""
        return self.run("podman", "exec", self.name(container), *argv)

    def healthcheck(self) -> int:
        """Return the status of the daemon's health check, as podman runs it."""
        return self.outcome("podman", "healthcheck", "run", self.name("mtasts-resolver"))[0]

    def daemon_says(self, words: str, *command: str) -> None:
        """Return when the daemon says so, which is not yet up, perhaps."""
        argv = ["podman", "exec", self.name("mtasts-resolver"), "mtasts-resolver", *command]
        until(lambda: words in self.outcome(*argv)[1], f"mtasts-resolver {command}: {words}")

    def mail_log(self) -> list[str]:
        return self.run("podman", "logs", self.name("postfix")).splitlines()

    def send(self, recipient: str) -> list[str]:
        """Send a mail, and return what Postfix logs of it and around it, the end last."""
        before, told = len(self.mail_log()), f"to=<{recipient}>"
        self.within("postfix", "sh", "-c", f"echo Hello | sendmail {recipient}")
        until(lambda: told in "".join(self.mail_log()[before:]), f"the end of {recipient}")
        lines = self.mail_log()[before:]
        last = next(number for number, line in enumerate(lines) if told in line)
        return lines[: last + 1]


@contextmanager
def composed(
    engine: Engine, lab: Lab, mounts: Sequence[Mount], directory: Path
) -> Iterator[Together]:
    """Have podman-compose do what compose.yaml says; `directory` is empty, and shared."""
    place = directory / "example"
    shutil.copytree(FILES, place)
    more: dict[str, Any] = {}
    for mount in mounts:
        service = more.setdefault(mount.container, {"volumes": []})
        service["volumes"].append(f"{mount.file}:{mount.path}:ro")
    (place / "lab.yaml").write_text(yaml.safe_dump({"services": more}))
    files = [f"--file={place / name}" for name in ("compose.yaml", "lab.yaml")]
    compose = ["podman-compose", "--in-pod=false", *files]
    up, down = [*compose, "up", "--detach"], [*compose, "down"]
    together = Together(engine, lab, "example_{}_1", up, down)
    try:
        together.run(*up)
        yield together
    finally:
        together.run(*down, "--volumes")


@contextmanager
def as_pod(
    engine: Engine, lab: Lab, mounts: Sequence[Mount], directory: Path
) -> Iterator[Together]:
    """Have podman play the Pod of kubernetes.yaml; `directory` is empty, and shared.

    podman knows neither StatefulSets nor containers of the Pod's start that go on to run, and makes
    other volumes than Kubernetes. Probes it has as its health check.
    """
    pod = _pod(mounts, directory)
    file = directory / "pod.yaml"
    file.write_text(yaml.safe_dump(pod))
    up, down = ("podman", "kube", "play", "--network=pods", file), ("podman", "kube", "down", file)
    together = Together(engine, lab, "postfix-{}", up, down)
    # Of a network with a DNS of its own, podman would put that before what the Pod says.
    together.run("podman", "network", "create", "--disable-dns", f"--subnet={NETWORK}", "pods")
    try:
        together.run(*up)
        yield together
    finally:
        together.run(*down)
        together.run("podman", "network", "rm", "pods")


def _pod(mounts: Sequence[Mount], directory: Path) -> dict[str, Any]:
    example = yaml.safe_load((FILES / "kubernetes.yaml").read_text("utf-8"))["spec"]
    spec: dict[str, Any] = example["template"]["spec"]
    for container in spec.pop("initContainers"):
        assert container.pop("restartPolicy") == "Always"
        spec["containers"].append(container)
    emptied = [volume["name"] for volume in spec["volumes"]]
    claimed = [claim["metadata"]["name"] for claim in example["volumeClaimTemplates"]]
    spec["volumes"] = [
        *(_volume(directory / name, 0o2777) for name in emptied),
        *(_volume(directory / name, 0o2775) for name in claimed),
    ]
    containers = {container["name"]: container for container in spec["containers"]}
    for mount in mounts:
        name = f"lab-{mount.file.name}"
        spec["volumes"].append({"name": name, "hostPath": {"path": str(mount.file)}})
        containers[mount.container].setdefault("volumeMounts", []).append(
            {"name": name, "mountPath": mount.path, "readOnly": True}
        )
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "postfix"}, "spec": spec}


def _volume(place: Path, mode: int) -> dict[str, Any]:
    """Return a volume as the kubelet makes it where there is a fsGroup."""
    place.mkdir()
    os.chown(place, 0, GROUP)
    place.chmod(mode)
    return {"name": place.name, "hostPath": {"path": str(place)}}
