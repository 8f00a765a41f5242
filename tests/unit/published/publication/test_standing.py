"""How far a domain has come."""

import msgspec
import pytest

from mtasts_resolver.published.observed import Observed, SeenAddress, SeenFailure, SeenTls
from mtasts_resolver.published.publication.standing import Stage, find_standing
from tests.unit.published.publication.seen import DAY, document, domain, served

MX = "mx.example.com"
TESTING = document("testing", MX)
FAILED = SeenTls(
    version="TLSv1.3", cipher="", failure=SeenFailure("certificate-expired", "it has expired")
)


@pytest.mark.parametrize(
    ("seen", "stage"),
    [
        (domain(MX), Stage.NOTHING),
        (domain(MX, records=("v=spf1 -all",)), Stage.NOTHING),
        (domain(MX, policy=TESTING, policy_id=None), Stage.SERVED),
        (domain(MX, records=("v=STSv1; id=1;",)), Stage.UNUSABLE),
        (domain(MX, policy=TESTING, records=("v=STSv1; id=1-2;",)), Stage.UNUSABLE),
        (domain(MX, policy=TESTING, records=("v=STSv1; id=1;",) * 2), Stage.UNUSABLE),
        (domain(MX, policy=TESTING), Stage.TESTING),
        (domain(MX, policy=document("enforce", MX)), Stage.ENFORCED),
        (domain(MX, policy=document("enforce", MX, max_age=30 * DAY - 1)), Stage.ENFORCED),
        (domain(MX, policy=document("enforce", MX, max_age=30 * DAY)), Stage.LASTING),
        (domain(MX, policy=document("none")), Stage.WITHDRAWN),
    ],
)
def test_the_stage_is_found(seen: Observed, stage: Stage) -> None:
    assert find_standing(seen).stage is stage


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        (served("mode: enforce\n"), "there is no version"),
        (served(TESTING, media_type="text/html"), "the media type is text/html"),
        (msgspec.structs.replace(served(TESTING), headers=()), "the media type is not said"),
        (msgspec.structs.replace(served(TESTING), tls=FAILED), "it has expired"),
        (msgspec.structs.replace(served(TESTING), tls=None), "no TLS"),
        (msgspec.structs.replace(served(TESTING), document=None, status=404), "status 404"),
        (SeenAddress(address="::1", failure=SeenFailure("tls-failed", "no TLS")), "no TLS"),
        (served(document("enforce", MX), "192.0.2.2"), "different documents"),
    ],
)
def test_one_address_that_serves_no_policy_is_enough_for_a_fault(
    address: SeenAddress, fault: str
) -> None:
    standing = find_standing(domain(MX, policy=TESTING, addresses=(served(TESTING), address)))
    assert standing.stage is Stage.UNUSABLE
    assert standing.policy is None
    assert fault in standing.policy_fault


@pytest.mark.parametrize("code", ["no-route", "unreachable", "connect-timeout"])
def test_an_address_that_is_not_reached_does_not_matter_where_another_is(code: str) -> None:
    lacking = SeenAddress(address="2001:db8::1", failure=SeenFailure(code, "not reached"))
    addresses = (lacking, served(TESTING, media_type="Text/Plain; charset=utf-8"))
    assert find_standing(domain(MX, policy=TESTING, addresses=addresses)).stage is Stage.TESTING
    alone = find_standing(domain(MX, policy=TESTING, addresses=(lacking,)))
    assert alone.stage is Stage.UNUSABLE
    reason = "it has no address that can be visited" if code == "no-route" else "not reached"
    assert reason in alone.policy_fault


def test_a_host_whose_name_no_policy_can_name_is_left_out() -> None:
    assert find_standing(domain(MX, "under_score.example.com")).hosts == (MX,)
