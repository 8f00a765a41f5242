"""From a report to its page."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.base.spans import span
from mtasts_resolver.evidence.report import (
    DOWNGRADES,
    WATCHED_FIGURES,
    EvidenceReport,
    Figure,
    ReportInput,
)
from mtasts_resolver.report import words
from mtasts_resolver.report.answer import answer
from mtasts_resolver.report.html.charts import chart_of_days, chart_of_held
from mtasts_resolver.report.needs import in_short, needs

MOST_ROWS = 200
"""Of each table: four pages of paper. The rest is in the CSV and the JSON."""
MOST_NEEDS = 5
"""On the first page; all of them stand behind it."""
SHORT = 110  # characters of a reason on the first page, which has one page of paper
LONG_WORD = 20  # characters: one that is longer is cut, not left out
LINE = 400  # characters of a stranger's words, which may be a page long each


class Bounded(Struct, frozen=True):
    """The first rows of a table."""

    rows: Sequence[object]
    left_out: int


def as_html(report: EvidenceReport) -> str:
    """Return the page."""
    watched = [figure for key in WATCHED_FIGURES for figure in report.figures if figure.key == key]
    style = _style(report)
    found = needs(report)
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            style=Markup(style),  # noqa: S704  of this package, with what `_css_string` has escaped
            content_security_policy=_content_security_policy(style),
            checksum=checksum(report.inputs),
            watched=watched,
            needs=found,
            needs_in_short=in_short(found),
            most_needs=MOST_NEEDS,
            charts=dict.fromkeys(("outbound", "inbound", "held")) | dict(_charts(report)),
            answer=answer(report),
            other_changes=[one for one in report.changes if one.key not in _keys(report)],
            change_of=lambda figure: words.change(report.changes, figure),
        )
    )


def _keys(report: EvidenceReport) -> set[str]:
    return {figure.key for figure in report.figures}


def checksum(inputs: Sequence[ReportInput]) -> str:
    """Return one SHA-256 for all files that were read: of their own, a line each, in their order.

    `sha256sum FILE... | cut -c1-64 | sha256sum` says the same.
    """
    lines = [f"{one.sha256}\n" for one in inputs if one.sha256]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else ""


def _charts(report: EvidenceReport) -> Iterator[tuple[str, Markup]]:
    for name, title, counts in (
        ("outbound", "Outgoing mail over time", report.outbound),
        ("inbound", "Incoming mail over time", report.inbound),
    ):
        if len(counts.by_day) > 1:  # one bar says nothing
            drawn = chart_of_days(name, title, counts.by_day, outbound=name == "outbound")
            yield name, Markup(drawn)  # noqa: S704  serialised by ElementTree, which escapes
    days = report.outbound.by_day
    if len(days) > 1 and any(row.held for row in days):
        drawn = chart_of_held("held", "Attempts that TLS held, over time", days)
        yield "held", Markup(drawn)  # noqa: S704  as above


def _style(report: EvidenceReport) -> str:
    """Return the page's style, with what stands on each printed page."""
    sum_of_inputs = checksum(report.inputs)
    margins = {
        "top-left": f"Mail protection: {report.host}",
        "top-right": words.period(report.period),
        "bottom-left": f"mtasts-resolver {report.version}"
        + (f", SHA-256 of inputs {sum_of_inputs}" if sum_of_inputs else ", no inputs"),
    }
    boxes = "\n".join(
        f"  @{at} {{ content: {_css_string(text)}; }}" for at, text in margins.items()
    )
    return f"{_text('report.css')}\n@page {{\n{boxes}\n}}\n"


def _css_string(text: str) -> str:
    """Return `text` as a string of CSS, in which letters and digits alone stand for themselves."""
    shown = escaped(text[:LINE])
    return '"' + "".join(char if char.isalnum() else f"\\{ord(char):06x}" for char in shown) + '"'


def _content_security_policy(style: str) -> str:
    """Return what forbids a browser all but the one style that the page has."""
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _line(text: object, most: int = LINE) -> str:
    """Return the words of a stranger: printable and bounded."""
    shown = escaped(str(text)[: most + 1])
    if len(shown) <= most:
        return shown
    cut = shown[: most - 1]
    words, _, begun = cut.rpartition(" ")
    return f"{cut if len(begun) > LONG_WORD else words}\u2026"


def _bounded(rows: Sequence[object]) -> Bounded:
    return Bounded(rows[:MOST_ROWS], max(0, len(rows) - MOST_ROWS))


def _state(figure: Figure) -> str:
    """Return how a figure stands to its aim; `unknown` where nothing is known."""
    if not figure.denominator:
        return "unknown"
    if figure.aim is None:
        return "plain"
    if figure.share != figure.aim:
        return "attention"
    return "doubtful" if figure.unknown else "well"


SECTIONS = (
    ("controls", "Controls, and the evidence for each"),
    ("figures", "Figures, and how each was found"),
    ("unverified", "Mail that went out unverified where it must not"),
    ("outgoing", "Outgoing mail"),
    ("incoming", "Incoming mail"),
    ("plain", "Mail in plain text"),
    ("held", "Mail that TLS held"),
    ("downgrades", "Possible attempts to strip protection"),
    ("policies", "How policies were fetched"),
    ("own", "Own domains, by the daemon's checks"),
    ("reported", "What others report about us"),
    ("needs", "All that needs doing"),
    ("gaps", "Gaps in the logs"),
    ("inputs", "What was read"),
    ("method", "Method, and its limits"),
    ("glossary", "Words"),
)
_FILTERS = MappingProxyType(
    {
        "line": _line,
        "number": words.number,
        "moment": words.moment,
        "period": words.period,
        "span": span,
        "state": _state,
        "bounded": _bounded,
        "of_how_many": words.of_how_many,
        "told_of": words.told_of,
        "percent_of": words.percent_of,
        "first_sentence": words.first_sentence,
        "short_of_aim": words.short_of_aim,
    }
)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mtasts_resolver.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    environment.globals.update(
        percent=words.percent,
        so_many=words.so_many,
        VERDICTS=words.VERDICTS,
        CAUSES=words.CAUSES,
        DOWNGRADES=DOWNGRADES,
        OWN=words.OWN,
        DOUBTS=words.DOUBTS,
        ENFORCERS=words.ENFORCERS,
        SPEAKS=words.SPEAKS,
        GAPS=words.GAPS,
        THAN_BEFORE=words.THAN_BEFORE,
        amount=words.amount,
        SECTIONS=SECTIONS,
        SHORT=SHORT,
        LINE=LINE,
    )
    return environment


@cache
def _text(name: str) -> str:
    return (resources.files("mtasts_resolver.report.html") / "templates" / name).read_text("utf-8")
