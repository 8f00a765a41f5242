"""The main scenarios through Postfix 3.10, from the map that sends policies along for reports."""

import pytest

from .dane import DANE_SCENARIOS
from .lab import Lab
from .postfix import Sender
from .relays import RELAY_SCENARIOS
from .scenario import Scenario
from .steady import MAIN
from .test_scenarios import play, table

pytestmark = pytest.mark.lab


def test_postfix_is_a_later_one(modern: Lab) -> None:
    assert modern.postfix.version >= (3, 10, 5)


@table([*MAIN, *DANE_SCENARIOS, *RELAY_SCENARIOS])
def test_mail_ends_so_through_a_later_postfix(modern_lab: Lab, scenario: Scenario) -> None:
    play(modern_lab, scenario)


def test_before_3_10_the_map_for_reports_defers_mail(lab: Lab, modern_lab: Lab) -> None:
    older = lab.postfix.version < (3, 10)
    delivery = lab.postfix.send("enforced.example", Sender.REPORTING)
    assert delivery.status == ("deferred" if older else "sent")
    assert delivery.said('invalid attribute name: "policy_type"') == older
    assert modern_lab.postfix.send("enforced.example", Sender.REPORTING).status == "sent"
