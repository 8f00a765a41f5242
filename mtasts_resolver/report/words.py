"""How numbers, times and the vocabulary of a report read, in all forms for people."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from mtasts_resolver.base.shares import share_of
from mtasts_resolver.evidence.report import ControlVerdict, Figure, FigureChange, ReportPeriod

VERDICTS: Mapping[ControlVerdict, str] = MappingProxyType(
    {
        ControlVerdict.MET: "met",
        ControlVerdict.NOT_MET: "not met",
        ControlVerdict.UNKNOWN: "cannot be told from this evidence",
    }
)
CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "name-mismatch": "its certificate is for another name",
        "expired": "its certificate has expired",
        "not-yet-valid": "its certificate is not valid yet",
        "untrusted": "its certificate is of nobody who is trusted",
        "self-signed": "it has signed its certificate itself",
        "not-verified": "its certificate was not good enough",
        "no-starttls": "it offers no encryption",
        "starttls-refused": "it offers encryption, and refuses it",
        "handshake": "encryption could not be set up with it",
        "mx-outside-policy": "it is not among the hosts that the domain's policy names",
        "dane-mismatch": "its certificate is not the one that its TLSA records name",
        "dane-unusable": "its TLSA records are of no use",
        "tlsa-lookup": "its TLSA records could not be looked up",
        "policy-lookup": "our own look-up of its policy failed",
        "policy-invalid": "what our own policy table answered makes no sense",
        "requiretls": "the sender has asked for more than it has",
    }
)
OUR_CAUSES = frozenset({"policy-lookup", "policy-invalid"})
"""Those that the organisation itself can mend."""
OWN: Mapping[str, str] = MappingProxyType(
    {
        "record": "policy record",
        "reports": "record for TLS reports",
        "policy": "policy",
        "mx": "MX records",
        "certificate": "certificate",
        "findings": "what is wrong",
    }
)
DOUBTS: Mapping[str, str] = MappingProxyType(
    {
        "ambiguous": "several sessions may be its own, and they differ",
        "no-tls-logged": "the service logs no TLS at all",
        "log-begins": "the log may begin between its session and itself",
        "lines-lost": "lines were lost about that time",
        "no-process": "the lines have no process id",
    }
)
ENFORCERS: Mapping[str, str] = MappingProxyType(
    {"": "", "mta-sts": "MTA-STS", "dane": "DANE", "override": "override", "postfix": "Postfix"}
)
THAN_BEFORE: Mapping[bool | None, str] = MappingProxyType(
    {None: "", True: ": better", False: ": worse"}
)
SPEAKS: Mapping[str, str] = MappingProxyType(
    {"for": "for it", "against": "against it", "gap": "a gap", "note": "a note"}
)
GAPS: Mapping[str, str] = MappingProxyType(
    {
        "silence": "nothing was logged for far longer than is usual",
        "dropped": "the log says that lines were dropped",
    }
)
NO_DATA = "no data"


def number(value: int) -> str:
    """Return a count with its thousands apart."""
    return f"{value:,}"


def so_many(count: int, one: str, many: str = "") -> str:
    """Return so many of something: `1 message`, `2 messages`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def percent(numerator: int, denominator: int) -> str:
    """Return a share, never rounded to what it is not: 100% is all, and 0% is none."""
    return share_of(numerator, denominator) if denominator else NO_DATA


def percent_of(share: float | None) -> str:
    """Return a share that is known as one number only."""
    if share is None:
        return NO_DATA
    return percent(int(share * 1_000_000_000), 1_000_000_000)


def of_how_many(figure: Figure) -> str:
    """Return numerator and denominator in words."""
    if not figure.denominator:
        return "none is known" if figure.unknown else "there was none"
    return f"{number(figure.numerator)} of {number(figure.denominator)}"


def told_of(figure: Figure) -> str:
    """Return numerator and denominator in words, and of how many it is not known."""
    if not figure.unknown:
        return of_how_many(figure)
    if not figure.denominator:
        return f"of {number(figure.unknown)} it is not known"
    return f"{of_how_many(figure)}; of {number(figure.unknown)} more it is not known"


def moment(timestamp: str | None) -> str:
    """Return a time of the report with its zone's offset: `2026-10-01 00:00:00 +02:00`."""
    if not timestamp:
        return "unknown"
    try:
        text = datetime.fromisoformat(timestamp).isoformat(" ", "seconds")
    except ValueError:  # pseudonyms may stand where a time was
        return timestamp
    return f"{text[:19]} {text[19:]}".rstrip()


def first_sentence(text: str) -> str:
    """Return how a text begins, where that is enough; no name ends in a point and a space."""
    sentence, point, _ = text.partition(". ")
    return sentence + point.rstrip()


def period(of: ReportPeriod) -> str:
    """Return a period: from its first moment to before its last."""
    return f"{moment(of.since)} to {moment(of.until)} ({of.zone})"


def short_of_aim(figure: Figure) -> str:
    """Return how far a figure is from its aim; empty where it has none, or nothing is known."""
    if figure.aim is None or not figure.denominator:
        return ""
    reached = "as it should be, as far as is known" if figure.unknown else "as it should be"
    if figure.aim:
        missing = figure.denominator - figure.numerator
        return f"{number(missing)} short of 100%" if missing else reached
    return "should be 0" if figure.numerator else reached


def change(changes: Iterable[FigureChange], figure: Figure) -> str:
    """Return what a figure was in the period before; empty where nothing is known of that."""
    for one in changes:
        if one.key == figure.key and one.before is not None:
            return f"{percent_of(one.before)} before{THAN_BEFORE[one.better]}"
    return ""


def amount(one: FigureChange, value: float | None) -> str:
    """Return a value of a change: a number, or a share."""
    if value is None:
        return NO_DATA
    return number(int(value)) if one.number else percent_of(value)
