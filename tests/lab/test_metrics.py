"""What a monitor is told of discoveries that were made in the internet of the lab."""

import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .lab import Lab

pytestmark = pytest.mark.lab

FETCH = "import sys, httpx; print(httpx.get(sys.argv[1]).raise_for_status().text)"
URL = "http://127.0.0.1:8463/"


def get(lab: Lab, path: str) -> str:
    """Return what the daemon serves, asked for in the lab's network."""
    return lab.namespace.run(sys.executable, "-c", FETCH, URL + path)


def discoveries(lab: Lab) -> dict[tuple[str, str], float]:
    """Return how many ended so, by what was to be found out and the outcome."""
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(get(lab, "metrics")):
        for sample in family.samples:
            if sample.name == "mtasts_resolver_discovery_duration_seconds_count":
                key = (sample.labels["what"], sample.labels["outcome"])
                found[key] = found.get(key, 0) + sample.value
    return found


def test_a_discovery_is_counted_as_what_it_came_to(steady_lab: Lab) -> None:
    daemon = steady_lab.daemon
    daemon.command("cache", "purge", "--yes", "enforced.example", "no-record.example")
    before = discoveries(steady_lab)
    for domain in ("enforced.example", "no-record.example"):
        daemon.command("query", domain)
    after = discoveries(steady_lab)
    grown = {key: after[key] - before.get(key, 0) for key in after}
    assert grown["policy", "found"] == 1
    assert grown["policy", "absent"] == 1
    assert get(steady_lab, "readyz").strip() == "ok"
