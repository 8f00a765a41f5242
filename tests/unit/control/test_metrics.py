"""The metrics: what they count, and that the page names each of them as it is."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.config import Config, DnsConfig, MapOptions, OverrideOptions
from mtasts_resolver.config.kinds import EndTime
from mtasts_resolver.control.views.metrics import METRICS
from mtasts_resolver.control.web.metrics import SAMPLES_IN_A_ROW, exposition
from mtasts_resolver.daemon.parts import Parts
from mtasts_resolver.knowledge.cache import Cache
from mtasts_resolver.knowledge.entry import DaneEntry, FetchFailure, StsEntry
from mtasts_resolver.knowledge.events import Discovered
from mtasts_resolver.policy import Dane, DaneFinding
from mtasts_resolver.postfix.codec import Request
from tests.unit.control.parts import hold, idle_parts
from tests.unit.knowledge.world import DAY, START, ask

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
_ROW = re.compile(r"\| `(\w+)` \| (\w+) \| ((?:`\w+`(?:, )?)*) \| (.+) \|")
CONFIG = Config(dns=DnsConfig(dnssec="off"), maps={"strict": MapOptions(testing="enforce")})

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return idle_parts(tmp_path, CONFIG)


async def scrape(parts: Parts) -> Samples:
    text = (await exposition(parts)).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def at(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"mtasts_resolver_{name}", frozenset(labels.items())


def test_the_page_names_each_metric_as_it_is() -> None:
    rows = [row.groups() for row in _ROW.finditer(PAGE.read_text(encoding="utf-8"))]
    assert rows == [
        (metric.name, metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.help)
        for metric in METRICS
    ]


def test_the_page_names_each_label() -> None:
    named = set(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE.read_text("utf-8"), re.MULTILINE))
    labels = {label for names in named for label in re.findall(r"\w+", names)}
    assert {label for metric in METRICS for label in metric.labels} <= labels | {
        "version",
        "python",
    }


async def fill(parts: Parts) -> None:
    """Have something of everything."""
    hold(parts, "good.example")
    hold(parts, "test.example", "testing")
    hold(parts, "over.example", "none")
    for name in ("default", "strict", "", "nobody-configured-it"):
        for key in ("good.example", "test.example", ".example"):
            await ask(parts.service, key, name)
    for refresh in (False, True):
        parts.events.publish(Discovered("policy", refresh, "found", "", 0.07))
        parts.events.publish(Discovered("policy", refresh, "failed", "status", 3.0))
        parts.events.publish(Discovered("dane", refresh, "absent", "", 100.0))


async def test_look_ups_are_counted_by_map_and_answer(parts: Parts) -> None:
    await fill(parts)
    found = await scrape(parts)
    assert {
        key: value for key, value in found.items() if key[0] == "mtasts_resolver_lookups_total"
    } == {
        at("lookups_total", map="default", answer="secure"): 1,
        at("lookups_total", map="default", answer="notfound"): 2,
        at("lookups_total", map="strict", answer="secure"): 2,
        at("lookups_total", map="strict", answer="notfound"): 1,
        at("lookups_total", map="(tcp_table)", answer="secure"): 1,
        at("lookups_total", map="(tcp_table)", answer="notfound"): 2,
        at("lookups_total", map="(unknown)", answer="secure"): 1,
        at("lookups_total", map="(unknown)", answer="notfound"): 2,
    }


async def test_many_samples_are_one_metric(parts: Parts) -> None:
    """They are rendered a few at a time."""
    for number in range(3 * SAMPLES_IN_A_ROW + 1):
        parts.service.tallies.of(f"map{number}", "secure").count = number
        parts.events.publish(Discovered("policy", bool(number % 2), "failed", f"c{number}", 1.0))
    text = await exposition(parts)
    heads = re.findall(rb"^# TYPE (\w+)", text, re.MULTILINE)
    assert len(heads) == len(set(heads))
    found = await scrape(parts)
    for number in range(3 * SAMPLES_IN_A_ROW + 1):
        assert found[at("lookups_total", map=f"map{number}", answer="secure")] == number
    durations = [value for (name, _), value in found.items() if name.endswith("seconds_count")]
    assert sum(durations) == 3 * SAMPLES_IN_A_ROW + 1


async def test_a_look_up_that_cannot_be_found_out_is_deferred_and_counted(parts: Parts) -> None:
    await ask(parts.service, "new.example")  # nobody discovers
    found = await scrape(parts)
    assert found[at("lookups_total", map="default", answer="temp")] == 1
    assert found[at("lookups_overloaded_total")] == 1
    assert found[at("lookup_waits_total")] == 1


async def test_discoveries_are_counted_with_their_durations(parts: Parts) -> None:
    await fill(parts)
    found = await scrape(parts)
    labels = {"what": "policy", "cause": "refresh", "outcome": "failed"}
    name = "discovery_duration_seconds"
    assert found[at(f"{name}_bucket", **labels, le="2.5")] == 0
    assert found[at(f"{name}_bucket", **labels, le="5.0")] == 1
    assert found[at(f"{name}_bucket", **labels, le="+Inf")] == 1
    assert found[at(f"{name}_sum", **labels)] == 3.0
    absent = {"what": "dane", "cause": "lookup", "outcome": "absent"}
    assert found[at(f"{name}_bucket", **absent, le="60.0")] == 0
    assert found[at(f"{name}_count", **absent)] == 1
    failures = {"what": "policy", "cause": "lookup", "code": "status"}
    assert found[at("discovery_failures_total", **failures)] == 1


async def test_what_is_known_is_counted_without_a_look_at_each(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be 200,000."""
    for number in range(30):
        hold(parts, f"d{number}.example", ("enforce", "testing", "none")[number % 3])
    hold(parts, "d0.example", "testing")  # in the place of the other
    parts.sts.cache.remove("d1.example")
    parts.dane.cache.put("hop.example", dane_entry(Dane.REQUIRED))
    monkeypatch.delattr(Cache, "precious_entries")
    found = await scrape(parts)
    assert [found[at("policies", mode=mode)] for mode in ("enforce", "testing", "none")] == [
        9,
        10,
        10,
    ]
    assert found[at("dane_next_hops", status="required")] == 1
    assert found[at("dane_next_hops", status="none")] == 0


def dane_entry(status: Dane) -> DaneEntry:
    return DaneEntry(finding=DaneFinding(status), until=1e9, stale_at=1e9, asked=0.0)


async def test_the_earliest_expiry_is_that_of_a_policy_that_fails(parts: Parts) -> None:
    expiry = at("policies_failing_earliest_expiry_timestamp_seconds")
    hold(parts, "sooner.example", days=1)
    assert expiry not in await scrape(parts)
    for domain, days in (("later.example", 5), ("soon.example", 3)):
        fail(parts, domain, hold(parts, domain, days=days))
    found = await scrape(parts)
    assert found[at("policies_failing")] == 2
    assert found[expiry] == pytest.approx(parts.clock.wall() + 3 * DAY)


def fail(parts: Parts, domain: str, entry: StsEntry) -> None:
    now = parts.clock.monotonic()
    parts.sts.failing.note(
        domain, entry, FetchFailure("1", 1, now + 300, "status", "status 404"), now
    )


async def test_what_is_not_well_shows(parts: Parts) -> None:
    found = await scrape(parts)
    assert found[at("ready", part="dns")] == 1
    assert found[at("ready", part="discoverer")] == 0
    assert at("dnssec_validated") in found
    parts.in_force.faulty = True
    assert (await scrape(parts))[at("config_faulty")] == 1


async def test_no_domain_is_in_a_label(parts: Parts) -> None:
    await fill(parts)
    parts.service.answer(Request("good.example", "good.example"))
    with pytest.raises(OverloadedError):
        await parts.sts.resolve("secret.example")
    assert b"example" not in await exposition(parts)


async def test_what_runs_is_named(parts: Parts) -> None:
    (labels,) = [labels for name, labels in await scrape(parts) if name.endswith("build_info")]
    assert {name for name, _ in labels} == {"version", "python"}


async def test_overrides_are_counted_by_what_they_answer_and_how_they_stand(tmp_path: Path) -> None:
    end, over = EndTime(START + 3 * DAY), EndTime(START - 1)
    overrides = {
        "a.example": OverrideOptions(action="skip", reason="x"),
        "b.example": OverrideOptions(action="skip", reason="x", until=end),
        "c.example": OverrideOptions(action="dane-only", reason="x", until=over),
    }
    found = await scrape(idle_parts(tmp_path, Config(overrides=overrides)))
    assert found[at("overrides", action="skip", state="in-force")] == 1
    assert found[at("overrides", action="skip", state="ends-soon")] == 1
    assert found[at("overrides", action="dane-only", state="lapsed")] == 1
    assert sum(value for (name, _), value in found.items() if name.endswith("_overrides")) == 3
    assert found[at("overrides_earliest_end_timestamp_seconds")] == end
    assert found[at("override_file_faulty")] == 0
