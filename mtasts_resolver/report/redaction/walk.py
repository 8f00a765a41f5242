"""Every text of a report, wherever it is."""

import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from mtasts_resolver.evidence.report import EvidenceReport
from mtasts_resolver.report.redaction.pseudonyms import Pseudonyms
from mtasts_resolver.report.redaction.texts import KEPT_NAMES, Texts

T = TypeVar("T")

_NAMES = frozenset({"host", "hosts", "domain", "domains", "mx", "about"})
"""Fields that hold a domain or a host, and nothing else."""
_OWN_WORDS = frozenset(
    {
        *("key", "title", "how", "kind", "cause", "enforced", "level", "zone", "demands", "id"),
        *("speaks", "version", "postfix_versions", "sha256"),
    }
)
"""Fields in this program's words, or Postfix's: a host that is called `verified` changes none. What
looks like an address or a name is hidden there, too."""


_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,2}(?:-[a-z0-9-]{1,40})?\Z")
"""Of Postfix: `3.11-20251231-nonprod`. No name, for what has a letter has no dot behind it."""


_TIME = re.compile(r"[0-9]{4}(?:-[0-9]{2}){2}(?:T[0-9:.]+(?:Z|[+-][0-9:]+)?)?\Z")


def redacted(report: EvidenceReport, key: bytes, *, domains: bool = False) -> EvidenceReport:
    """Return the report without addresses and local parts; with `domains` without names, too."""
    pseudonyms = Pseudonyms(key)
    texts = Texts(pseudonyms, domains=domains)
    found = list(every_text(report, ""))
    texts.learn(
        (text for _, text in found),
        (text for field, text in found if field in _NAMES and "." not in text),
    )
    hidden = _changed(report, "", lambda field, text: _hidden(texts, field, text))
    return replace(
        hidden, redacted="domains" if domains else "addresses", redaction_mark=pseudonyms.mark()
    )


def _hidden(texts: Texts, field: str, text: str) -> str:
    match field:
        case "ReportInput.name":
            return text if text in KEPT_NAMES else texts.hide_file(text)
        case "UnknownLine.text":
            return texts.hide_line(text)
        case "TlsReportRow.organization":
            return texts.hide_organization(text)
    name = field.rpartition(".")[2]
    if not text or _VERSION.match(text) or _TIME.match(text):
        return text
    if name in _NAMES:
        return texts.hide_name(text)
    return texts.hide(text, own_words=name in _OWN_WORDS)


def every_text(value: object, field: str) -> Iterator[tuple[str, str]]:
    """Yield each text with the name of the field that it is in."""
    match value:
        case Enum():
            pass
        case str():
            yield field.rpartition(".")[2], value
        case tuple():
            for inner in value:
                yield from every_text(inner, field)
        case Struct():
            for name in value.__struct_fields__:
                yield from every_text(getattr(value, name), f"{type(value).__name__}.{name}")


def _changed(value: T, field: str, change: Callable[[str, str], str]) -> T:
    """Return `value` with each text in it changed."""
    match value:
        case Enum():
            return value
        case str():
            return cast("T", change(field, value))
        case tuple():
            return cast("T", tuple(_changed(inner, field, change) for inner in value))
        case Struct():
            fields = {
                name: _changed(getattr(value, name), f"{type(value).__name__}.{name}", change)
                for name in value.__struct_fields__
            }
            return cast("T", replace(value, **fields))
    return value
