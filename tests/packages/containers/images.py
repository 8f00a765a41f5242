"""The images: that of contrib/container/, the resolver beside it, and a Postfix for tests."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.namespace import ROOT

from .engine import Engine

FILES = ROOT / "contrib/container"
POSTFIX_FILES = Path(__file__).with_name("postfix")

BASE = "localhost/debian:trixie-slim"
OURS = "localhost/mtasts-resolver"
UNBOUND = "localhost/mtasts-unbound"
POSTFIX = "localhost/postfix"
"""The last three as the examples name them."""


def build_images(engine: Engine, base: Path, package: Path, directory: Path) -> None:
    """Build all; `directory` is empty, and shared with the engine."""
    context = directory / "context"
    shutil.copytree(FILES, context / FILES.relative_to(ROOT))
    shutil.copytree(POSTFIX_FILES, directory / "postfix")
    (context / "dist").mkdir()
    shutil.copy(package, context / "dist")
    tarball = shutil.copy(base, directory / "base.tar")
    engine.run("podman", "import", "--quiet", tarball, BASE)
    recipe = ("--file", context / FILES.relative_to(ROOT) / "Containerfile")
    with ThreadPoolExecutor() as pool:
        builds = [
            pool.submit(engine.build, context, OURS, BASE, *recipe),
            pool.submit(engine.build, context, UNBOUND, BASE, *recipe, "--target=unbound"),
            pool.submit(engine.build, directory / "postfix", POSTFIX, BASE),
        ]
    for build in builds:
        build.result()
