"""Each report counts once, and its sessions by kind."""

from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.evidence.report import TlsReports
from mtasts_resolver.evidence.tlsreports import OTHERS, UNSPECIFIED, ReportFolding, folding
from mtasts_resolver.evidence.tlsreports.vouching import authentication_results
from mtasts_resolver.tlsrpt import TlsReport, read_reports
from tests.unit.tlsrpt.made import FAILURE, POLICY, START, changed, text

DAY = 86_400.0
SUMMARY = ("policies", 0, "summary")
DETAILS = ("policies", 0, "failure-details")
FAILED = "total-failure-session-count"


def report(*changes: tuple[tuple[str | int, ...], object]) -> TlsReport:
    (found,) = read_reports(text(changed(*changes))).reports
    return found


def folded(*reports: TlsReport, **options: Any) -> TlsReports:
    all_of_them = ReportFolding(UTC, **options)
    for one in reports:
        all_of_them.add(one)
    return all_of_them.result()


def test_sessions_are_counted_by_kind() -> None:
    result = folded(report())
    assert (result.reports, result.successful, result.failed) == (1, 96, 4)
    failed, well = result.rows
    assert (failed.organization, failed.domain, failed.policy_type, failed.mode) == (
        *("Sender Ltd.", "our.example", "sts", "enforce"),
    )
    assert (failed.failure, failed.mx, failed.sessions) == (
        *("certificate-expired", "mx1.our.example", 4),
    )
    assert (failed.first, failed.last) == (
        *("2026-03-01T00:00:00+00:00", "2026-03-01T23:59:59+00:00"),
    )
    assert (well.failure, well.mx, well.sessions) == ("", "", 96)


def test_days_add_up_and_tell_since_when() -> None:
    later = report(
        (("report-id",), "2"),
        (("date-range", "start-datetime"), "2026-03-05T00:00:00Z"),
        (("date-range", "end-datetime"), "2026-03-05T23:59:59Z"),
    )
    failed, well = folded(later, report()).rows
    assert (failed.sessions, well.sessions) == (8, 192)
    assert failed.first == "2026-03-01T00:00:00+00:00"
    assert failed.last == "2026-03-05T23:59:59+00:00"


def test_same_report_counts_once() -> None:
    result = folded(report(), report())
    assert (result.reports, result.duplicates, result.failed) == (1, 1, 4)
    assert result.oddities == ()
    result = folded(report(), report((("organization-name",), "SENDER LTD.")))
    assert (result.reports, result.duplicates, result.failed) == (1, 1, 4)


@pytest.mark.parametrize("place", ["report-id", "organization-name"])
def test_another_id_or_sender_is_another_report(place: str) -> None:
    result = folded(report(), report(((place,), "another")))
    assert (result.reports, result.duplicates) == (2, 0)


def test_reports_without_an_id_are_the_same_where_they_say_the_same() -> None:
    same = report((("report-id",), None))
    result = folded(same, same, report((("report-id",), None), ((*SUMMARY, FAILED), 5)))
    assert (result.reports, result.duplicates) == (2, 1)


@pytest.mark.threat("tls-report-forged")
@pytest.mark.row("T3")
@pytest.mark.parametrize(
    ("signers", "failed"),
    [(("", ""), 4), (("sender.example", ""), 4), (("", "sender.example"), 7)],
)
def test_of_two_that_differ_the_one_that_is_vouched_for_counts(
    signers: tuple[str, str], failed: int
) -> None:
    both = ReportFolding(UTC)
    both.add(report(), signer=signers[0])
    both.add(report(((*SUMMARY, FAILED), 7)), signer=signers[1])
    result = both.result()
    assert (result.reports, result.duplicates, result.failed) == (1, 1, failed)
    (oddity,) = [row for row in result.oddities if "differ" in row.name]
    assert oddity.count == 1


def test_failures_of_no_known_kind_are_a_kind() -> None:
    result = folded(report(((*SUMMARY, FAILED), 10)))
    assert [(row.failure, row.sessions) for row in result.rows] == [
        *((UNSPECIFIED, 6), ("certificate-expired", 4), ("", 96)),
    ]


def test_no_kind_of_failure_has_more_sessions_than_failed() -> None:
    details = [{**FAILURE, "failed-session-count": 3}, FAILURE]
    result = folded(report((DETAILS, details), ((*SUMMARY, FAILED), 5)))
    assert [(row.failure, row.sessions) for row in result.rows] == [
        *(("certificate-expired", 5), ("", 96)),
    ]


def test_sessions_of_a_policy_for_dane_belong_to_the_domain_that_the_report_is_about() -> None:
    dane = {
        "policy": {"policy-type": "tlsa", "policy-domain": "mx1.host.example"},
        "summary": {"total-successful-session-count": 3, FAILED: 1},
    }
    result = folded(report((("policies",), [POLICY, dane])))
    rows = [row for row in result.rows if row.policy_type == "tlsa"]
    assert {(row.domain, row.mx, row.sessions) for row in rows} == {
        ("our.example", "mx1.host.example", 1),
        ("our.example", "mx1.host.example", 3),
    }


@pytest.mark.parametrize(
    ("domains", "reports"),
    [((), 1), (("our.example",), 1), (("example",), 1), (("r.example",), 0), (("a.example",), 0)],
)
def test_other_domains_are_left_out(domains: tuple[str, ...], reports: int) -> None:
    result = folded(report(), domains=domains)
    assert (result.reports, result.left_out) == (reports, 1 - reports)
    assert bool(result.rows) == bool(reports)


@pytest.mark.parametrize("hours", [-11, 0, 2, 11])
def test_report_of_a_day_is_of_one_period_wherever_its_day_begins(hours: int) -> None:
    """A month ends at midnight of the zone; the reports' days are of UTC."""
    month = START - hours * 3600
    before = folded(report(), since=month - 28 * DAY, until=month)
    after = folded(report(), since=month, until=month + 31 * DAY)
    assert (before.reports, before.left_out, after.reports, after.left_out) == (0, 1, 1, 0)


def test_report_without_a_time_is_of_no_period() -> None:
    timeless = report((("date-range",), {}))
    assert folded(timeless).rows[0].first == ""
    result = folded(timeless, since=START)
    assert result.reports == 0
    (words,) = result.unread
    assert words.name == "a report without a time: it may be of another period"


def test_times_are_of_the_zone() -> None:
    east = ReportFolding(timezone(timedelta(hours=1)))
    east.add(report())
    assert east.result().rows[0].first == "2026-03-01T01:00:00+01:00"


@pytest.mark.threat("tls-report-bomb")
def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "MAX_ROWS", 4)
    monkeypatch.setattr(folding, "MAX_REPORTS", 3)
    monkeypatch.setattr(folding, "MAX_WORDINGS", 2)
    result = folded(
        *(
            report(
                (("report-id",), str(number)),
                (("organization-name",), f"sender {number}"),
                (("policies", 0, "policy", "policy-type"), f"kind {number}"),
            )
            for number in range(5)
        )
    )
    assert (result.reports, result.failed) == (3, 12)
    assert [(row.organization, row.failure, row.sessions) for row in result.rows[4:]] == [
        (OTHERS, "", 2 * 96)
    ]
    assert sum(row.sessions for row in result.rows) == 3 * 100
    assert [(row.name, row.count) for row in result.unread] == [
        ("a report beyond the first 3: not counted", 2)
    ]
    assert (result.oddities[-1].name, result.oddities[-1].count) == (OTHERS, 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2", "3"]),
            st.integers(0, 50),
            st.integers(0, 50),
            st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 60)), max_size=4),
        ),
        max_size=8,
    )
)
def test_no_figure_counts_more_sessions_than_were_reported(
    said: list[tuple[str, int, int, list[tuple[str, int]]]],
) -> None:
    reports = [
        report(
            (("report-id",), number),
            (SUMMARY, {"total-successful-session-count": well, FAILED: failed}),
            (
                DETAILS,
                [{"result-type": kind, "failed-session-count": count} for kind, count in details],
            ),
        )
        for number, well, failed, details in said
    ]
    result = folded(*reports)
    counted = {one.id: one for one in reversed(reports)}.values()  # the first of each id
    assert result.reports + result.duplicates == len(reports)
    assert result.reports == len(counted)
    assert result.failed == sum(one.policies[0].failed for one in counted)
    assert result.successful == sum(one.policies[0].successful for one in counted)
    for row in result.rows:
        assert row.sessions <= (result.failed if row.failure else result.successful)


@pytest.mark.row("T3")
@pytest.mark.parametrize(
    ("header", "server", "results"),
    [
        ("mx.example; none", "mx.example", []),
        (
            'mx.example 1; dkim=pass (2048-bit; (key) \\) x) header.d=a.example header.b="x;y"',
            "mx.example",
            [("dkim", "pass", {"header.d": "a.example", "header.b": "x;y"})],
        ),
        (
            'mx.example; spf=fail reason="header.d=evil" smtp.mailfrom=x; DKIM/1 = Pass',
            "mx.example",
            [
                ("spf", "fail", {"reason": "header.d=evil", "smtp.mailfrom": "x"}),
                ("dkim", "pass", {}),
            ],
        ),
        ("mx.example; dkim=fail reason=header.d=evil.example", "mx.example", None),
        ("(comment) mx.example", "mx.example", []),
        ("", "", []),
        ("; dkim=pass", "", [("dkim", "pass", {})]),
        ('mx.example; dkim="pass', "mx.example", None),
        ("mx.example; (dkim=pass header.d=evil.example", "mx.example", []),
    ],
)
def test_authentication_results_are_read(
    header: str, server: str, results: list[tuple[str, str, dict[str, str]]] | None
) -> None:
    name, found = authentication_results(header)
    assert name == server
    if results is not None:
        assert [tuple(result) for result in found] == results
    else:
        assert not [one for one in found if one.properties.get("header.d")]
