"""The version stands in one place, and nothing names another."""

import pytest

from mtasts_resolver import __version__
from releasing.tree import ROOT
from releasing.version import PLACE, named_versions, read_version, version_of


def test_the_program_states_a_version_of_three_numbers() -> None:
    assert version_of((ROOT / PLACE).read_text(encoding="utf-8")) == __version__
    read_version(__version__)


def test_no_page_names_another_version() -> None:
    named = list(named_versions())
    assert {version for _, version in named} == {__version__}, named
    assert {"man8/mtasts-resolver.8", "docs/doctor.md"} <= {
        "/".join(path.parts[-2:]) for path, _ in named
    }


@pytest.mark.parametrize("text", ["1.0", "1.0.0rc1", "v1.0.0", "01.0.0", "1.0.0.0", ""])
def test_a_version_is_three_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="three numbers"):
        read_version(text)
    assert read_version("1.20.3") == (1, 20, 3)
