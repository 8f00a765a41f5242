"""The reference page is what the schema says."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mtasts_resolver.config import Config, parse_config
from mtasts_resolver.config.example import EXAMPLE
from mtasts_resolver.config.keys import Section, section_keys
from mtasts_resolver.config.kinds import Kind
from mtasts_resolver.config.reference import reference

PAGE = Path(__file__).parents[3] / "docs/configuration.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == reference(), (
        "run: python -m mtasts_resolver.config.reference > docs/configuration.md"
    )


def test_the_module_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(
        str(PAGE.parents[1] / "mtasts_resolver/config/reference.py"), run_name="__main__"
    )
    assert capsys.readouterr().out == reference()


def paths(cls: type[Section]) -> Iterator[tuple[str, str]]:
    for name, key in section_keys(cls).items():
        yield cls.__name__, name
        if not isinstance(key.of, Kind):
            yield from paths(key.of)


def test_every_key_is_on_the_page_and_in_the_example() -> None:
    page = reference()
    for section, name in paths(Config):
        assert f"`{name}`" in page
        if (section, name) != ("ListenerConfig", "owner"):
            assert re.search(rf"^[ -]*{name}:", EXAMPLE, re.MULTILINE), name


def test_the_example_is_valid_and_shows_the_defaults() -> None:
    config = parse_config(EXAMPLE.encode(), "example.yaml").config
    shown = msgspec.structs.replace(
        config,
        listen=config.listen[:1],
        maps={},
        overrides={},
        store=Config().store,
        own_domains=(),
    )
    assert shown == Config()
    assert len(config.listen) == 3
    assert list(config.overrides) == ["partner.example", "[relay.example]:587"]


def test_the_examples_on_the_page_are_valid() -> None:
    blocks = re.findall(r"\n\n((?:    .*\n)+)", PAGE.read_text("utf-8"))
    maps = next(block for block in blocks if block.lstrip().startswith("maps:"))
    config = parse_config(maps.encode(), "page.yaml").config
    tlsrpt = config.map_options("tlsrpt")
    assert (tlsrpt.tlsrpt, tlsrpt.testing, tlsrpt.sni) == (True, "enforce", False)
    partners = config.map_options("partners")
    assert (partners.testing, partners.dane) == ("enforce", False)
