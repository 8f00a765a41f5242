"""What is in contrib/ works, and speaks of what there is; Prometheus understands the metrics."""

import email
import email.policy
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mtasts_resolver.cli import main
from mtasts_resolver.config import Config
from mtasts_resolver.control.views.metrics import METRICS
from mtasts_resolver.control.web.metrics import exposition
from mtasts_resolver.owndomains.events import OwnDomainChecked
from mtasts_resolver.owndomains.news import next_check
from mtasts_resolver.owndomains.notify import NotifyReport, report_of, reported_domain
from tests.test_docs import PAGES, ROOT, anchors
from tests.unit.control.parts import idle_parts
from tests.unit.control.test_metrics import CONFIG, fill
from tests.unit.owndomains.seen import BROKEN, SOON, observed, texts

PROMETHEUS = ROOT / "contrib" / "prometheus"
DASHBOARD = ROOT / "contrib" / "grafana" / "dashboard.json"

_SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
SERIES = {metric.name + suffix for metric in METRICS for suffix in _SUFFIXES[metric.kind]}
LABELS = {label for metric in METRICS for label in metric.labels} | {"instance", "le"}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs Prometheus's promtool"
)


WARNING = SOON.found("mx1.own.example", "9 days are left")
MAIL_REPORT = ROOT / "contrib" / "notify" / "mail-report"


class Inbox:
    """A real SMTP server, and what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[str], bytes]] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.got.append(
            (str(envelope.mail_from), envelope.rcpt_tos, bytes(envelope.original_content or b""))
        )
        return "250 OK"


def reported() -> NotifyReport:
    """Return a report with something of everything, some of it hostile."""
    error = BROKEN.found("mx1.own.example", "no STARTTLS \u202e\n.\nSubject: x")
    last, _ = next_check(observed(), [WARNING], None)
    last, _ = next_check(observed(), [WARNING], last)
    last, _ = next_check(observed(), [error], last)
    last, news = next_check(observed(record=texts("r", "v=STSv1; id=2;")), [error], last)
    return report_of([reported_domain(OwnDomainChecked(last, news, first=False))], "mail.example")


@pytest.mark.parametrize("host", [[], ["127.0.0.2"]])
def test_what_is_new_of_own_domains_can_be_mailed(host: list[str], tmp_path: Path) -> None:
    inbox = Inbox()
    # To the usual port: what it connects to is none of its arguments.
    script = tmp_path / "mail-report"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    text = MAIL_REPORT.read_text("utf-8").replace("timeout=20", f"{port}, timeout=20")
    script.write_text(text, "utf-8")
    controller = Controller(inbox, hostname=host[0] if host else "127.0.0.1", port=port)
    controller.start()
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(script), "from@own.example", "to@own.example", *host],
            input=msgspec.json.encode(reported()),
            capture_output=True,
            check=False,
        )
    finally:
        controller.stop()
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    ((sender, recipients, content),) = inbox.got
    assert (sender, recipients) == ("from@own.example", ["to@own.example"])
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["Subject"] == ("[error] own.example: error mx-broken; record changed; 1 mended")
    body = message.get_content()
    assert body.replace("\n", "").replace("\r", "").isprintable()
    assert "ERROR mx-broken: mx1.own.example" in body
    assert "    -v=STSv1; id=1;\n    +v=STSv1; id=2;\n" in body.replace("\r\n", "\n")
    assert "mended: expires-soon: mx1.own.example" in body
    assert body.rstrip().endswith("mtasts-resolver on mail.example")


def test_who_mails_wants_to_know_from_whom_and_to_whom() -> None:
    done = subprocess.run(
        [sys.executable, str(MAIL_REPORT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "usage: mail-report FROM TO [HOST] < report\n"
    assert os.access(MAIL_REPORT, os.X_OK)


def alerts() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def series(expression: str) -> set[str]:
    return set(re.findall(r"mtasts_resolver_\w+", expression))


def promtool(*command: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run it among the rules, with `text` to read."""
    return subprocess.run(
        ["promtool", *command], cwd=PROMETHEUS, input=text, capture_output=True, check=False
    )


@needs_promtool
async def test_prometheus_has_nothing_to_find_fault_with(tmp_path: Path) -> None:
    parts = idle_parts(tmp_path, CONFIG)
    await fill(parts)
    checked = promtool("check", "metrics", text=await exposition(parts))
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@needs_promtool
@pytest.mark.parametrize(
    "command", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")]
)
def test_prometheus_takes_the_alerts_and_they_fire_when_they_should(
    command: tuple[str, ...],
) -> None:
    done = promtool(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"FAILED" not in done.stdout


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_what_to_do_and_is_tried(alert: dict[str, Any]) -> None:
    assert series(alert["expr"]) <= SERIES
    assert alert["labels"]["severity"] in {"critical", "warning"}
    notes = alert["annotations"]
    assert set(notes) == {"summary", "description", "runbook"}
    page, _, anchor = notes["runbook"].partition("#")
    assert anchor == alert["alert"].lower()
    assert anchor in anchors(ROOT / page)
    tried = (PROMETHEUS / "alerts_test.yml").read_text("utf-8")
    assert f'alertname="{alert["alert"]}"' in tried


def test_the_commands_that_alerts_name_are_there() -> None:
    for alert in alerts():
        for command in re.findall(
            r"`mtasts-resolver ([a-z]+)", alert["annotations"]["description"]
        ):
            assert main.get_command(click.Context(main), command)


def test_prometheus_is_sent_where_the_daemon_listens() -> None:
    (job,) = yaml.safe_load((PROMETHEUS / "scrape.yml").read_text("utf-8"))["scrape_configs"]
    assert job["static_configs"][0]["targets"] == [str(Config().http.address)]
    assert f'job="{job["job_name"]}"' in alerts()[0]["expr"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_metrics_that_there_are(page: Path) -> None:
    for name in re.findall(r"mtasts_resolver_[a-z_]+[a-z]", page.read_text("utf-8")):
        assert any(found.startswith(name) for found in SERIES), name


def panels() -> list[dict[str, Any]]:
    return [
        panel
        for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]
        if panel["type"] != "row"
    ]


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_shows_metrics_that_there_are(panel: dict[str, Any]) -> None:
    assert panel["description"]
    assert panel["datasource"]["uid"] == "${datasource}"
    for target in panel["targets"]:
        found = series(target["expr"])
        assert found <= SERIES
        assert found or "process_" in target["expr"]
        assert 'instance=~"$instance"' in target["expr"]
        for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
            assert label in LABELS
            assert label == "instance" or re.search(rf"by \([^)]*\b{label}\b", target["expr"])


def test_panels_stand_side_by_side() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_the_dashboard_shows_every_metric_but_those_of_the_start() -> None:
    shown = set().union(
        *(series(target["expr"]) for panel in panels() for target in panel["targets"])
    )
    missing = {
        metric.name
        for metric in METRICS
        if not {metric.name + suffix for suffix in _SUFFIXES[metric.kind]} & shown
    }
    assert missing == {
        "mtasts_resolver_build_info",
        "mtasts_resolver_config_loaded_timestamp_seconds",
        "mtasts_resolver_connections_accepted_total",
        "mtasts_resolver_start_timestamp_seconds",
    }
