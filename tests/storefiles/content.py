"""What is put into the files: each kind of row, domains of other scripts, the longest values."""

from collections.abc import Iterator

from mtasts_resolver.postfix.override import Override, parse_override
from mtasts_resolver.store.changes import MAX_TEXT, Change, Subject
from mtasts_resolver.store.hourcounts import HOUR, HourCount
from tests.unit.knowledge.world import START, document, fattest_document

IDN = "xn--bcher-kva.example"
LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 43, "example"])
"""As long as a domain may be with `_mta-sts.` before it."""
ODD = (
    "version: STSv1\r\nmode: enforce\r\nmx: *.odd.example\r\nmax_age: 86400\r\n"
    'note: "quoted", \\ and Grüße aus Köln, 漢字, \U0001f512\r\n'
)

POLICIES = {
    "enforce.example": (document("enforce", "mx1.enforce.example", "*.mx.example"), "20270115"),
    "testing.example": (document("testing", "mx.testing.example"), "1"),
    "none.example": (document("none"), "0"),
    "sub.enforce.example": (document("enforce", "mx.sub.example"), "x" * 32),
    IDN: (document("enforce", f"mx.{IDN}"), "idn"),
    LONGEST: (document("enforce", "mx.long.example"), "long"),
    "odd.example": (ODD, "odd"),
    "large.example": (fattest_document(), "large"),
    "year.example": (document("enforce", "mx.year.example", max_age=31_557_600), "year"),
    "short.example": (document("enforce", "mx.short.example", max_age=7_200), "short"),
    "overridden.example": (document("enforce", "mx.overridden.example"), "o"),
}
"""What domains publish: the document, and its id."""


def _override(
    pattern: str,
    action: str | None = None,
    *,
    text: str | None = None,
    until: float | None = None,
    reason: str = "so wollten sie's: ticket 4711, Überstunde",
) -> Override:
    return parse_override(
        pattern=pattern,
        action=action,
        policy=text,
        reason=reason,
        until=until,
        user="root",
        added=START - 60,
    )


OVERRIDES = (
    _override("overridden.example", "skip", until=START + 30 * 86_400.0),
    _override("[relay.example]:587", "encrypt"),
    _override(".below.example", "dane-only"),
    _override("dane.example", "dane"),
    _override("live.example", "live"),
    _override("text.example", text="secure match=mx.text.example:.text.example"),
    _override("over.example", "encrypt", until=START - 1),
    _override(IDN, text=f"verify match=mx.{IDN}", reason="r" * 200),
)
KEYS = (*POLICIES, "[relay.example]:587", "a.below.example", "text.example", "[enforce.example]")
"""Next hops that are looked up."""
MAPS = ("default", "tlsrpt")


def changes() -> Iterator[Change]:
    """Yield a change of each subject, and what else there may be of one."""
    for number, subject in enumerate(Subject):
        domain = "" if subject is Subject.DAEMON else f"d{number}.example"
        yield Change(START + number, domain, subject, "appeared", f"{subject} now")
        yield Change(START + number + 60, domain, subject, "changed", "other", "other now")
        yield Change(START + number + 90, domain, subject, "gone", reason="nobody knows: Grüße")
    yield Change(
        START + 200,
        IDN,
        Subject.ANSWER,
        "changed",
        "secure match=mx.example",
        "dane-only",
        hop=f"[{IDN}]:587",
        map="tlsrpt",
        weakened=("dane-lost",),
        reason="the reason",
        by="root",
        given=False,
    )
    full = "\x01ü漢" * (MAX_TEXT // 3)
    yield Change(START + 201, LONGEST, Subject.POLICY, "changed", full, full[::-1], "b", "a")


COUNTS = [
    HourCount(int(START // HOUR) + hour, subject, name, outcome, 7 + hour, START, START + 300)
    for hour in range(26)
    for subject, name, outcome in (
        ("policy", "look-up", "found"),
        ("dane", "refresh", "dns-server"),
        ("look-up", "default", "would be secure"),
        ("daemon", "running", "seconds"),
    )
]
