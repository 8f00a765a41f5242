"""Lines that are not known, by kind."""

import pytest

from mtasts_resolver.evidence.inputs import unknown
from mtasts_resolver.evidence.inputs.unknown import UnknownLines
from mtasts_resolver.evidence.report import UnknownLine
from mtasts_resolver.maillog.events import LogLine


def of(*messages: str) -> UnknownLines:
    lines = UnknownLines()
    for message in messages:
        lines.add(LogLine(None, "mx1", "postfix/out", "smtp", 7, message))
    return lines


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("4c8vgk2lXhzNcrX: frobbed", "4c9AAk2lXhzNcrX: frobbed"),
        ("AE4A43A178F: to=<a@b.example>, frobbed", "AE4A43A178E: to=<c d@e>, frobbed"),
        ("frobbed mx.a.example[192.0.2.1]:25 in 7 s", "frobbed mx2.b.example[2001:db8::7] in 19 s"),
        ("cannot open /var/lib/x/1: No such file", "cannot open /var/lib/y: No such file"),
        ('frobbed "one"', 'frobbed "another one"'),
        ("user@a.example was frobbed", "b@c.example was frobbed"),
    ],
)
def test_what_differs_in_whom_it_is_about_is_one_kind(one: str, other: str) -> None:
    lines = of(one, other)
    assert lines.kinds() == (UnknownLine(f"postfix/out/smtp: {one}", 2),)
    assert lines.count == 2


def test_the_most_come_first() -> None:
    kinds = of("one thing", "another", "another").kinds()
    assert [(kind.text, kind.count) for kind in kinds] == [
        ("postfix/out/smtp: another", 2),
        ("postfix/out/smtp: one thing", 1),
    ]


def test_they_are_bounded_and_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unknown, "MAX_KINDS", 2)
    lines = of("a\x1b[31m" + "x" * 100_000, "b", "c", "d", "b")
    kinds = lines.kinds()
    assert [kind.count for kind in kinds] == [2, 1, 2]
    assert kinds[-1].text == "(others)"
    assert len(kinds[1].text) == unknown.KEPT
    assert kinds[1].text.startswith(r"postfix/out/smtp: a\x1b[31mxx")
    assert lines.count == sum(kind.count for kind in kinds)
