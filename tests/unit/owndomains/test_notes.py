"""What the log and the history say of own domains."""

import logging
from pathlib import Path

import pytest

from mtasts_resolver.base.events import Events
from mtasts_resolver.findings import Finding
from mtasts_resolver.owndomains.events import (
    NotifyFailed,
    OwnDomainChecked,
    OwnDomainNotChecked,
)
from mtasts_resolver.owndomains.lastcheck import LastCheck
from mtasts_resolver.owndomains.news import next_check
from mtasts_resolver.owndomains.notes import OwnDomainHistory, OwnDomainLog
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.store.history import History
from tests.events import events
from tests.unit.knowledge.world import FakeClock
from tests.unit.owndomains.seen import BROKEN, SOON, host, observed, policy_host, texts
from tests.unit.store.history import all_of, opened

ERROR = BROKEN.found("mx1.own.example", "no STARTTLS")
WARNING = SOON.found("mx1.own.example", "9 days are left")


class Noted:
    """Checks of a domain, one after the other, and who listens."""

    def __init__(self, history: History | None = None) -> None:
        self.events = Events()
        self.log = OwnDomainLog(self.events, FakeClock())
        if history is not None:
            OwnDomainHistory(self.events, history)
        self.last: LastCheck | None = None

    def check(self, seen: Observed, *findings: Finding) -> None:
        first = self.last is None
        self.last, news = next_check(seen, findings, self.last)
        self.events.publish(OwnDomainChecked(self.last, news, first=first))


def test_each_event_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    noted = Noted()
    with caplog.at_level(logging.INFO):
        noted.check(observed())
        noted.check(observed(record=texts("r")), ERROR, WARNING)
        noted.check(observed(record=texts("r")), ERROR, WARNING)
        noted.check(observed(record=texts("r")))
        noted.check(observed(record=texts("r"), mx_hosts=(host("mx1.own.example", "bb"),)))
        noted.events.publish(OwnDomainNotChecked("own.example", "no time"))
        noted.events.publish(NotifyFailed("/bin/tell", "exit status 1", "no host", True))
    shown = [line for line in events(caplog) if line[1] != "own-domain-checked"]
    assert [(level, event) for level, event, _ in shown] == [
        ("INFO", "own-domain-changed"),
        ("ERROR", "own-domain-finding"),
        ("WARNING", "own-domain-finding"),
        ("INFO", "own-domain-changed"),
        ("INFO", "own-domain-mended"),
        ("INFO", "own-domain-mended"),
        ("WARNING", "own-domain-not-checked"),
        ("ERROR", "notify-failed"),
    ]
    assert shown[0][2] == {
        "domain": "own.example",
        "what": "record",
        "was": "v=STSv1; id=1;",
        "now": "nothing",
    }
    assert shown[1][2]["action"] == "mend it"
    assert shown[3][2]["host"] == "mx1.own.example"
    checked = [fields for _, event, fields in events(caplog) if event.endswith("checked")]
    assert checked[1] == {"domain": "own.example", "errors": 1, "warnings": 1, "notes": 0}


async def test_the_history_has_what_there_was_and_each_change(tmp_path: Path) -> None:
    async with opened(tmp_path / "history") as history:
        noted = Noted(history)
        noted.check(observed(), ERROR)
        found = await all_of(history)
        assert {(change.subject, change.event, change.hop) for change in found} == {
            ("own-record", "found", ""),
            ("own-reports", "found", ""),
            ("own-policy", "found", ""),
            ("own-mx", "found", ""),
            ("own-certificate", "found", "mta-sts.own.example"),
            ("own-certificate", "found", "mx1.own.example"),
        }
        noted.check(observed(policy_host=policy_host("version: STSv2\n")), ERROR)
        noted.check(observed(policy_host=policy_host(None, status=404)), WARNING)
        noted.check(observed(), WARNING)
        later = (await all_of(history))[: -len(found)]
    assert [(change.subject, change.event) for change in later] == [
        ("own-findings", "appeared"),
        ("own-policy", "found"),
        ("own-policy", "gone"),
        ("own-findings", "appeared"),
        ("own-policy", "changed"),
    ]
    assert [(change.was, change.now) for change in later if change.subject == "own-findings"] == [
        ("error mx-broken mx1.own.example", "warning expires-soon mx1.own.example"),
        ("", "error mx-broken mx1.own.example"),
    ]
    assert later[0].reason == "mx1.own.example: 9 days are left"
    assert later[-1].was is not None
    assert later[-1].was.startswith("version: STSv1\n")


async def test_what_changed_while_the_last_check_was_lost_is_a_change(tmp_path: Path) -> None:
    async with opened(tmp_path / "history") as history:
        Noted(history).check(observed())
        before = await all_of(history)
        Noted(history).check(observed())
        assert await all_of(history) == before
        Noted(history).check(observed(record=texts("r", "v=STSv1; id=2;")))
        (change, *others) = await all_of(history)
    assert others == before
    assert (change.was, change.now) == ("v=STSv1; id=1;", "v=STSv1; id=2;")
