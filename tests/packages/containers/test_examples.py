"""The examples are what compose and Kubernetes understand: a slip of the pen is an error."""

from importlib import import_module

import pytest
import yaml

from mtasts_resolver.config.load import load_file

from .images import FILES

COMPOSE = (FILES / "compose.yaml").read_text("utf-8")
KUBERNETES = (FILES / "kubernetes.yaml").read_text("utf-8")
OLDEST = "1.29"


# What judges them is imported when it is needed: it comes with `make test-packages` alone.
def accept_compose(text: str) -> None:
    import_module("compose_spec").PyCompose.from_yaml(text).validate()


def accept_kubernetes(text: str, version: str) -> None:
    import_module("kubernetes_validate").validate(yaml.safe_load(text), version, strict=True)


def test_compose_file_is_one() -> None:
    accept_compose(COMPOSE)


@pytest.mark.parametrize("word", ["read_only", "cap_drop", "stop_grace_period", "depends_on"])
def test_slip_in_the_compose_file_is_seen(word: str) -> None:
    with pytest.raises(ValueError, match=f"{word}s"):
        accept_compose(COMPOSE.replace(word, f"{word}s"))


def test_kubernetes_accepts_the_example() -> None:
    for version in (OLDEST, import_module("kubernetes_validate").latest_version()):
        accept_kubernetes(KUBERNETES, version)


@pytest.mark.parametrize(
    "word", ["restartPolicy", "readOnlyRootFilesystem", "emptyDir", "startupProbe", "dnsPolicy"]
)
def test_slip_in_the_kubernetes_example_is_seen(word: str) -> None:
    with pytest.raises(import_module("kubernetes_validate").ValidationError, match=f"{word}s"):
        accept_kubernetes(KUBERNETES.replace(word, f"{word}s"), OLDEST)


def test_what_is_tight_in_one_example_is_in_the_other() -> None:
    services = yaml.safe_load(COMPOSE)["services"]
    pod = yaml.safe_load(KUBERNETES)["spec"]["template"]["spec"]
    for container in pod["initContainers"]:
        service, security = services[container["name"]], container["securityContext"]
        assert service["image"] == container["image"]
        assert service["cap_drop"] == security["capabilities"]["drop"] == ["ALL"]
        assert service["read_only"] is security["readOnlyRootFilesystem"] is True
        assert service["security_opt"] == ["no-new-privileges"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["runAsNonRoot"] is True


def test_configuration_of_the_image_is_valid() -> None:
    listening = load_file(FILES / "config.yaml").config.listen
    assert [str(listener.address) for listener in listening] == [
        "inet:127.0.0.1:8461",
        "unix:/run/mtasts/socketmap",
    ]
