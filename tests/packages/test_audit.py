"""pip-audit, and a service of its kind on this host: `make audit` says what that knows."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from releasing.audit import audit, groups, verdict
from releasing.pins import read_pins
from releasing.tools import ToolError

PINS = read_pins(
    "".join(
        f"{pin} \\\n    --hash=sha256:{'0' * 64}\n"
        for pin in (
            "h11==0.14.0",
            "numpy==2.4.6 ; python_full_version < '3.12'",
            "numpy==2.5.5 ; python_full_version >= '3.12'",
        )
    )
)


def vulnerability(package: str, fixed: str) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    return {
        "id": "GHSA-vqfr-h8mv-ghfj",
        "aliases": ["CVE-2025-43859"],
        "summary": "It takes malformed chunks.",
        "affected": [
            {
                "package": {"name": package, "ecosystem": "PyPI"},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }


class Osv(BaseHTTPRequestHandler):
    """The part of the OSV API that pip-audit uses."""

    known: ClassVar[dict[str, dict[str, Any]]] = {}
    asked: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, version = query["package"]["name"], query["version"]
        self.asked.append((name, version))
        answer = {"vulns": [self.known[name]]} if name in self.known else {}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[list[str]]:
    """Yield the options that have pip-audit ask a service on this host."""
    Osv.known, Osv.asked = {}, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield [
            "--vulnerability-service",
            "osv",
            "--osv-url",
            f"http://127.0.0.1:{server.server_port}",
        ]
        server.shutdown()


def test_every_pin_is_looked_up_also_those_of_other_pythons(service: list[str]) -> None:
    found = audit(PINS, service)
    assert verdict(found) == ""
    assert found.looked_up == 3
    assert sorted(Osv.asked) == [("h11", "0.14.0"), ("numpy", "2.4.6"), ("numpy", "2.5.5")]
    assert [len(group) for group in groups(PINS)] == [2, 1]


def test_what_is_known_is_told_with_what_mends_it(service: list[str]) -> None:
    Osv.known = {"h11": vulnerability("h11", "0.16.0")}
    found = verdict(audit(PINS, service))
    assert "h11 0.14.0: " in found
    assert "CVE-2025-43859" in found
    assert "mended in 0.16.0" in found
    assert "make constraints ARGS=" in found


def test_a_service_that_is_not_there_is_no_good_news() -> None:
    with pytest.raises(ToolError, match="nothing is known of the pins"):
        audit(PINS, ["--vulnerability-service", "osv", "--osv-url", "http://127.0.0.1:1"])
