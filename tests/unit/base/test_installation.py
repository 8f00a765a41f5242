"""How the program was installed."""

import sys

import pytest

from mtasts_resolver.base import installation
from mtasts_resolver.base.installation import command_for, is_debian_package


@pytest.mark.parametrize(
    ("place", "packaged"),
    [
        ("/usr/lib/python3/dist-packages", True),
        ("/usr/lib/mtasts-resolver/lib/python3.11/site-packages", True),
        ("/usr/local/lib/python3.13/dist-packages", False),
        ("/opt/mtasts-resolver/venv/lib/python3.13/site-packages", False),
    ],
)
def test_only_debians_package_is_where_nobody_else_writes(place: str, packaged: bool) -> None:
    assert is_debian_package(f"{place}/mtasts_resolver/base/installation.py") is packaged


def test_what_is_missing_comes_from_where_the_program_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command_for("zstandard") == f"{sys.prefix}/bin/pip install zstandard"
    monkeypatch.setattr(installation, "is_debian_package", lambda: True)
    assert command_for("zstandard") == "apt install python3-zstandard"
