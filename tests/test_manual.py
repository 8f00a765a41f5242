"""The manual pages: current, clean, and legible at 80 columns."""

import configparser
import datetime as dt
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from manual.markdown import narrow, read_sections
from manual.pages import ManualPage, manual_pages
from mtasts_resolver.cli.reference import commands, options
from mtasts_resolver.config import Config, parse_config
from mtasts_resolver.config.example import EXAMPLE
from mtasts_resolver.config.keys import Section, section_keys
from mtasts_resolver.config.kinds import Kind

ROOT = Path(__file__).parent.parent
COLUMNS = 80
PAGES = manual_pages()
COMMANDS, KEYS = PAGES

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
needs_mandoc = pytest.mark.skipif(shutil.which("mandoc") is None, reason="there is no mandoc")
needs_man = pytest.mark.skipif(shutil.which("man") is None, reason="there is no man")


def shown_by(*argv: str | Path) -> str:
    """Return what a program shows of a page; that it complains is a failure."""
    done = subprocess.run(
        [*map(str, argv)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"MANWIDTH": str(COLUMNS), "LC_ALL": "C.UTF-8", "MANROFFOPT": "-ww"},
    )
    assert done.stderr == ""
    return re.sub(r".\x08", "", done.stdout)


@each_page
def test_a_page_is_current(page: ManualPage) -> None:
    assert page.kept() == page.current(dt.date(1970, 1, 1)), "run: make docs"


@each_page
def test_a_page_that_says_the_same_keeps_its_date_and_another_one_does_not(
    page: ManualPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = dt.date(2099, 12, 31)
    assert page.current(today) == page.kept()
    monkeypatch.setattr(ManualPage, "kept", lambda _: page.roff("1970-01-01") + ".sp\n")
    assert page.current(today) == page.roff("2099-12-31")


@needs_mandoc
@each_page
def test_mandoc_finds_nothing_odd(page: ManualPage) -> None:
    assert shown_by("mandoc", "-Tlint", "-Wall", page.path) == ""


@needs_man
@each_page
def test_a_terminal_of_80_columns_shows_all_of_it(page: ManualPage) -> None:
    shown = shown_by("man", "--warnings", "--local-file", page.path)
    assert re.match(rf"{page.name.upper()}\({page.section}\) ", shown)
    headings = re.findall(r"^[A-Z].*$", shown, re.MULTILINE)[1:]
    assert headings[0] == "NAME"
    assert headings[-1] == "SEE ALSO"
    for line in shown.splitlines():
        assert len(line) <= COLUMNS, line


@needs_man
def test_every_command_and_option_is_in_the_manual() -> None:
    shown = shown_by("man", "--local-file", COMMANDS.path)
    for words, command in commands():
        assert f"\n   {words}\n" in shown
        for option in options(command):
            for name in (*option.opts, *option.secondary_opts):
                assert re.search(rf"^ +(-\w, )?{name}\b", shown, re.MULTILINE), (words, name)


@needs_man
def test_every_key_is_in_the_manual() -> None:
    shown = shown_by("man", "--local-file", KEYS.path)

    def look_for(section: type[Section], indent: int) -> None:
        for name, key in section_keys(section).items():
            assert re.search(rf"^ {{{indent}}}{name}\b", shown, re.MULTILINE), name
            if not isinstance(key.of, Kind):
                look_for(key.of, 7)

    look_for(Config, 3)


def test_the_example_says_the_same_in_fewer_columns() -> None:
    shown = parse_config(narrow(EXAMPLE).encode(), "page")
    assert shown.config == parse_config(EXAMPLE.encode(), "example").config


def test_pip_installs_all_that_is_in_share_and_the_units() -> None:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    installed = {
        (place, name)
        for place, names in setup["options.data_files"].items()
        for name in names.split()
    }
    kept = {
        (str(path.parent.relative_to(ROOT)), str(path.relative_to(ROOT)))
        for path in (ROOT / "share").rglob("*")
        if path.is_file()
    }
    units = {
        ("lib/systemd/system", str(path.relative_to(ROOT)))
        for path in (ROOT / "systemd").iterdir()
        if path.is_file()
    }
    assert installed == kept | units


@pytest.mark.parametrize("text", ["## A\n\n> quoted\n", "## A\n\n![image](x.png)\n"])
def test_what_a_page_cannot_show_is_not_left_out_unseen(text: str) -> None:
    with pytest.raises(NotImplementedError):
        read_sections(text)
