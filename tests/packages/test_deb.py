"""What is in the Debian package."""

import subprocess
from pathlib import Path

from mtasts_resolver import __version__
from mtasts_resolver.config import Config
from mtasts_resolver.config.load import load_file
from tests.lab.namespace import ROOT

UNITS = "usr/lib/systemd/system"


def test_every_unit_names_the_program_of_the_package(trixie_deb: Path, tmp_path: Path) -> None:
    assert trixie_deb.name == f"mtasts-resolver_{__version__}-1_all.deb"
    subprocess.run(["dpkg-deb", "-x", trixie_deb, tmp_path], check=True)
    shipped = {path.name for path in (ROOT / "systemd").iterdir() if path.is_file()}
    units = {path.name: path.read_text() for path in (tmp_path / UNITS).iterdir()}
    assert set(units) == shipped
    assert not any("/opt/" in text for text in units.values())
    assert (tmp_path / "usr/bin/mtasts-resolver").stat().st_mode & 0o777 == 0o755


def test_configuration_that_is_installed_sets_nothing(trixie_deb: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", trixie_deb, tmp_path], check=True)
    assert load_file(tmp_path / "etc/mtasts-resolver/config.yaml").config == Config()
