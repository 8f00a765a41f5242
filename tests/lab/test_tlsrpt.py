"""What a domain reads in its TLS reports: Postfix, libtlsrpt, collectd, reportd, and a mail."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mtasts_resolver.evidence.tlsreports import ReportFolding, ReportPlace, read_tls_reports

from .conftest import printing_logs
from .danehosts import TLSA_RIGHT, TLSA_WRONG
from .internet import EXPIRED, GOOD, NO_STARTTLS, SELF_SIGNED, UNTRUSTED, WRONG_NAME
from .lab import Lab
from .published import MailHost
from .tlsrpt import Reporter, named, policy_lines

pytestmark = [pytest.mark.lab, pytest.mark.row("A2")]

Reports = dict[str, dict[str, Any]]

TO = (
    "enforced.example",
    "enforced.example",
    "b\u00fccher.example",
    "extended.example",
    "second-good.example",
    "expired.example",
    "wrong-name.example",
    "self-signed.example",
    "untrusted.example",
    "no-starttls.example",
    "outside.example",
    "impostor.example",
    "testing.example",
    "testing-bad.example",
    "no-record.example",
    "tlsa-right-enforced.example",
    "tlsa-wrong-enforced.example",
    "tlsa-unusable-enforced.example",
)


@pytest.fixture(scope="module")
def reporter(modern: Lab, tmp_path_factory: pytest.TempPathFactory) -> Reporter:
    directory = tmp_path_factory.mktemp("tlsrpt")
    return Reporter(modern.namespace, directory, modern.postfix.tlsrpt_socket)


@pytest.fixture(scope="module")
def reports(modern: Lab, emptied_lab: Lab, reporter: Reporter) -> Reports:
    """Send one mail to each domain, and return the reports for them."""
    emptied_lab.daemon.start()
    with printing_logs(modern):
        try:
            mark = modern.postfix.log.mark()
            for domain in TO:
                modern.postfix.send(domain)
            return reporter.reports(modern.postfix.log.since(mark))
        finally:
            reporter.close()


def only_policy(reports: Reports, domain: str) -> dict[str, Any]:
    (policy,) = reports[domain]["policies"]
    found: dict[str, Any] = policy
    return found


def check_enforced(reports: Reports, domain: str, successes: int, failures: int) -> dict[str, Any]:
    """Expect the policy as it is published, and return what is said of it."""
    about = only_policy(reports, domain)
    published = named(domain)
    assert about["policy"] == {
        "policy-type": "sts",
        "policy-domain": domain,
        "policy-string": policy_lines(published),
        "mx-host": [
            line.removeprefix("mx: ") for line in policy_lines(published) if line.startswith("mx: ")
        ],
    }
    assert about["summary"] == {
        "total-successful-session-count": successes,
        "total-failure-session-count": failures,
    }
    return about


def test_success_is_counted(reports: Reports) -> None:
    assert check_enforced(reports, "enforced.example", 2, 0)["failure-details"] == []


def test_idn_is_reported_by_its_a_label(reports: Reports) -> None:
    check_enforced(reports, "xn--bcher-kva.example", 1, 0)


@pytest.mark.row("P8")
def test_policy_is_reported_as_served_save_what_postfix_cannot_carry(reports: Reports) -> None:
    about = check_enforced(reports, "extended.example", 1, 0)
    assert about["policy"]["policy-string"] == [
        "version: STSv1",
        "mode: enforce",
        f"mx: {GOOD.name}",
        "max_age: 604800",
        'quoted: a="b, c"; \\d = e',
        "spaced:  two  spaces, and one behind",
        "attribute: policy_failure=validation-failure",
    ]


@pytest.mark.parametrize(
    ("domain", "host", "kind", "reason"),
    [
        ("expired", EXPIRED, "certificate-expired", None),
        ("wrong-name", WRONG_NAME, "certificate-host-mismatch", None),
        ("self-signed", SELF_SIGNED, "validation-failure", "self-signed_certificate"),
        (
            "untrusted",
            UNTRUSTED,
            "validation-failure",
            "unable_to_get_local_issuer_certificate",
        ),
        ("no-starttls", NO_STARTTLS, "starttls-not-supported", None),
    ],
)
def test_each_failure_is_of_its_kind(
    reports: Reports, domain: str, host: MailHost, kind: str, reason: str | None
) -> None:
    (failure,) = check_enforced(reports, f"{domain}.example", 0, 1)["failure-details"]
    assert failure["result-type"] == kind
    assert failure["receiving-mx-hostname"] == host.name
    assert failure["failed-session-count"] == 1
    assert failure.get("failure-reason-code") == reason


def test_failure_and_success_of_one_mail(reports: Reports) -> None:
    (failure,) = check_enforced(reports, "second-good.example", 1, 1)["failure-details"]
    assert failure["result-type"] == "certificate-host-mismatch"
    assert failure["receiving-mx-hostname"] == WRONG_NAME.name


def test_unusable_tlsa_records_leave_the_policy_to_be_reported(reports: Reports) -> None:
    (failure,) = check_enforced(reports, "tlsa-unusable-enforced.example", 0, 1)["failure-details"]
    assert failure["result-type"] == "certificate-host-mismatch"


@pytest.mark.parametrize("domain", ["outside.example", "impostor.example"])
def test_mx_host_outside_the_policy_is_not_reported(reports: Reports, domain: str) -> None:
    """Postfix does not connect to it, and reports on connections alone."""
    assert domain not in reports


@pytest.mark.parametrize("domain", ["testing.example", "testing-bad.example", "no-record.example"])
def test_what_is_not_enforced_is_no_policy(reports: Reports, domain: str) -> None:
    """A success of a policy that Postfix did not check would be a false report."""
    about = only_policy(reports, domain)
    assert about["policy"] == {"policy-type": "no-policy-found", "policy-domain": domain}
    assert about["summary"]["total-successful-session-count"] == 1


@pytest.mark.row("D1")
@pytest.mark.parametrize(
    ("domain", "host", "kinds"),
    [
        ("tlsa-right-enforced", TLSA_RIGHT, []),
        ("tlsa-wrong-enforced", TLSA_WRONG, ["certificate-not-trusted"]),
    ],
)
def test_dane_is_reported_where_it_decides(
    reports: Reports, domain: str, host: MailHost, kinds: list[str]
) -> None:
    about = only_policy(reports, f"{domain}.example")
    assert about["policy"]["policy-type"] == "tlsa"
    assert about["policy"]["policy-domain"] == host.name
    assert [failure["result-type"] for failure in about["failure-details"]] == kinds


def test_report_is_about_the_day_before(reports: Reports) -> None:
    start = reports["enforced.example"]["date-range"]["start-datetime"]
    today = datetime.now(UTC).date()
    assert datetime.fromisoformat(start).date() < today


@pytest.mark.row("T1")
@pytest.mark.row("T2")
def test_what_is_mailed_is_read_as_it_was_reported(reports: Reports, reporter: Reporter) -> None:
    """`report tlsrpt` has the same figures, whole mails of a program that it does not know."""
    folding = ReportFolding(UTC)
    read_tls_reports([ReportPlace(reporter.mails), ReportPlace(reporter.mails)], folding)
    result = folding.result()
    assert result.unread == ()
    assert (result.reports, result.duplicates) == (len(reports), len(reports))
    policies = [policy for report in reports.values() for policy in report["policies"]]
    summaries = [policy["summary"] for policy in policies]
    assert result.successful == sum(one["total-successful-session-count"] for one in summaries)
    assert result.failed == sum(one["total-failure-session-count"] for one in summaries)
    assert result.failed > 0
    failures = {(row.domain, row.failure, row.mx) for row in result.rows if row.failure}
    assert ("expired.example", "certificate-expired", EXPIRED.name) in failures
    assert ("tlsa-wrong-enforced.example", "certificate-not-trusted", TLSA_WRONG.name) in failures
    assert {row.name for row in result.oddities} <= {
        "its mail has no DKIM-Signature",
        "policy-domain is missing; taken from its mail",
    }
