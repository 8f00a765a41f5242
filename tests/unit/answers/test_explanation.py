"""What `explain` shows of a domain's MX hosts beside its policy."""

import pytest

from mtasts_resolver.answers.explanation import _compare_hosts
from mtasts_resolver.discovery.dns.answer import DnsStatus
from mtasts_resolver.discovery.trace import Step, Trace
from mtasts_resolver.policy import NextHop, parse_document
from tests.unit.discovery.zone import Zone
from tests.unit.knowledge.world import document

POLICY = parse_document(document("enforce", "mx.good.example", "*.mx.example").encode())


async def shown(zone: Zone, hop: NextHop) -> Step:
    trace = Trace()
    await _compare_hosts(hop, POLICY, zone, trace)
    (step,) = trace.steps
    return step


async def test_each_host_is_compared_with_the_policy_in_order_of_preference() -> None:
    zone = Zone().add(
        "good.example", "MX", "20 other.example.", "10 MX.good.example.", "30 a.mx.example."
    )
    step = await shown(zone, NextHop("good.example"))
    assert not step.ok
    assert step.outcome == "MX hosts: 3, outside the policy: 1"
    assert step.details == (
        "mx.good.example: fits mx.good.example",
        "other.example: fits no mx of the policy",
        "a.mx.example: fits *.mx.example",
    )


async def test_a_domain_without_mx_records_is_its_own_host() -> None:
    zone = Zone().add("mx.good.example", "MX", status=DnsStatus.NODATA)
    step = await shown(zone, NextHop("mx.good.example"))
    assert step.ok
    assert step.details == ("mx.good.example: fits mx.good.example",)


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        (
            Zone().add("good.example", "MX", "0 ."),
            "the domain takes no mail: its MX record is null",
        ),
        (Zone(), "the domain does not exist"),
    ],
)
async def test_where_no_mail_can_go_no_host_is_outside_the_policy(zone: Zone, reason: str) -> None:
    step = await shown(zone, NextHop("good.example"))
    assert (step.absent, step.outcome, step.details) == (True, reason, ())


async def test_a_smart_host_is_compared_itself() -> None:
    step = await shown(Zone(), NextHop("a.mx.example", is_host=True))
    assert (step.ok, step.outcome) == (True, "fits *.mx.example")


async def test_where_dns_fails_that_is_shown() -> None:
    step = await shown(Zone().fail("good.example", "MX"), NextHop("good.example"))
    assert not step.ok
    assert "SERVFAIL" in step.outcome
