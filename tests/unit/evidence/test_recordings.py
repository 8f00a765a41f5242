"""From the log of a real Postfix to figures: each is what truly happened while it was written."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import zip_longest

import pytest
from msgspec import Struct

from mtasts_resolver.evidence.accounts.account import Account
from mtasts_resolver.evidence.deliveries import Fact
from mtasts_resolver.evidence.joins.joiner import Joiner
from mtasts_resolver.evidence.report import (
    CountedRow,
    DirectionCounts,
    DomainCounts,
    EnforcementFailure,
    Figure,
    UnencryptedRow,
    UnverifiedDelivery,
)
from mtasts_resolver.evidence.told import UNKNOWN, Told
from mtasts_resolver.maillog.events import Meaning
from mtasts_resolver.maillog.messages import meaning_of
from mtasts_resolver.maillog.reading import LineReader
from tests.recordings.figures import compare
from tests.recordings.truth import Recording, Truth, recordings

NEWEST = datetime(2026, 12, 31, tzinfo=UTC).timestamp()
"""When the recordings are read."""
ACTIONS = {"mta-sts": "secure", "dane": "dane-only", "": "notfound"}


class Remembered:
    """What Postfix was told, as the domains of a recording have it."""

    def __init__(self, truth: Truth) -> None:
        self._enforced = {
            each.domain: each.enforced
            for each in truth.outgoing
            if each.asked and not each.next_hop
        }

    def told(self, domain: str, time: float | None) -> Told:
        word = self._enforced.get(domain)
        return UNKNOWN if word is None else Told(ACTIONS[word], word)


class Figures(Struct):
    """What an account tells, as a report does."""

    outbound: DirectionCounts
    inbound: DirectionCounts
    outbound_domains: tuple[DomainCounts, ...]
    failures: tuple[EnforcementFailure, ...]
    inbound_hosts: tuple[DomainCounts, ...]
    lookups: tuple[CountedRow, ...]
    inbound_failures: tuple[CountedRow, ...]
    unencrypted: tuple[UnencryptedRow, ...]
    unverified: tuple[UnverifiedDelivery, ...]
    figures: tuple[Figure, ...]


def facts(lines: Iterable[bytes]) -> Iterator[Fact]:
    reader, joiner = LineReader(lambda _wall, _again: 0, NEWEST), Joiner()
    for raw in lines:
        line = reader.read(raw)
        event = Meaning.NOTHING if line is None else meaning_of(line)
        if line is not None and not isinstance(event, Meaning):
            yield from joiner.feed(line, event)
    yield from joiner.finish()


def figures(found: Iterable[Fact], truth: Truth) -> Figures:
    account = Account(Remembered(truth), UTC)
    for fact in found:
        account.add(fact)
    return Figures(
        outbound=account.outbound(),
        inbound=account.inbound(),
        outbound_domains=account.outbound_domains(),
        failures=account.failures(),
        inbound_hosts=account.inbound_hosts(),
        lookups=account.lookups(),
        inbound_failures=account.inbound_failures(),
        unencrypted=account.unencrypted(),
        unverified=account.unverified(),
        figures=account.figures(None),
    )


def assert_true(found: Iterable[Fact], truth: Truth) -> None:
    compared = compare(figures(found, truth), truth)
    assert len(compared) > 150
    assert [each for each in compared if not each.agrees] == []


# -- as other programs write the same lines --------------------------------------------------------

_LINE = re.compile(
    rb"(?P<stamp>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8}) (?P<host>\S+)"
    rb" (?P<name>[^\s\[:]+)(?:\[(?P<pid>[0-9]+)\])?: (?P<message>.*)"
)


def parts(line: bytes) -> dict[str, str] | None:
    """Return what a line is made of; None for one that is no line of a log."""
    found = _LINE.fullmatch(line)
    return found and {name: (text or b"").decode() for name, text in found.groupdict().items()}


def moment(part: dict[str, str]) -> datetime:
    return datetime.strptime(f"2026 {part['stamp']} +0000", "%Y %b %d %H:%M:%S %z")


def iso(part: dict[str, str]) -> str:
    stamp = moment(part).isoformat(timespec="microseconds")
    return f"{stamp} {part['host']} {part['name']}[{part['pid']}]: {part['message']}"


def in_container(part: dict[str, str]) -> str:
    stamp = moment(part).isoformat()
    return f"mail-1  | {stamp} INFO    {part['name']}[{part['pid']}]: {part['message']}"


def journal(part: dict[str, str]) -> str:
    entry = {
        "__REALTIME_TIMESTAMP": str(int(moment(part).timestamp() * 1_000_000)),
        "_HOSTNAME": part["host"],
        "SYSLOG_IDENTIFIER": part["name"],
        "SYSLOG_PID": part["pid"],
        "MESSAGE": part["message"],
    }
    return json.dumps(entry, ensure_ascii=False)


def journal_of_bytes(part: dict[str, str]) -> str:
    """As journald has what it cannot print."""
    return json.dumps(json.loads(journal(part)) | {"MESSAGE": list(part["message"].encode())})


def without_process(part: dict[str, str]) -> str:
    return f"{part['stamp']} {part['host']} {part['name']}: {part['message']}"


def written(recording: Recording, form: Callable[[dict[str, str]], str]) -> Iterator[bytes]:
    for line in recording.lines():
        if (part := parts(line)) is not None:
            yield form(part).encode()


def of_host(lines: Iterable[bytes], name: str) -> list[bytes]:
    """Return the lines as those of another host."""
    return [re.sub(rb"\A(.{15}) \S+", rb"\1 " + name.encode(), line) for line in lines]


of_each = pytest.mark.parametrize("recording", recordings(), ids=lambda each: each.truth.postfix)


@of_each
def test_each_figure_is_the_truth(recording: Recording) -> None:
    assert_true(facts(recording.lines()), recording.truth)


@of_each
@pytest.mark.parametrize("form", [iso, in_container, journal, journal_of_bytes])
def test_whoever_writes_the_log(
    recording: Recording, form: Callable[[dict[str, str]], str]
) -> None:
    assert_true(facts(written(recording, form)), recording.truth)


@of_each
def test_without_processes_nothing_is_made_up(recording: Recording) -> None:
    """Order and hosts alone are left: less can be told, and what is told is so."""
    truth = recording.truth
    told = figures(facts(written(recording, without_process)), truth)
    for counts, sessions in (
        (told.outbound, [session for _, session in truth.deliveries()]),
        (told.inbound, [each.session for each in truth.incoming if not each.submission]),
    ):
        encrypted = sum(session.encrypted for session in sessions)
        assert counts.deliveries == len(sessions)
        assert counts.encrypted <= encrypted
        assert counts.plain <= len(sessions) - encrypted


@of_each
def test_a_line_that_is_lost_protects_nothing(recording: Recording) -> None:
    """It may not show: a session without its line looks as plain text, and not the reverse."""
    lines, truth = recording.lines(), recording.truth
    sessions = [session for _, session in truth.deliveries()]
    encrypted = sum(session.encrypted for session in sessions)
    for lost in range(0, len(lines), 11):
        counts = figures(facts([*lines[:lost], *lines[lost + 1 :]]), truth).outbound
        assert counts.encrypted <= encrypted, lines[lost]
        assert counts.deliveries <= len(sessions), lines[lost]


def test_hosts_whose_logs_are_mixed_are_told_apart() -> None:
    """Their processes have the same ids, and their mail the same addresses."""
    named = {f"mail{number}": each for number, each in enumerate(recordings(), 1)}
    logs = [of_host(each.lines(), name) for name, each in named.items()]
    mixed = [line for lines in zip_longest(*logs) for line in lines if line is not None]
    found = list(facts(mixed))
    for name, recording in named.items():
        assert_true([fact for fact in found if fact.host == name], recording.truth)
