"""A certification authority, as for discovery; and a way to the Internet, wherever they run."""

from pathlib import Path

import pytest
import trustme

from mtasts_resolver.discovery import oserrors
from mtasts_resolver.published import observation


@pytest.fixture(autouse=True)
def way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have loopback stand for the Internet: what is looked at is there."""
    for module in (oserrors, observation):
        monkeypatch.setattr(module, "INTERNET_IPV4", "127.0.0.1")


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path
