"""Reports as the tests need them."""

import copy
import json
from typing import Any

FAILURE = {
    "result-type": "certificate-expired",
    "sending-mta-ip": "192.0.2.9",
    "receiving-mx-hostname": "mx1.our.example",
    "receiving-ip": "198.51.100.9",
    "failed-session-count": 4,
}
POLICY = {
    "policy": {
        "policy-type": "sts",
        "policy-string": ["version: STSv1", "mode: enforce", "mx: *.our.example", "max_age: 86400"],
        "policy-domain": "our.example",
        "mx-host": ["*.our.example"],
    },
    "summary": {"total-successful-session-count": 96, "total-failure-session-count": 4},
    "failure-details": [FAILURE],
}
REPORT = {
    "organization-name": "Sender Ltd.",
    "date-range": {
        "start-datetime": "2026-03-01T00:00:00Z",
        "end-datetime": "2026-03-01T23:59:59Z",
    },
    "contact-info": "tls@sender.example",
    "report-id": "2026-03-01-1@sender.example",
    "policies": [POLICY],
}
"""As RFC 8460 §4.4 has it."""

START = 1_772_323_200.0
"""When it begins."""


def changed(*changes: tuple[tuple[str | int, ...], object]) -> dict[str, Any]:
    """Return the report with something else at each path; None takes it away."""
    report = copy.deepcopy(REPORT)
    for path, value in changes:
        within: Any = report
        for step in path[:-1]:
            within = within[step]
        if value is None:
            del within[path[-1]]
        else:
            within[path[-1]] = value
    return report


def text(value: object) -> bytes:
    return json.dumps(value).encode()
