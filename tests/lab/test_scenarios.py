"""Real mail through a real Postfix that asks a running daemon: each row of the table."""

from collections.abc import Iterable

import pytest

from .changes import CHANGES
from .dane import DANE_SCENARIOS
from .ends import End
from .events import Fetch, Mail
from .lab import Lab
from .postfix import MAPS, Delivery
from .relays import RELAY_SCENARIOS
from .scenario import Scenario
from .steady import STEADY
from .steps import logged
from .tlsrpt import with_policy

pytestmark = pytest.mark.lab


def table(scenarios: Iterable[Scenario]) -> pytest.MarkDecorator:
    """Run the test for each row."""
    rows = [
        pytest.param(
            scenario,
            id=scenario.name,
            marks=[pytest.mark.row(*scenario.rows)] if scenario.rows else [],
        )
        for scenario in scenarios
    ]
    return pytest.mark.parametrize("scenario", rows)


@pytest.mark.threat("dns-forges-mx")
@table(STEADY)
def test_mail_ends_as_the_policy_says(steady_lab: Lab, scenario: Scenario) -> None:
    play(steady_lab, scenario)


@pytest.mark.threat("dns-hides-tlsa")
@table(DANE_SCENARIOS)
def test_dane_comes_first_where_it_applies(steady_lab: Lab, scenario: Scenario) -> None:
    play(steady_lab, scenario)


@table(RELAY_SCENARIOS)
def test_dane_is_asked_of_the_next_hop_that_postfix_uses(
    steady_lab: Lab, scenario: Scenario
) -> None:
    play(steady_lab, scenario)


@pytest.mark.threat("dns-hides-policy")
@table(CHANGES)
def test_cached_policy_outlives_what_happens(fresh_lab: Lab, scenario: Scenario) -> None:
    servers = [fresh_lab.own_resolver.address] if scenario.own_resolver else []
    fresh_lab.daemon.start(servers)
    play(fresh_lab, scenario)


def play(lab: Lab, scenario: Scenario) -> None:
    for step in scenario.before:
        step(lab, scenario.to)
    mark = lab.hosts.events.mark()
    before = lab.hosts.since(0)[1]
    delivery = lab.postfix.send(scenario.to, scenario.sender)
    check_answer(lab, scenario)
    end = (lab.postfix.modern and scenario.modern_end) or scenario.end
    check_postfix(delivery, end)
    mails, fetches = lab.hosts.since(mark)
    check_receiver(mails, end)
    check_fetches(new_fetches(fetches, before, scenario), scenario)
    if scenario.because:
        logged(scenario.because)(lab, scenario.policy_domain)


def check_answer(lab: Lab, scenario: Scenario) -> None:
    table = MAPS.get(scenario.sender, lab.postfix.map_name)
    answer = lab.daemon.ask(scenario.lookup_key, table)
    wanted = scenario.answer
    assert answer == (with_policy(wanted, scenario.policy_domain) if table == "tlsrpt" else wanted)


def check_postfix(delivery: Delivery, end: End) -> None:
    assert delivery.status == end.status, delivery.log
    for words in end.says:
        assert delivery.said(words), (words, delivery.log)
    assert delivery.said("Verified TLS connection") == end.verified, delivery.log
    assert delivery.said("TLS connection established") == end.tls, delivery.log


def check_receiver(mails: list[Mail], end: End) -> None:
    got = [(mail.host, mail.tls, mail.sni and mail.sni.lower()) for mail in mails]
    if end.host is None:
        assert got == []
    else:
        assert got == [(end.host.name, end.tls, end.sni)]


def new_fetches(fetches: list[Fetch], before: list[Fetch], scenario: Scenario) -> list[Fetch]:
    """Return `fetches` without those that an earlier scenario's domain began.

    On a host that never rests one discoverer takes over what another was asked, and both fetch: one
    of them when it comes to it, which may be in another scenario.
    """
    others = {fetch.domain for fetch in before} - {scenario.to, scenario.policy_domain}
    return [fetch for fetch in fetches if fetch.domain not in others]


def check_fetches(fetches: list[Fetch], scenario: Scenario) -> None:
    for fetch in fetches:
        assert fetch.path == "/.well-known/mta-sts.txt"
        assert fetch.host == fetch.sni == f"mta-sts.{fetch.domain}"
    if scenario.fetches is not None:
        assert [fetch.domain for fetch in fetches] == [scenario.to] * scenario.fetches
