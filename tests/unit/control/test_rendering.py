"""The templates, and what goes out with each page."""

import configparser
import re
from pathlib import Path

import mtasts_resolver
from mtasts_resolver.control.web.rendering import CONTENT_SECURITY_POLICY, STATIC

PACKAGE = Path(mtasts_resolver.__file__).parent
WEB = PACKAGE / "control" / "web"


def test_what_the_page_is_made_of_is_in_the_package_that_is_installed() -> None:
    setup = configparser.ConfigParser()
    setup.read(PACKAGE.parent / "setup.cfg")
    patterns = setup["options.package_data"]["mtasts_resolver"].split()
    packaged = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    needed = {path for path in WEB.rglob("*") if path.parent.name in ("templates", "static")}
    assert needed
    assert needed <= packaged


def test_each_static_file_is_served() -> None:
    assert {path.name for path in (WEB / "static").iterdir()} == set(STATIC)


def test_no_template_has_a_style_or_a_script_of_its_own() -> None:
    for template in (WEB / "templates").iterdir():
        text = template.read_text("utf-8")
        assert "style=" not in text
        assert "<style" not in text
        assert not re.search(r"\son[a-z]+=", text)
        assert "|safe" not in text
        assert text.count("<script") == text.count("<script src=")
    assert "unsafe" not in CONTENT_SECURITY_POLICY
