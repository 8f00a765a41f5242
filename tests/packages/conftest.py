"""The packages, each built once; where they cannot be built, the reason to skip."""

import os
import sys
from pathlib import Path

import pytest

from releasing.deb import build
from releasing.root import missing


@pytest.fixture(scope="session")
def trixie_deb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the package for Debian 13."""
    return _built("trixie", request, tmp_path_factory.mktemp("trixie"))


def _built(suite: str, request: pytest.FixtureRequest, directory: Path) -> Path:
    if os.geteuid() != 0:
        pytest.skip("it takes root to build a package in a root of its own")
    if reason := missing():
        pytest.skip(reason)
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None

    def tell(what: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{what}", file=sys.stderr)  # noqa: T201  it takes minutes

    return build(suite, directory, tell)
