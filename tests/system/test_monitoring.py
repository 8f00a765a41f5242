"""What a monitor sees of a running daemon: metrics, health, and the log of answers."""

import re
import signal
import time
from collections.abc import Callable

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mtasts_resolver.postfix.reply import Status
from tests.system.running import ENFORCED, PATIENCE, RunningDaemon


def start(daemon: RunningDaemon, **settings: object) -> str:
    """Start the daemon; return where it serves HTTP."""
    daemon.configure(http={"address": "127.0.0.1:0"}, **settings)
    daemon.start()
    found = re.search(r"protocol=http address=(\S+)", daemon.log)
    assert found
    return f"http://{found[1]}"


def scrape(web: str) -> dict[tuple[str, ...], float]:
    answer = httpx.get(f"{web}/metrics").raise_for_status()
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_look_ups_are_counted_whichever_way_they_are_answered(daemon: RunningDaemon) -> None:
    await daemon.store({"good.example": ENFORCED})
    web = start(daemon)
    until(lambda: "event=policies-loaded" in daemon.log)
    for _ in range(3):
        daemon.ask("good.example")
    daemon.ask("good.example", "nobody-configured-it")
    assert daemon.ask("new.example").status is Status.NOTFOUND  # DNS is out of reach
    found = scrape(web)
    lookups = {key[1:]: value for key, value in found.items() if key[0].endswith("_lookups_total")}
    assert lookups.pop(("temp", "default"), 0) == daemon.too_busy
    assert lookups == {
        ("secure", "default"): 3,
        ("notfound", "default"): 1,
        ("secure", "(unknown)"): 1,
    }
    hits = [found["mtasts_resolver_lookup_hits_total", place] for place in ("ready", "memory")]
    assert sum(hits) == 4
    assert found["mtasts_resolver_lookup_waits_total",] == 1 + daemon.too_busy
    assert found["mtasts_resolver_policies", "enforce"] == 1
    assert found["mtasts_resolver_ready", "discoverer"] == 1
    assert found["process_resident_memory_bytes",] > 1e6
    failed = [key for key in found if key[0] == "mtasts_resolver_discovery_failures_total"]
    assert {(cause, what) for _, cause, _, what in failed} == {("lookup", "policy")}


def test_a_daemon_is_ready_when_all_its_parts_are(daemon: RunningDaemon) -> None:
    answer = httpx.get(f"{start(daemon)}/readyz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_a_daemon_that_is_not_ready_says_why(daemon: RunningDaemon) -> None:
    web = start(daemon, dns={"servers": ["127.0.0.1:1"], "timeout": "1s"})  # nobody is there
    until(lambda: httpx.get(f"{web}/readyz").status_code == 503)
    answer = httpx.get(f"{web}/readyz")
    assert answer.text.startswith("dns: no name server has answered yet")
    assert httpx.get(f"{web}/healthz").status_code == 200


def test_nothing_is_to_be_changed_over_http(daemon: RunningDaemon) -> None:
    web = start(daemon)
    for path in ("/metrics", "/readyz", "/healthz"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert httpx.request(method, f"{web}{path}").status_code == 405


@pytest.mark.parametrize("style", ["text", "json"])
async def test_a_reload_has_each_answer_logged_and_no_longer(
    daemon: RunningDaemon, style: str
) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.start()
    daemon.ask("good.example")
    set_answers(daemon, style, "all")
    for _ in range(2):
        daemon.ask("good.example")
    daemon.ask("new.example")
    until(lambda: len(answers(daemon)) == 3)
    set_answers(daemon, style, "none")
    daemon.ask("good.example")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    hot, again, cold = answers(daemon)
    for line in (hot, again):
        for pair in ("key=good.example", "map=default", "answer=secure", "cached=true"):
            assert pair in line or json_pair(pair) in line
    assert "new.example" in cold
    assert "cached=false" in cold or '"cached":false' in cold


async def test_an_answer_that_a_reload_changes_is_logged(daemon: RunningDaemon) -> None:
    await daemon.store({"good.example": ENFORCED})
    daemon.configure(log={"answers": "changes"})
    daemon.start()
    daemon.ask("good.example")
    until(lambda: "event=answer-changed key=good.example" in daemon.log)
    daemon.configure(log={"answers": "changes"}, maps={"default": {"sni": False}})
    daemon.signal(signal.SIGHUP)
    daemon.notified("READY=1")
    for _ in range(3):
        daemon.ask("good.example")
    change = (
        'answer=secure was="secure match=mx.good.example servername=hostname"'
        ' now="secure match=mx.good.example"'
    )
    until(lambda: change in daemon.log)
    assert daemon.log.count("event=answer-changed") == 2
    assert "event=answer " not in daemon.log


def set_answers(daemon: RunningDaemon, style: str, which: str) -> None:
    daemon.configure(log={"answers": which, "format": style})
    daemon.drain()
    daemon.signal(signal.SIGHUP)
    daemon.notified("READY=1")


def answers(daemon: RunningDaemon) -> list[str]:
    return [
        line
        for line in daemon.log.splitlines()
        if "event=answer " in line or '"event":"answer"' in line
    ]


def json_pair(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f'"{name}":{value}' if value == "true" else f'"{name}":"{value}"'
