"""Whom the administrator has told, of what, and how often."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mtasts_resolver.base.events import Events
from mtasts_resolver.base.undecodable import UNDECODABLE
from mtasts_resolver.config.sections.owndomains import MAX_OWN_DOMAINS
from mtasts_resolver.findings import Finding
from mtasts_resolver.owndomains.events import NotifyFailed, OwnDomainChecked
from mtasts_resolver.owndomains.lastcheck import LastCheck
from mtasts_resolver.owndomains.news import next_check
from mtasts_resolver.owndomains.notify import (
    MAX_ATTEMPTS,
    PAUSE_BETWEEN_RUNS,
    Notify,
    filled_in,
    report_of,
)
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.store.keptchecks import MAX_CHECK_BYTES
from tests.unit.knowledge.world import FakeClock, settle
from tests.unit.owndomains.seen import BROKEN, SOON, observed, texts
from tests.unit.owndomains.test_program import script

ERROR = BROKEN.found("mx1.own.example", "no STARTTLS")
WARNING = SOON.found("mx1.own.example", "9 days are left")


class Story:
    """Checks of domains, one after the other, as the log and the program hear of them."""

    def __init__(self, directory: Path, program: str = "cat >>report; echo >>report") -> None:
        self.clock = FakeClock()
        self.events = Events()
        self.report = directory / "report"
        text = program.replace("report", str(self.report))
        self.command = (script(directory, text), "{domains}", "{severity}: {summary}", "{other}")
        self.failed: list[NotifyFailed] = []
        self.events.listen(NotifyFailed, self.failed.append)
        self.kept: list[bytes] = []
        self.notify = Notify(self.events, self.clock, self.kept.append)
        self.notify.command = self.command
        self._last: dict[str, LastCheck] = {}

    def check(self, seen: Observed, *findings: Finding) -> None:
        last = self._last.get(seen.domain)
        self._last[seen.domain], news = next_check(seen, findings, last)
        told = OwnDomainChecked(self._last[seen.domain], news, first=last is None)
        self.events.publish(told)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.notify.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.notify.close()

    def reports(self) -> list[dict[str, Any]]:
        text = self.report.read_text() if self.report.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not so():  # noqa: ASYNC110  the program has no event for it
                await asyncio.sleep(0.01)
        await settle()


async def test_a_new_error_is_told_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    story = Story(tmp_path)
    async with story.running():
        story.check(observed(), ERROR, WARNING)
        story.check(observed(), ERROR, WARNING)
        await story.until(lambda: bool(story.reports()))
    (report,) = story.reports()
    assert report["summary"] == "own.example: error mx-broken and 1 more"
    assert report["severity"] == "error"
    (domain,) = report["domains"]
    assert domain["domain"] == "own.example"
    assert domain["time"] == "2027-01-15T08:00:00Z"
    assert [finding["code"] for finding in domain["appeared"]] == ["mx-broken", "expires-soon"]
    assert domain["appeared"][0]["action"] == "mend it"
    assert domain["changes"] == domain["gone"] == []


async def test_what_is_new_soon_after_comes_together_and_later(tmp_path: Path) -> None:
    story = Story(tmp_path)
    other = observed(domain="other.example")
    changed = observed(record=texts("r", "v=STSv1; id=2;"))
    async with story.running():
        story.check(observed())
        story.check(other)
        story.check(changed)
        await story.until(lambda: story.clock.naps == 1)
        story.check(observed())
        story.check(changed)
        for _ in range(2):
            story.check(observed(domain="other.example"), ERROR)
        await story.clock.advance(PAUSE_BETWEEN_RUNS - 1)
        assert len(story.reports()) == 1
        await story.clock.advance(1)
        await story.until(lambda: len(story.reports()) == 2)
    first, second = story.reports()
    assert first["summary"] == "own.example: record changed"
    assert first["domains"][0]["changes"][0]["was"] == "v=STSv1; id=1;"
    assert second["summary"] == "other.example: error mx-broken; 1 more domain"
    assert [len(domain["changes"]) for domain in second["domains"]] == [2, 0]


async def test_without_news_or_without_a_program_nobody_is_told(tmp_path: Path) -> None:
    story = Story(tmp_path)
    async with story.running():
        story.check(observed())
        story.check(observed(), ERROR)
        await settle()
        story.notify.command = ()
        story.check(observed(), ERROR)
        await story.clock.advance(PAUSE_BETWEEN_RUNS)
        assert not story.report.exists()


async def test_a_failure_is_told_and_the_news_again_until_it_is_enough(tmp_path: Path) -> None:
    story = Story(tmp_path, "cat >>report; echo >>report; echo it hurts; exit 3")
    async with story.running():
        story.check(observed())
        story.check(observed(record=texts("r")))
        for attempt in range(1, MAX_ATTEMPTS + 1):
            await story.until(lambda: len(story.failed) == attempt)  # noqa: B023  at once
            await story.clock.advance(PAUSE_BETWEEN_RUNS)
        await story.clock.advance(PAUSE_BETWEEN_RUNS)
    assert story.notify.failures == MAX_ATTEMPTS
    assert [each.again for each in story.failed] == [True, True, False]
    assert (story.failed[0].reason, story.failed[0].said) == ("exit status 3", "it hurts")
    first, *others = story.reports()
    assert others == [first] * (MAX_ATTEMPTS - 1)


@pytest.mark.threat("words-in-shell")
def test_arguments_are_filled_in_and_left_as_they_are_else(tmp_path: Path) -> None:
    story = Story(tmp_path)
    told: list[OwnDomainChecked] = []
    story.events.listen(OwnDomainChecked, told.append)
    for _ in range(2):
        story.check(observed(), WARNING)
    report = report_of(list(story.notify._waiting.values()), "host")
    assert filled_in(story.command, report) == [
        story.command[0],
        "own.example",
        "warning: own.example: warning expires-soon",
        "{other}",
    ]


async def test_what_was_not_told_yet_is_told_after_a_restart(tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.check(observed())
    story.check(observed(record=texts("r")))  # and the daemon ends before it can be told
    again = Story(tmp_path)
    again.notify.restore(story.kept[-1])
    async with again.running():
        await again.until(lambda: again.kept[-1:] == [b"[]"])
    (report,) = again.reports()
    assert report["summary"] == "own.example: record changed"


async def test_what_is_being_told_is_kept_until_it_is(tmp_path: Path) -> None:
    story = Story(tmp_path, "cat >>report; echo >>report; exit 1")
    async with story.running():
        story.check(observed())
        story.check(observed(record=texts("r")))
        await story.until(lambda: len(story.failed) == 1)
        story.check(observed())
    kept = json.loads(story.kept[-1])
    assert [change["now"] for each in kept for change in each["changes"]] == ["", "v=STSv1; id=1;"]


def test_however_much_strangers_say_it_can_be_kept(tmp_path: Path) -> None:
    """Else all that is yet to be told would be lost with the daemon, for being too long."""
    story = Story(tmp_path)
    names = [f"d{number}.example" for number in range(MAX_OWN_DOMAINS)]
    findings = [BROKEN.found(f"mx{number}.own.example", "\\" * 500) for number in range(80)]
    for text in ("v=STSv1; id=1;", "\x01" * 60_000, '"' * 60_000):
        for name in names:
            story.check(observed(domain=name, record=texts("r", text)), *findings)
    story.notify._being_told, story.notify._waiting = story.notify._waiting, {}
    for text in ("\x01" * 60_000, '"' * 60_000):
        for name in names:
            story.check(observed(domain=name, record=texts("r", text)))
    assert len(story.kept[-1]) <= MAX_CHECK_BYTES
    kept = json.loads(story.kept[-1])
    assert [each["domain"] for each in kept] == names * 2
    assert all(each["changes"] for each in kept)
    assert all(each["appeared"] for each in kept[: len(names)])


async def test_a_program_that_was_mended_is_the_one_that_is_run_again(tmp_path: Path) -> None:
    story = Story(tmp_path)
    good, story.notify.command = story.command, ("/nonexistent/program",)
    async with story.running():
        story.check(observed())
        story.check(observed(record=texts("r")))
        await story.until(lambda: len(story.failed) == 1)
        story.notify.command = good
        await story.clock.advance(PAUSE_BETWEEN_RUNS)
        await story.until(lambda: len(story.reports()) == 1)
    assert story.failed[0].reason == "it cannot be started: No such file or directory"


@pytest.mark.parametrize("kept", [b"", b"{}", b'[{"domain": 1}]', b"\xff"])
async def test_what_was_kept_may_be_anything(tmp_path: Path, kept: bytes) -> None:
    with pytest.raises(UNDECODABLE):
        Story(tmp_path).notify.restore(kept)
