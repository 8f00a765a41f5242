"""From one check to the next: what is new."""

from datetime import timedelta

from msgspec.structs import replace

from mtasts_resolver.findings import Finding
from mtasts_resolver.owndomains.lastcheck import LastCheck, Mark
from mtasts_resolver.owndomains.news import News, next_check
from mtasts_resolver.published.observed import Observed
from tests.unit.owndomains.seen import AT, BROKEN, FINE, SOON, observed, policy_host, texts

NOTHING = News()
ERROR = BROKEN.found("mx1.own.example", "no STARTTLS")


def checks(*seen: tuple[Observed, list[Finding]]) -> tuple[LastCheck, list[News]]:
    """Return how a domain stands after checks, and what was new at each."""
    last: LastCheck | None = None
    told = []
    for found, findings in seen:
        last, news = next_check(found, findings, last)
        told.append(news)
    assert last is not None
    return last, told


def test_the_first_check_has_no_news_and_the_same_again_neither() -> None:
    last, told = checks((observed(), []), (observed(), []))
    assert told == [NOTHING, NOTHING]
    assert not any(told)
    assert not last.unsettled


def test_a_record_that_is_another_is_news_at_once() -> None:
    _, (_, news) = checks((observed(), []), (observed(record=texts("r", "v=STSv1; id=2;")), []))
    (change,) = news.changes
    assert (change.what, change.was, change.now) == ("record", "v=STSv1; id=1;", "v=STSv1; id=2;")


def test_an_error_is_news_when_it_is_found_again() -> None:
    last, told = checks(
        (observed(), []), (observed(), [ERROR]), (observed(), [ERROR]), (observed(), [ERROR])
    )
    assert [news.appeared for news in told] == [(), (), (ERROR,), ()]
    assert last.told == {Mark("error", "mx-broken", "mx1.own.example")}


def test_an_error_that_has_passed_at_the_second_look_is_none() -> None:
    last, told = checks((observed(), []), (observed(), [ERROR]), (observed(), []))
    assert told == [NOTHING] * 3
    assert not last.unsettled


def test_between_the_looks_it_is_not_settled() -> None:
    last, _ = checks((observed(), []), (observed(), [ERROR]))
    assert last.unsettled
    assert last.findings == (ERROR,)


def test_an_error_is_gone_when_two_checks_have_not_found_it() -> None:
    _, told = checks(
        (observed(), [ERROR]),
        (observed(), [ERROR]),
        (observed(), []),
        (observed(), [ERROR]),
        (observed(), []),
        (observed(), []),
    )
    assert [bool(news.appeared) for news in told] == [False, True, False, False, False, False]
    assert [news.gone for news in told][-1] == (Mark("error", "mx-broken", "mx1.own.example"),)
    assert not any(news.gone for news in told[:-1])


def test_days_that_are_counted_in_a_finding_are_no_news() -> None:
    weeks = [SOON.found("mx1.own.example", f"{days} days are left") for days in (9, 8, 7, 6)]
    _, told = checks(*((observed(), [finding]) for finding in weeks))
    assert [len(news.appeared) for news in told] == [0, 1, 0, 0]


def test_what_becomes_worse_is_news() -> None:
    worse = replace(SOON.found("mx1.own.example", "today"), severity=BROKEN.severity)
    soon = SOON.found("mx1.own.example", "soon")
    _, told = checks(*((observed(), [each]) for each in (soon, soon, worse, worse)))
    assert told[-1].appeared == (worse,)
    assert told[-1].gone == (Mark("warning", "expires-soon", "mx1.own.example"),)


def test_what_is_well_is_no_news() -> None:
    fine = FINE.found("record", "as it should be")
    _, told = checks((observed(), [fine]), (observed(), [fine]), (observed(), []))
    assert not any(told)


def test_the_policy_before_is_that_of_the_id() -> None:
    other = policy_host("version: STSv1\nmode: testing\nmx: a.example\nmax_age: 1\n")
    later = AT + timedelta(hours=6)
    last, _ = checks((observed(), []), (observed(policy_host=other, at=later), []))
    assert last.before.id == "1"
    assert "mode: enforce" in last.before.document
    assert (last.before.mode, last.before.since) == ("testing", later)
    last, _ = next_check(observed(record=texts("r", "v=STSv1; id=2;"), policy_host=other), [], last)
    assert last.before.id == "2"
    assert "mode: testing" in last.before.document
    assert last.before.since == later


def test_what_cannot_be_read_leaves_the_policy_before() -> None:
    last, _ = checks(
        (observed(), []), (observed(record=texts("r"), policy_host=policy_host(None)), [])
    )
    assert (last.before.id, last.before.mode, last.before.since) == ("1", "enforce", AT)
    last, _ = next_check(observed(policy_host=policy_host("mode: nonsense")), [], last)
    assert last.before.mode == "enforce"
