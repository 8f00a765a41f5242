"""Reports are read as a person would read them, and what is odd about them is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.tlsrpt import (
    MAX_REPORT_BYTES,
    ReportHints,
    TlsReport,
    domain_in_file_name,
    domain_in_subject,
    read_reports,
    submitter_in_file_name,
    submitter_in_subject,
)
from mtasts_resolver.tlsrpt.limits import MAX_FAILURES, MAX_NESTING, MAX_POLICIES, MAX_VALUES

from .made import FAILURE, POLICY, REPORT, START, changed, text

pytestmark = pytest.mark.row("T1")

SUMMARY = ("policies", 0, "summary")
POLICY_AT = ("policies", 0, "policy")
DETAIL = ("policies", 0, "failure-details", 0)
FAILED = "total-failure-session-count"


def only(data: bytes | dict[str, Any], hints: ReportHints | None = None) -> TlsReport:
    data = data if isinstance(data, bytes) else text(data)
    read = read_reports(data, hints or ReportHints())
    assert read.unread == ()
    (report,) = read.reports
    return report


def test_report_as_the_rfc_has_it_is_read_and_nothing_is_odd() -> None:
    report = only(REPORT)
    assert report.oddities == ()
    assert (report.organization, report.id) == ("Sender Ltd.", "2026-03-01-1@sender.example")
    assert (report.start, report.end) == (START, START + 86_399)
    assert report.domain == "our.example"
    (policy,) = report.policies
    assert (policy.type, policy.domain, policy.mode) == ("sts", "our.example", "enforce")
    assert policy.mx_patterns == ("*.our.example",)
    assert (policy.successful, policy.failed) == (96, 4)
    (failure,) = policy.failures
    assert (failure.result_type, failure.mx) == ("certificate-expired", "mx1.our.example")
    assert (failure.sessions, failure.sending_ip, failure.receiving_ip, failure.reason) == (
        *(4, "192.0.2.9", "198.51.100.9", ""),
    )


ODD = [
    ((("contact-info",), []), "contact-info is no text, and not read"),
    ((("organization-name",), None), "organization-name is missing"),
    ((("report-id",), 17), "report-id is a number, not a text"),
    ((("date-range", "start-datetime"), "2026-03-01"), "start-datetime is a date without a time"),
    (
        (("date-range", "start-datetime"), "2026-03-01T00:00:00"),
        "start-datetime has no zone, and is taken for UTC",
    ),
    (
        (("date-range", "start-datetime"), "2026-03-01 00:00:00+0000"),
        "start-datetime is not written as in RFC 3339",
    ),
    ((("date-range", "start-datetime"), START), "start-datetime is a number, not a time"),
    ((("date-range", "start-datetime"), START * 1000), "start-datetime is a number, not a time"),
    ((("date-range", "start-datetime"), str(int(START))), "start-datetime is a number, not a time"),
    (((*POLICY_AT, "mx-host"), "*.our.example"), "mx-host is a text, not a list"),
    (((*POLICY_AT, "mx-host"), ["mx: *.our.example"]), "mx-host begins with 'mx:'"),
    (((*POLICY_AT, "policy-type"), "STS"), "policy-type sts is written 'STS'"),
    (((*POLICY_AT, "policy-domain"), None), "policy-domain is missing; taken from the file's name"),
    (((*POLICY_AT, "policy-domain"), "no domain"), "policy-domain is no domain: 'no domain';"),
    (
        ((*POLICY_AT, "policy-string"), "version: STSv1\nmode: enforce\n"),
        "policy-string is a text, not a list",
    ),
    (
        ((*POLICY_AT, "policy-string"), ['["mode: enforce"]']),
        "policy-string is a list within a text",
    ),
    (((*SUMMARY, FAILED), "4"), f"{FAILED} is a text, not a number"),
    (((*SUMMARY, FAILED), 4.0), f"{FAILED} is not written as a whole number"),
    (((*SUMMARY, FAILED), None), f"{FAILED} is missing"),
    (((*SUMMARY, FAILED), -4), f"{FAILED} is negative, and not counted"),
    (((*SUMMARY, FAILED), 10**30), f"{FAILED} is absurd, and not counted: more than"),
    (((*SUMMARY, FAILED), 1e300), f"{FAILED} is absurd, and not counted: more than"),
    (((*SUMMARY, FAILED), [4]), f"{FAILED} is no number, and not counted: '[4]'"),
    (((*SUMMARY, FAILED), True), f"{FAILED} is no number, and not counted: 'True'"),
    (((*DETAIL, "failed-session-count"), "4"), "failed-session-count is a text, not a number"),
    (
        ((*DETAIL, "result-type"), "certificate_expired"),
        "result-type certificate-expired is written 'certificate_expired'",
    ),
    (((*DETAIL, "receiving-ip"), {"v4": "x"}), "receiving-ip is no text, and not read"),
    ((("policies", 0, "failure-details"), FAILURE), "failure-details is an object, not a list"),
    ((("policies",), POLICY), "policies is an object, not a list"),
]


@pytest.mark.parametrize(("change", "oddity"), ODD, ids=[oddity for _, oddity in ODD])
def test_what_is_odd_and_clear_is_read_and_named(change: Any, oddity: str) -> None:
    """It says what the report says that is as it should be."""
    hints = ReportHints("our.example", "the file's name", "sender.example")
    report = only(changed(change), hints)
    assert [words for words in report.oddities if words.startswith(oddity)]
    assert (report.start, report.end) == (START, START + 86_399)
    (policy,) = report.policies
    assert (policy.type, policy.domain, policy.mode) == ("sts", "our.example", "enforce")
    assert (policy.successful, policy.failed) == (96, 4)
    assert [(failure.result_type, failure.sessions) for failure in policy.failures] == [
        ("certificate-expired", 4)
    ]


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("organization-name", "organizationName"),
        ("date-range", "date_range"),
        ("start-datetime", "startdatetime"),
        ("report-id", "Report-ID"),
        ("policies", "Policies"),
        ("policy-type", "policyType"),
        ("total-failure-session-count", "total_failure_session_count"),
        ("failure-details", "failure_details"),
        ("receiving-mx-hostname", "receiving-mx-host-name"),
        ("failed-session-count", "failedSessionCount"),
    ],
)
def test_members_may_be_spelled_otherwise(name: str, spelling: str) -> None:
    report = only(text(REPORT).replace(f'"{name}"'.encode(), f'"{spelling}"'.encode()))
    assert report.oddities == (f"{name} is called '{spelling}'",)
    assert report.policies == only(REPORT).policies
    assert (report.start, report.id) == (START, REPORT["report-id"])


def test_form_without_objects_within_each_other_is_read() -> None:
    """Programs that read reports write them so."""
    flat = {
        "organization_name": "Sender Ltd.",
        "begin_date": "2026-03-01T00:00:00Z",
        "end_date": "2026-03-01T23:59:59Z",
        "contact_info": "tls@sender.example",
        "report_id": "1",
        "policies": [
            {
                "policy_domain": "our.example",
                "policy_type": "sts",
                "policy_strings": ["mode: testing"],
                "mx_host_patterns": ["mx1.our.example"],
                "successful_session_count": 96,
                "failed_session_count": 4,
                "failure_details": [
                    {"result_type": "certificate-expired", "failed_session_count": 4}
                ],
            }
        ],
    }
    report = only(flat)
    (policy,) = report.policies
    assert (policy.mode, policy.successful, policy.failed) == ("testing", 96, 4)
    assert (report.start, policy.failures[0].sessions) == (START, 4)


def test_null_is_named_as_such() -> None:
    report = only(text(REPORT).replace(b'"tls@sender.example"', b"null"))
    assert report.oddities == ("contact-info is null",)


def test_end_before_start_is_turned_round() -> None:
    swapped = changed((("date-range", "end-datetime"), "2026-02-28T23:50:00Z"))
    report = only(swapped)
    assert report.oddities == ("end-datetime is before start-datetime",)
    assert (report.start, report.end) == (START - 600, START)


@pytest.mark.parametrize(
    "time",
    ["yesterday", "2026-02-30T00:00:00Z", "2026-13-01", "1970-01-01T00:00:00Z", "9e99", -1, {}],
)
def test_what_is_no_time_is_not_made_one(time: object) -> None:
    report = only(changed((("date-range", "start-datetime"), time)))
    assert any(words.startswith("start-datetime is no time: ") for words in report.oddities)
    assert (report.start, report.end) == (START + 86_399, START + 86_399)


def test_date_alone_at_the_end_is_all_of_that_day() -> None:
    report = only(changed((("date-range", "end-datetime"), "2026-03-01")))
    assert report.end == START + 86_399


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("2026-03-01T01:00:00+01:00", 0),
        ("2026-02-28T19:00:00.25-05:00", 0),
        ("2026-02-28T24:00:00Z", 0),
        ("2026-02-28T23:59:60Z", 0),
    ],
)
def test_times_are_reckoned_with_their_zone(time: str, seconds: float) -> None:
    report = only(changed((("date-range", "start-datetime"), time)))
    assert report.start == START + seconds


def test_details_are_counted_where_the_summary_has_none() -> None:
    report = only(changed(((*SUMMARY, FAILED), 0)))
    assert report.policies[0].failed == 4
    assert report.oddities == (
        "failure-details counts sessions, and the summary none: they are counted",
    )


@pytest.mark.parametrize(
    ("details", "summary", "oddity"),
    [
        ([4], 5, "failure-details counts fewer sessions than the summary"),
        ([4], 3, "one of failure-details counts more sessions than the summary"),
        ([2, 2], 3, "failure-details adds up to more sessions than the summary"),
        ([], 3, "sessions failed, and failure-details does not say how"),
    ],
)
def test_summary_is_counted_where_the_details_say_something_else(
    details: list[int], summary: int, oddity: str
) -> None:
    report = only(
        changed(
            ((*SUMMARY, FAILED), summary),
            (DETAIL[:-1], [{**FAILURE, "failed-session-count": count} for count in details]),
        )
    )
    assert report.oddities == (oddity,)
    assert report.policies[0].failed == summary


@pytest.mark.threat("tls-report-bomb")
@pytest.mark.parametrize("number", ["1e999", "-1E+999", "1" * 5000, "-" + "1" * 5000, "1.5e400"])
def test_number_that_no_computer_has_costs_no_more_than_itself(number: str) -> None:
    report = only(text(REPORT).replace(b'session-count": 96', f'session-count": {number}'.encode()))
    assert "a number is boundless" in report.oddities
    assert (report.policies[0].successful, report.policies[0].failed) == (0, 4)


@pytest.mark.parametrize("mode", ["unknown-type", "x" * 5000, "\u202e\x1b[31m"])
def test_unknown_kinds_are_kept_and_named(mode: str) -> None:
    report = only(changed(((*POLICY_AT, "policy-type"), mode), ((*DETAIL, "result-type"), mode)))
    assert report.policies[0].type == mode[:300]
    assert report.policies[0].failures[0].result_type == mode[:300]
    for name in ("policy-type is none of", "result-type is none of"):
        (words,) = [words for words in report.oddities if words.startswith(name)]
        assert words.isprintable()
        assert words.isascii()
        assert len(words) < 200


@pytest.mark.parametrize(
    ("report_id", "domain"),
    [
        ("2026-03-01T00:00:00Z_our.example", "our.example"),
        ("133988091029006454+our.example", "our.example"),
        ("2026-03-01T00:00:00Z_idx1_our.example", "our.example"),
        ("1768089600_5665667737528564296", ""),
        ("c96d67df-0440@mail.sender.example", ""),
        ("133988091029006454+", ""),
    ],
)
def test_domain_may_be_in_the_id(report_id: str, domain: str) -> None:
    report = only(changed(((*POLICY_AT, "policy-domain"), None), (("report-id",), report_id)))
    assert (report.domain, report.policies[0].domain) == (domain, domain)
    taken = "; taken from report-id" if domain else ""
    assert report.oddities == (f"policy-domain is missing{taken}",)


def test_domain_of_a_policy_for_dane_is_not_what_the_report_is_about() -> None:
    policies = [
        {**POLICY, "policy": {"policy-type": "tlsa", "policy-domain": "mx1.host.example"}},
        {**POLICY, "policy": {"policy-type": "no-policy-found", "policy-domain": "our.example"}},
    ]
    assert only(changed((("policies",), policies))).domain == "our.example"
    assert only(changed((("policies",), policies[:1]))).domain == "mx1.host.example"
    hints = ReportHints("our.example", "the mail")
    assert only(changed((("policies",), policies[:1])), hints).domain == "our.example"


def test_domain_in_another_alphabet_is_its_a_label() -> None:
    report = only(changed(((*POLICY_AT, "policy-domain"), "B\u00fccher.example.")))
    assert report.domain == "xn--bcher-kva.example"
    assert report.oddities == ("policy-domain is no A-label",)


@pytest.mark.parametrize(
    ("name", "domain", "sender"),
    [
        ("sender.example!our.example!1!2!001.json.gz", "our.example", "sender.example"),
        ("/var/x/sender.example!our.example!1!2.json", "our.example", "sender.example"),
        ("sender.example!our.example!1522281600!1522367999", "our.example", "sender.example"),
        ("report.json.gz", "", ""),
        ("a!b!c!d", "", ""),
        ("!!1!2!", "", ""),
    ],
)
@pytest.mark.row("T2")
def test_name_of_a_file_tells_domain_and_sender(name: str, domain: str, sender: str) -> None:
    assert (domain_in_file_name(name), submitter_in_file_name(name)) == (domain, sender)


@pytest.mark.parametrize(
    ("subject", "domain", "sender"),
    [
        (
            "Report Domain: our.example Submitter: sender.example Report-ID: <735ff.x@y>",
            *("our.example", "sender.example"),
        ),
        (
            "Report Domain: our.example\r\n Submitter: sender.example",
            *("our.example", "sender.example"),
        ),
        ("Report Domain: Submitter: sender.example Report-ID:", "", ""),
        ("Your invoice", "", ""),
    ],
)
@pytest.mark.row("T2")
def test_subject_tells_domain_and_sender(subject: str, domain: str, sender: str) -> None:
    assert (domain_in_subject(subject), submitter_in_subject(subject)) == (domain, sender)


def twice(one: dict[str, Any], other: dict[str, Any]) -> list[bytes]:
    pair = [text(one), text(other)]
    return [
        b"[" + b",".join(pair) + b"]",
        b"\n".join(pair) + b"\n",
        b"\r\n\r\n".join(pair),
        b"".join(pair),
        b"\x1e" + b"\n\x1e".join(pair),
        b"\n".join(json.dumps(report, indent=2).encode() for report in (one, other)),
    ]


@pytest.mark.parametrize("number", range(6))
def test_several_in_one_text_are_read(number: int) -> None:
    other = changed((("report-id",), "2"))
    read = read_reports(twice(REPORT, other)[number])
    assert read.unread == ()
    assert [report.id for report in read.reports] == [REPORT["report-id"], "2"]


def test_line_that_is_cut_takes_no_other_along() -> None:
    lines = [text(REPORT), text(REPORT)[:200], text(changed((("report-id",), "3"))), b"{]"]
    read = read_reports(b"\n".join(lines))
    assert [report.id for report in read.reports] == [REPORT["report-id"], "3"]
    assert len(read.unread) == 2
    assert read.unread[0] == "it is cut off: the JSON does not end"


@pytest.mark.parametrize(
    ("encode", "oddity"),
    [
        (lambda text: b"\xef\xbb\xbf" + text.encode(), "begins with a byte order mark of UTF-8"),
        (lambda text: text.encode("utf-16"), "begins with a byte order mark of UTF-16"),
        (lambda text: text.encode("utf-32"), "begins with a byte order mark of UTF-32"),
        (lambda text: text.encode("utf-16-be"), "is UTF-16"),
        (lambda text: text.encode("utf-16-le"), "is UTF-16"),
        (lambda text: text.replace("Ltd.", "Ltd.\u00fc").encode("latin-1"), "is no UTF-8"),
    ],
)
def test_other_encodings_are_read(encode: Any, oddity: str) -> None:
    report = only(encode(json.dumps(REPORT)))
    assert report.oddities == (f"the text {oddity}",)
    assert report.policies == only(REPORT).policies


def test_commas_that_are_left_are_read_over() -> None:
    odd = text(REPORT).replace(b"}]", b"} ,\n]").replace(b"Sender Ltd.", b"Sender,] Ltd.")
    report = only(odd)
    assert report.oddities == ("a comma stands before a closing bracket",)
    assert report.organization == "Sender,] Ltd."
    assert report.policies == only(REPORT).policies


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "there is nothing in it"),
        (b" \n\0", "there is nothing in it"),
        (b"[]", "there is nothing in it"),
        (b"<feedback>", "it is no JSON object: '<feedback>'"),
        (b"null", "it is no JSON object: 'null'"),
        (b"{'a': 1}", "it is no JSON: JSON is malformed"),
        (b"[1]", "it is no JSON object: '1'"),
        (b'{"a": [1, 2', "it is cut off: the JSON does not end"),
        (b'{"a": "', "it is cut off: the JSON does not end"),
        (b'{"a": 1}', "it is no TLS report: it has no policies"),
        (b"[" * 1_000_000, f"it is nested more than {MAX_NESTING} deep"),
        (b"[" + b"[]," * MAX_VALUES, f"it has more than {MAX_VALUES:,} values"),
        (b'"' + b'\\"' * 1_000_000, "it is no JSON object: "),
        (b" " * (MAX_REPORT_BYTES + 1), "it is larger than 16 MiB"),
        (
            b'{"d":"next.example","pr":"v=TLSRPTv1;rua=x:y","policies":[{"policy-type":2}]}',
            "it is no report, but a datagram of libtlsrpt on a session to 'next.example'",
        ),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_not_clear_is_named(data: bytes, words: str) -> None:
    read = read_reports(data)
    assert read.reports == ()
    assert len(read.unread) == 1
    assert read.unread[0].startswith(words)
    assert read.unread[0].isprintable()


def test_no_report_is_larger_than_is_allowed() -> None:
    report = changed(
        (("policies",), [POLICY] * (MAX_POLICIES + 1)),
    )
    read = only(report)
    assert len(read.policies) == MAX_POLICIES
    assert any(words.startswith("policies has more than 1,000 items") for words in read.oddities)
    read = only(changed((DETAIL[:-1], [FAILURE] * (MAX_FAILURES + 1))))
    assert len(read.policies[0].failures) == MAX_FAILURES
    assert any(words.startswith("failure-details has more than") for words in read.oddities)


def test_many_oddities_are_bounded() -> None:
    policies = [
        {**POLICY, "policy": {"policy-type": f"kind-{number}", "policy-domain": "our.example"}}
        for number in range(100)
    ]
    assert len(only(changed((("policies",), policies))).oddities) == 50


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
PLACES: list[tuple[str | int, ...]] = [
    *((name,) for name in REPORT),
    *(("date-range", name) for name in ("start-datetime", "end-datetime")),
    *((*POLICY_AT, name) for name in ("policy-type", "policy-string", "policy-domain", "mx-host")),
    *((*SUMMARY, name) for name in ("total-successful-session-count", FAILED)),
    *((*DETAIL, name) for name in FAILURE),
    *((("policies", 0, name)) for name in POLICY),
]


@given(st.sampled_from(PLACES), JSON)
def test_whatever_stands_anywhere_is_read_or_named(
    place: tuple[str | int, ...], value: Any
) -> None:
    read = read_reports(text(changed((place, value))))
    assert len(read.reports) + len(read.unread) == 1
    for report in read.reports:
        for policy in report.policies:
            assert 0 <= policy.failed <= 10**10
            assert 0 <= policy.successful <= 10**10
        assert report.start is None or report.end is None or report.start <= report.end


@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_are_read_or_named(data: bytes) -> None:
    read = read_reports(data)
    assert read.reports or read.unread


@given(st.integers(0, 700), st.integers(0, 20), st.binary(max_size=4))
def test_reports_with_a_hole_are_read_or_named(start: int, length: int, filling: bytes) -> None:
    data = text(REPORT)
    read = read_reports(data[:start] + filling + data[start + length :])
    assert read.reports or read.unread
