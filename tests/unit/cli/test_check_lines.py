"""What a program gets of a check: lines in a pipe, the line of a plug-in, and JSON."""

import json
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from mtasts_resolver.cli.checked.lines import check_plugin_line, plain_lines
from mtasts_resolver.cli.checked.results import (
    EXIT_CODES,
    CheckedDomain,
    CheckReport,
    checked,
    worst_verdict,
)
from mtasts_resolver.cli.checked.schema import check_schema
from mtasts_resolver.published.observed import SeenAddress, SeenFailure

from .observations import EXPIRES_SOON, NO_STARTTLS, SHORT_MAX_AGE, TITLES, found, mx_host, observed

SCHEMA = Path(__file__).parents[3] / "docs" / "check.schema.json"
GOOD = checked(observed("a.example"), ())
NOTED = checked(observed("n.example"), (found(SHORT_MAX_AGE),))
WARNED = checked(observed("w.example"), (found(EXPIRES_SOON), found(SHORT_MAX_AGE)))
BAD = checked(observed("e.example"), (found(NO_STARTTLS), found(EXPIRES_SOON)))
UNKNOWN = CheckedDomain(domain="u.example", verdict="unknown", reason="no name server answers")


def test_a_pipe_gets_lines_of_three_kinds_with_tabs() -> None:
    refused = SeenAddress(address="192.0.2.1", failure=SeenFailure("x", "a\treason\n"))
    seen = observed(mx_hosts=(mx_host("mx.good.example", 10, refused),))
    lines = [line.split("\t") for line in plain_lines(checked(seen, (found(NO_STARTTLS),)))]
    assert lines[0] == [
        *("verdict", "good.example", "error", "1", "0", "0", "enforce", "required", "58.5", "-")
    ]
    assert lines[1:-1] == [
        ["host", "good.example", *cells]
        for cells in (
            ("policy", "mta-sts.good.example", "-", "-", *["-"] * 6),
            ("policy", "mta-sts.good.example", "-", "192.0.2.80", *IN_ORDER),
            ("policy", "mta-sts.good.example", "-", "2001:db8::80", *IN_ORDER),
            ("mx", "mx.good.example", "10", *["-"] * 4, "in", "usable", "-"),
            ("mx", "mx.good.example", "10", "192.0.2.1", *["-"] * 5, "a\\treason\\n"),
        )
    ]
    assert lines[-1][:5] == [
        *("finding", "good.example", "error", "mx-host-without-starttls", "mx.good.example")
    ]
    assert len(lines[-1]) == 8


IN_ORDER = ("TLSv1.3", "valid", "58", "-", "-", "-")


def test_a_pipe_gets_the_reason_where_nothing_is_known() -> None:
    (line,) = plain_lines(UNKNOWN)
    assert line.split("\t") == [
        *("verdict", "u.example", "unknown", "0", "0", "0", "-", "-", "-", "no name server answers")
    ]


@pytest.mark.parametrize(
    ("domains", "code", "words"),
    [
        ([GOOD], 0, "OK - a.example: nothing to mend; mode enforce, 1 MX host, DANE required |"),
        ([NOTED], 0, "OK - n.example: 1 note; mode enforce"),
        (
            [WARNED],
            1,
            "WARNING - w.example: mx.good.example: a certificate expires soon (1 warning, 1 note)",
        ),
        (
            [BAD],
            2,
            "CRITICAL - e.example: mx.good.example: an MX host does not offer STARTTLS (1 error,",
        ),
        ([UNKNOWN], 3, "UNKNOWN - u.example: nothing can be found out: no name server answers |"),
        ([GOOD, NOTED], 0, "OK - 2 domains, nothing to mend |"),
        (
            [GOOD, WARNED, UNKNOWN],
            3,
            "UNKNOWN - 2 of 3 domains: u.example: nothing can be found out: no name server",
        ),
        ([WARNED, UNKNOWN, BAD], 2, "CRITICAL - 3 of 3 domains: e.example: mx.good.example: an MX"),
        ([BAD] * 7, 2, "CRITICAL - 7 of 7 domains: e.example"),
    ],
)
def test_a_monitor_is_told_the_worst_in_one_line(
    domains: list[CheckedDomain], code: int, words: str
) -> None:
    line = check_plugin_line(domains, TITLES)
    assert line.exit_code == code
    assert str(line).startswith(f"MTA-STS {words}")
    assert str(line).isprintable()


def test_performance_data_has_the_soonest_certificate_and_the_findings() -> None:
    soon = observed("s.example", mx_hosts=())
    assert check_plugin_line([BAD, WARNED, checked(soon, ()), UNKNOWN], TITLES).performance == (
        "days_left=58.5;;;0 errors=1;;;0 warnings=2;;;0 notes=1;;;0 unknown=1;;;0 domains=4;;;0"
    )
    assert check_plugin_line([UNKNOWN], TITLES).performance.startswith("errors=0;;;0 ")


def test_a_line_of_the_file_that_names_no_domain_is_unknown_to_a_monitor() -> None:
    line = check_plugin_line([GOOD], TITLES, ["f: line 3: 'x' is no domain", "f: line 4: no"])
    assert line.exit_code == 3
    assert line.words.startswith("f: line 3: 'x' is no domain; a.example: nothing to mend")
    assert check_plugin_line([BAD], TITLES, ["f: line 3"]).exit_code == 2


def test_what_is_unknown_is_worse_than_a_warning_and_an_error_is_worst() -> None:
    assert worst_verdict([]) == "ok"
    assert worst_verdict([NOTED, GOOD]) == "note"
    assert worst_verdict([WARNED, UNKNOWN, GOOD]) == "unknown"
    assert worst_verdict([UNKNOWN, BAD]) == "error"
    codes = [EXIT_CODES[one.verdict] for one in (GOOD, NOTED, WARNED, BAD, UNKNOWN)]
    assert codes == [0, 0, 1, 2, 75]


def test_the_schema_is_that_of_the_page() -> None:
    assert SCHEMA.read_bytes() == check_schema(), "run: make docs"


def test_json_is_what_the_schema_says() -> None:
    schema = jsonschema_rs.validator_for(json.loads(SCHEMA.read_bytes()))
    whole = CheckReport(verdict="error", exit_code=2, domains=(GOOD, BAD, UNKNOWN))
    document = json.loads(msgspec.json.encode(whole))
    schema.validate(document)
    assert document["domains"][0]["observed"]["policy_host"]["addresses"][0]["status"] == 200
    assert document["domains"][1]["findings"][0]["code"] == "mx-host-without-starttls"
    assert not schema.is_valid({**document, "verdict": "fine"})
    assert not schema.is_valid({key: document[key] for key in document if key != "domains"})
