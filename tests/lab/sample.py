"""`python -m tests.lab.sample`: the sample report of docs/, made of what a real Postfix logs here.

Mail of two months is sent and received in two minutes, as it comes to pass at a small organisation:
a partner's certificate is for another name for a day, another's expires, a host loses its
encryption. Then all is moved to the time that it shall have been (movedtimes.py). The report of the
second month is kept only if each figure is what was done.
"""

import itertools
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from mtasts_resolver.evidence.report import EvidenceReport
from mtasts_resolver.maillog.events import Cause
from tests.recordings.figures import Compared, compare
from tests.system.statuspage.browser import run_chromium

from . import debian13
from .booted import BootedSystem, install_checkout
from .callers import ANOTHER, DEAF, LEAVING, OLD_CIPHERS, OUTDATED, ROBOT, Call, Way, failing
from .checkhosts import MODEL
from .correspondent import REMOTE, Correspondent
from .danehosts import TLSA_RIGHT
from .deeds import CURRENT, DANE, STS, Deed, held, sent
from .freshhost import fresh_host
from .internet import EXPIRED, GOOD, NO_STARTTLS, UNTRUSTED, WRONG_NAME
from .lab import Lab, running_lab
from .movedtimes import MovedTimes
from .namespace import ROOT, missing
from .recording import Recorder, correspondent
from .stream import LabError

BEGIN, MONTH, END = (datetime(2026, month, 1, tzinfo=UTC) for month in (9, 10, 11))
SAMPLE = ROOT / "docs" / "sample-report"
SATURDAY = 5

PARTNERS = (
    Deed("enforced.example", sent(GOOD, "verified"), STS),
    Deed("testing.example", sent(GOOD, "trusted")),
    Deed("hosted.example", sent(GOOD, "verified"), STS),
    Deed("tlsa-right.example", sent(TLSA_RIGHT, "verified"), DANE),
    Deed("remote-open.example", sent(REMOTE, "trusted", *CURRENT)),
    Deed("lenient.example", sent(GOOD, "verified"), STS),
    Deed("no-record.example", sent(WRONG_NAME, "trusted")),
    Deed("xn--bcher-kva.example", sent(GOOD, "verified"), STS, spelling="bücher.example"),
    Deed("untrusted-open.example", sent(UNTRUSTED, "untrusted")),
    Deed("second-good.example", sent(GOOD, "verified"), STS),
)
"""Whom mail is sent to day by day, one after the other."""
CALLERS = (
    Call(),
    Call(port=587, user=True),
    Call(mails=(("one",), ("two", "three")), taken=2),
    Call(source=ANOTHER, versions=("TLSv1_2", "TLSv1_2")),
    Call(port=587, user=True),
    Call(source=ANOTHER),
)
"""Who calls day by day."""
ON_DAYS: dict[int, tuple[Call, ...]] = {
    6: (Call(source=ROBOT, way=Way.PLAIN, level="none"),),
    11: (failing(source=LEAVING, way=Way.HANGS_UP),),
    17: (failing(source=DEAF, versions=("TLSv1_2", "TLSv1_2"), ciphers="ECDHE-RSA-AES128-SHA256"),),
    23: (Call(source=OUTDATED, versions=("TLSv1", "TLSv1_1"), ciphers=OLD_CIPHERS),),
}
"""Who calls on a day of each month besides."""

PLAIN = Deed("plain-open.example", sent(NO_STARTTLS, "none"))
OPENLY = Deed("remote-open.example", sent(REMOTE, "none"))
"""How mail goes there since TLS was lost."""
LOST = datetime(2026, 10, 22, 4, tzinfo=UTC)
TURNED = "second-good.example"
MISMATCH = held(Cause.NAME_MISMATCH, WRONG_NAME)
TURNS, RIGHT_AGAIN = (datetime(2026, 10, day, 9, 45, tzinfo=UTC) for day in (6, 7))
"""From when to when the MX records of TURNED name a host with another's certificate."""

REPORT = (
    f"mtasts-resolver report mail.log --zone UTC --since {MONTH:%Y-%m-%d} --until {END:%Y-%m-%d}"
    " --history history --control all --write report.html --write report.json"
)


class Stage:
    """What steps are done on, and what they leave for later ones."""

    def __init__(self, lab: Lab, postfix: Correspondent, far: Correspondent) -> None:
        self.lab = lab
        self.postfix = postfix
        self.far = far
        self.recorder = Recorder(lab, postfix)
        self.first_half = lab.directory / "first-half"
        """The history as it was when the second month began."""
        self.waiting: dict[str, str] = {}
        """The queue id of what was sent last to each domain."""

    def send(self, deed: Deed) -> None:
        self.waiting[deed.domain] = self.recorder.send(deed)

    def try_again(self, deed: Deed, end: str = "waiting") -> None:
        self.recorder.try_again(self.waiting[deed.domain], deed.attempt, end)

    def give_up(self, deed: Deed) -> None:
        self.recorder.give_up(self.waiting[deed.domain], deed.attempt)

    def begin_month(self) -> None:
        """Have what was counted so far be told apart from what comes."""
        daemon = self.lab.daemon
        daemon.stop()
        shutil.copy(daemon.history, self.first_half)
        daemon.start()
        self.recorder = Recorder(self.lab, self.postfix, self.recorder.numbers)

    def point_mx(self, *hosts: str) -> None:
        records = (f"{place}0 {host}." for place, host in enumerate(hosts, 1))
        self.lab.dns.publish(TURNED, "MX", *records)


class Step(NamedTuple):
    """Something that is done, and when that shall have been."""

    at: datetime
    do: Callable[[Stage], None]


def sends(at: datetime, deed: Deed) -> Step:
    return Step(at, lambda stage: stage.send(deed))


def receives(at: datetime, calls: tuple[Call, ...]) -> Step:
    return Step(at, lambda stage: stage.recorder.receive(calls))


def at(day: int, hour: int, minute: int = 0, month: int = MONTH.month) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def day_by_day() -> Iterator[Step]:
    """Yield what happens every day: less on Saturdays and Sundays."""
    partners, callers = itertools.cycle(PARTNERS), itertools.cycle(CALLERS)
    for number in range((END - BEGIN).days):
        day = BEGIN + timedelta(days=number)
        few = day.weekday() >= SATURDAY
        for hour in (9, 15) if few else (8, 9, 11, 13, 16):
            when = day + timedelta(hours=hour, minutes=7 * number % 60, seconds=11 * hour)
            deed = next(partners)
            if deed.domain == OPENLY.domain and when > LOST:
                deed = OPENLY
            if deed.domain != TURNED or not TURNS <= when < RIGHT_AGAIN:
                yield sends(when, deed)
        calls = (*itertools.islice(callers, 1 if few else 3), *ON_DAYS.get(day.day, ()))
        yield receives(day + timedelta(hours=10), calls)
        if day.weekday() == 0:
            yield Step(day + timedelta(hours=3), refresh)


def special() -> Iterator[Step]:
    """Yield what does not happen every day."""
    yield Step(BEGIN, lambda stage: stage.point_mx(GOOD.name))
    for month, day in ((9, 3), (9, 10), (9, 17), (9, 24), (10, 1), (10, 8), (10, 15)):
        yield sends(at(day, 12, 30, month), PLAIN)
    yield Step(TURNS, lambda stage: stage.point_mx(WRONG_NAME.name))
    turned = Deed(TURNED, MISMATCH, STS)
    yield sends(at(6, 9, 50), turned)
    yield Step(at(6, 10, 5), lambda stage: stage.try_again(turned))
    yield Step(at(6, 18, 5), lambda stage: stage.try_again(turned))
    yield Step(RIGHT_AGAIN, lambda stage: stage.point_mx(GOOD.name))
    delivered = Deed(TURNED, sent(GOOD, "verified"), STS)
    yield Step(at(7, 10, 15), lambda stage: stage.try_again(delivered, "delivered"))
    yield sends(at(9, 14, 20), Deed("web-404.example", sent(WRONG_NAME, "trusted")))
    yield sends(at(12, 17, 40), Deed("web-expired.example", sent(WRONG_NAME, "trusted")))
    expired = Deed("expired.example", held(Cause.EXPIRED, EXPIRED), STS)
    yield sends(at(13, 11, 10), expired)
    for day in (14, 16):
        yield Step(at(day, 11, 30), lambda stage: stage.try_again(expired))
    yield Step(at(18, 11, 30), lambda stage: stage.give_up(expired))
    yield Step(LOST, lambda stage: stage.far.set("smtpd_tls_security_level=none"))
    yield sends(
        at(27, 15, 20), Deed("no-starttls.example", held(Cause.NO_STARTTLS, NO_STARTTLS), STS)
    )
    yield sends(at(28, 15, 40), Deed("tlsa-fails-enforced.example", held(Cause.POLICY_LOOKUP), STS))
    yield Step(MONTH, lambda stage: stage.begin_month())
    yield Step(END - timedelta(minutes=1), lambda stage: stage.lab.daemon.stop())


def refresh(stage: Stage) -> None:
    """Have the daemon look at the policies that it holds, as it does itself from time to time."""
    domains = [each.domain for each in PARTNERS if each.enforced == STS]
    stage.lab.daemon.command("cache", "refresh", *domains)


def play(lab: Lab, directory: Path) -> tuple[Stage, MovedTimes]:
    """Do all of it, and return the times that it shall have been at."""
    moved = MovedTimes()
    with correspondent(lab, directory, modern=False, root=()) as (postfix, far):
        stage = Stage(lab, postfix, far)
        for step in sorted([*special(), *day_by_day()], key=lambda step: step.at):
            moved.anchor(postfix.log.mark(), time.time(), step.at)
            step.do(stage)
    return stage, moved


def make(lab: Lab, directory: Path) -> list[Compared]:
    """Make the report, and compare it with what was done."""
    lab.daemon.start()
    stage, moved = play(lab, lab.directory / "sample")
    moved.history(lab.daemon.history, stage.first_half, MONTH)
    lines = moved.lines(stage.postfix.log.since(0))
    with ExitStack() as stack:
        system = stack.enter_context(BootedSystem(directory, debian13.tarball(sys.stderr.write)))
        install_checkout(system)
        host = stack.enter_context(fresh_host(lab, system))
        home = system.root / "root"
        (home / "mail.log").write_text("".join(f"{line}\n" for line in lines))
        shutil.copy(lab.daemon.history, home / "history")
        host.happen("mended")
        # It tells by its exit code that a control is not met.
        _, said = host.outcome(f"{REPORT} --own-domain {MODEL.name}")
        if not (home / "report.json").exists():
            raise LabError(said)
        report = msgspec.json.decode((home / "report.json").read_bytes(), type=EvidenceReport)
        shutil.copy(home / "report.html", SAMPLE.with_suffix(".html"))
    return compare(report, stage.recorder.truth())


def main() -> None:
    if reason := missing():
        sys.exit(f"The sample cannot be made: {reason}.")
    with running_lab() as lab, TemporaryDirectory() as directory:
        compared = make(lab, Path(directory))
    if wrong := [each for each in compared if not each.agrees]:
        raise LabError("\n".join(map(str, wrong)))
    with run_chromium() as browser:
        page = browser.new_page()
        page.goto(SAMPLE.with_suffix(".html").as_uri())
        page.pdf(path=SAMPLE.with_suffix(".pdf"), prefer_css_page_size=True)


if __name__ == "__main__":
    main()
