"""What the log says of each event, in the words of docs/logs.md."""

import logging

import pytest

from mtasts_resolver.base.events import Events
from mtasts_resolver.base.ratelimit import MAX_LINES
from mtasts_resolver.knowledge.events import (
    ClockSet,
    DnsFailed,
    DnssecChanged,
    NameServersFailed,
    NameServersRecovered,
    PoliciesLoaded,
    PolicyChanged,
    PolicyExpired,
    PolicyForgotten,
    PolicyFound,
    PolicyImported,
    PolicyPurged,
    PolicyUnavailable,
    ProbeFailed,
    ProtectionWeakened,
    RecordInvalid,
    RefreshFailed,
    RefreshRecovered,
    StoredPolicyInvalid,
)
from mtasts_resolver.knowledge.journal import NAMED, Journal
from mtasts_resolver.knowledge.lifetimes import Urgency
from mtasts_resolver.policy import Mode, Policy, Weakening
from tests.events import events
from tests.unit.knowledge.world import FakeClock

GOOD = "good.example"
ENFORCED = Policy(Mode.ENFORCE, 86_400, ("a.good.example", "*.good.example"))
TESTED = Policy(Mode.TESTING, 86_400, ("a.good.example",))
ENDED = Policy(Mode.NONE, 86_400, ())
DESCRIBED = {"mode": "enforce", "mx": "a.good.example *.good.example", "max_age": 86_400, "id": "1"}


@pytest.fixture
def published(caplog: pytest.LogCaptureFixture) -> Events:
    caplog.set_level(logging.DEBUG)
    made = Events()
    Journal(made, FakeClock())
    return made


@pytest.mark.parametrize(
    ("event", "line", "fields"),
    [
        (PolicyFound(GOOD, ENFORCED, "1"), "INFO policy-found", {"domain": GOOD, **DESCRIBED}),
        (
            PolicyChanged(GOOD, ENFORCED, "1", TESTED, "0"),
            "INFO policy-changed",
            {"domain": GOOD, **DESCRIBED},
        ),
        (
            PolicyImported(GOOD, ENFORCED, "1", "anna"),
            "INFO policy-imported",
            {"domain": GOOD, **DESCRIBED, "by": "anna"},
        ),
        (
            PolicyExpired(GOOD, TESTED, "1"),
            "WARNING policy-expired",
            {"domain": GOOD, "mode": "testing"},
        ),
        (
            PolicyForgotten(GOOD, ENFORCED, "1"),
            "INFO policy-forgotten",
            {"domain": GOOD, "reason": "not asked for in forget_after"},
        ),
        (
            PolicyPurged(GOOD, ENFORCED, "1", "anna"),
            "WARNING policy-purged",
            {"domain": GOOD, "mode": "enforce", "by": "anna"},
        ),
        (
            PolicyPurged(GOOD, TESTED, "1", "anna"),
            "INFO policy-purged",
            {"domain": GOOD, "mode": "testing", "by": "anna"},
        ),
        (
            PolicyUnavailable(GOOD, "policy-fetch-status", "status 404"),
            "WARNING policy-unavailable",
            {"domain": GOOD, "code": "policy-fetch-status", "reason": "status 404"},
        ),
        (
            ProtectionWeakened(GOOD, [Weakening.MODE], "enforce", "testing"),
            "WARNING protection-weakened",
            {"domain": GOOD, "weakened": ["mode"], "was": "enforce", "now": "testing"},
        ),
        (
            RecordInvalid(GOOD, "record-invalid", "no id"),
            "WARNING policy-record-invalid",
            {"domain": GOOD, "code": "record-invalid", "reason": "no id"},
        ),
        (
            StoredPolicyInvalid(GOOD, "line 1"),
            "ERROR stored-policy-invalid",
            {"domain": GOOD, "reason": "line 1"},
        ),
        *(
            (
                RefreshFailed(GOOD, "dns-timeout", "no answer", 864_000_000, urgency),
                f"{level} policy-refresh-failed",
                {
                    "domain": GOOD,
                    "code": "dns-timeout",
                    "reason": "no answer",
                    "days_until_expiry": 10_000.0,
                },
            )
            for urgency, level in (
                (Urgency.EARLY, "WARNING"),
                (Urgency.URGENT, "ERROR"),
                (Urgency.LAST, "ERROR"),
            )
        ),
        (RefreshRecovered(GOOD), "INFO policy-refresh-recovered", {"domain": GOOD}),
        (PoliciesLoaded(7, []), "INFO policies-loaded", {"policies": 7}),
        (ClockSet(-60.0), "WARNING clock-set", {"seconds": -60.0}),
        (
            DnsFailed("dns-timeout", "no answer"),
            "DEBUG dns-failed",
            {"code": "dns-timeout", "reason": "no answer"},
        ),
        (
            NameServersFailed(10, 9.0, "dns-timeout", "no answer"),
            "ERROR name-servers-failing",
            {
                "failures": 10,
                "seconds": 9.0,
                "code": "dns-timeout",
                "reason": "no answer",
                "action": "check the resolvers in dns.servers or /etc/resolv.conf",
            },
        ),
        (NameServersRecovered(20), "INFO name-servers-answer-again", {"failures": 20}),
        (
            DnssecChanged(validates=True, servers=("127.0.0.1",)),
            "INFO dnssec-validated",
            {"servers": ("127.0.0.1",)},
        ),
        (
            DnssecChanged(validates=False, reason="it does not"),
            "WARNING dnssec-unavailable",
            {
                "reason": "it does not",
                "effect": "DANE is not looked up, and does not take part in answers",
                "action": "run a validating resolver on this host, or set dns.dnssec: trust or off",
            },
        ),
        (ProbeFailed("no answer"), "DEBUG dnssec-probe-failed", {"reason": "no answer"}),
    ],
)
def test_each_event_is_one_line(
    event: object,
    line: str,
    fields: dict[str, object],
    published: Events,
    caplog: pytest.LogCaptureFixture,
) -> None:
    published.publish(event)
    assert events(caplog) == [(*line.split(), fields)]


@pytest.mark.parametrize(
    "event",
    [
        PolicyExpired(GOOD, ENDED, "1"),  # RFC 8461 §8.3: so a domain leaves MTA-STS
        ProtectionWeakened(GOOD, [Weakening.EXPIRED], "enforce", "expired"),  # a second warning
    ],
)
def test_what_is_no_news_is_not_told(
    event: object, published: Events, caplog: pytest.LogCaptureFixture
) -> None:
    published.publish(event)
    assert events(caplog) == []


def test_of_many_policies_that_were_over_some_are_named(
    published: Events, caplog: pytest.LogCaptureFixture
) -> None:
    expired = [f"d{number}.example" for number in range(NAMED + 1)]
    published.publish(PoliciesLoaded(0, expired))
    (told,) = events(caplog, "WARNING")
    assert told == (
        "WARNING",
        "policies-not-loaded",
        {
            "policies": NAMED + 1,
            "domains": expired[:NAMED],
            "reason": "they expired while the daemon was not running, or the clock is wrong",
            "action": "check the clock: they are kept for 3 days",
        },
    )


def test_what_was_left_out_is_told_later_or_at_once_where_that_is_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    published = Events()
    journal = Journal(published, FakeClock())
    for number in range(MAX_LINES + 1):
        published.publish(RecordInvalid(f"d{number}.example", "record-invalid", "no id"))
    journal.flush()
    assert len(caplog.records) == MAX_LINES
    journal.flush(at_once=True)
    assert caplog.records[-1].msg == "events-left-out"
