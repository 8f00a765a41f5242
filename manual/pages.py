"""The two manual pages, and docutils' part in them."""

import datetime as dt
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from docutils.core import publish_from_doctree
from docutils.utils import new_document
from docutils.writers.manpage import Writer

from manual.markdown import read_sections
from mtasts_resolver import __version__
from mtasts_resolver.cli.reference import command_sections
from mtasts_resolver.config.reference import reference

SHARE = Path(__file__).parent.parent / "share" / "man"

_COMMENT = """\
.\\" Made by `make docs` from the commands and the schema of the configuration: change these.
"""

# Neither is a name broken, nor is space put between words until a line is full: the words of groff
# 1.22 for that, and of 1.23.
_BEFORE_TITLE = ".nr HY 0\n.ds AD l\n"
_AFTER_TITLE = ".nh\n.ad l\n"

# mandoc wants lines of at most 80 bytes, and counts what is not ASCII as nine.
_WRAPPER = textwrap.TextWrapper(width=70, break_long_words=False, break_on_hyphens=False)

_SEE_ALSO_COMMANDS = """
## See also

mtasts-resolver.yaml(5), postconf(5), socketmap_table(5), tcp_table(5), posttls-finger(1),
systemd(1), journalctl(1)

RFC 8461 (MTA-STS), RFC 7672 (DANE for SMTP), RFC 8460 (TLSRPT)
"""

_SEE_ALSO_KEYS = """
## See also

mtasts-resolver(8), postconf(5), socketmap_table(5), tcp_table(5)
"""


@dataclass(frozen=True)
class ManualPage:
    """One manual page; its text is Markdown."""

    name: str
    section: int
    group: str
    what: str
    text: str

    @property
    def path(self) -> Path:
        return SHARE / f"man{self.section}" / f"{self.name}.{self.section}"

    def kept(self) -> str:
        """Return the page as it is kept in share/man; it may be empty."""
        return self.path.read_text("utf-8") if self.path.exists() else ""

    def current(self, today: dt.date) -> str:
        """Return the page as it should be: its date is that of the last change."""
        kept = self.kept()
        found = re.search(r'^\.TH .*?"([0-9]{4}-[0-9]{2}-[0-9]{2})"', kept, re.MULTILINE)
        if found and self.roff(found[1]) == kept:
            return kept
        return self.roff(today.isoformat())

    def roff(self, date: str) -> str:
        """Return the page as man(7)."""
        document = new_document(str(self.path))
        document.settings.language_code = "en"
        document += nodes.title("", self.name)
        document += nodes.subtitle("", self.what)
        fields = {
            "manual section": str(self.section),
            "manual group": self.group,
            "version": f"mtasts-resolver {__version__}",
            "date": date,
        }
        document += nodes.docinfo("", *(_field(*item) for item in fields.items()))
        for section in read_sections(self.text):
            title, *rest = section.children
            upper_case = nodes.title("", title.astext().upper())
            document += nodes.section("", upper_case, *rest)
        written = publish_from_doctree(
            document, writer=Writer(), settings_overrides={"output_encoding": "unicode"}
        )
        return _COMMENT + _tidy(written)


def _field(name: str, value: str) -> nodes.field:
    body = nodes.field_body("", nodes.paragraph("", value))
    return nodes.field("", nodes.field_name("", name), body)


def _tidy(roff: str) -> str:
    """Return what docutils wrote as `mandoc -Tlint` and readers at 80 columns like it."""
    roff = roff[roff.index(".nr rst2man") :]  # its own first comment names its version
    roff = re.sub(r"^(\.S[HS] .*\n)\.sp\n", r"\1", roff, flags=re.MULTILINE)
    roff = re.sub(r'^\.TH "[^"]*"|^\.SH Name', _upper_case, roff, flags=re.MULTILINE)
    before, title, after = re.split(r"^(\.TH .*\n)", roff, maxsplit=1, flags=re.MULTILINE)
    roff = f"{before}{_BEFORE_TITLE}{title}{_AFTER_TITLE}{after}"
    return "".join(_lines(roff))


def _upper_case(found: re.Match[str]) -> str:
    head, space, name = found[0].partition(" ")
    return head + space + name.upper()


def _lines(roff: str) -> Iterator[str]:
    """Yield the lines, those of text wrapped."""
    example = False
    for line in roff.splitlines():
        example = line == ".EX" or (example and line != ".EE")
        if example or line.startswith("."):
            yield f"{line}\n"
        else:
            for number, part in enumerate(_WRAPPER.wrap(line)):
                dangerous = number and part.startswith((".", "'"))  # it would be a request
                yield f"\\&{part}\n" if dangerous else f"{part}\n"


def manual_pages() -> list[ManualPage]:
    """Return the pages that there are."""
    return [
        ManualPage(
            "mtasts-resolver",
            8,
            "System Manager's Manual",
            "MTA-STS and DANE policies for Postfix",
            command_sections() + _SEE_ALSO_COMMANDS,
        ),
        ManualPage(
            "mtasts-resolver.yaml",
            5,
            "File Formats Manual",
            "the configuration of mtasts-resolver(8)",
            reference() + _SEE_ALSO_KEYS,
        ),
    ]
