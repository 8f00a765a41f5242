"""The engine, the images and the lab, each made once."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from releasing.root import Tell
from tests.lab.lab import Lab, running_lab
from tests.lab.namespace import missing
from tests.lab.stream import LabError

from .engine import Engine, base_tarball, tools_tarball
from .images import build_images
from .outside import Mount, outside


@pytest.fixture(scope="session")
def shared() -> Iterator[Path]:
    """Return a directory that all containers may get files from."""
    with TemporaryDirectory(prefix="mtasts-containers-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture(scope="session")
def engine(
    trixie_deb: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory, tell: Tell
) -> Iterator[Engine]:
    """Return an engine that has the images."""
    tools, base = tools_tarball(tell), base_tarball(tell)
    try:
        begun = Engine(tmp_path_factory.mktemp("podman"), tools, shared)
    except LabError as error:
        pytest.skip(f"no container can be run here: {error}")
    with begun as engine:
        tell("images: built by podman")
        place = shared / "images"
        place.mkdir()
        build_images(engine, base, trixie_deb, place)
        yield engine


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Return a lab of its own: in it is a resolver at the address of that which hosts ask."""
    if reason := missing():
        pytest.skip(reason)
    with running_lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def mounts(lab: Lab, shared: Path) -> Iterator[list[Mount]]:
    """Return what containers must see to be part of the lab."""
    place = shared / "outside"
    place.mkdir()
    with outside(lab, place) as mounts:
        yield mounts
