"""What is out there, beside what should be."""

import pytest

from mtasts_resolver.published.observed import Observed
from mtasts_resolver.published.publication import Wishes, find_differences, find_way
from tests.unit.published.publication.seen import NOW, OLD, REPORTS, SITE, document, domain, served

MX = "mx.example.com"
TESTING = document("testing", MX)
GOOD = domain(MX, policy=TESTING, reports=(REPORTS,))
WANTED = find_way(GOOD, Wishes(), SITE, NOW).present


@pytest.mark.parametrize(
    "seen",
    [
        GOOD,
        domain(MX, policy=TESTING.replace("\r\n", "\n"), reports=(REPORTS,)),
        domain(MX, policy=TESTING + "extension: 1\n", reports=(f"{REPORTS} ;", "another")),
        domain(MX, policy=TESTING, records=(f"v=STSv1 ; x=y;id={OLD}",), reports=(REPORTS,)),
    ],
)
def test_what_means_the_same_is_no_difference(seen: Observed) -> None:
    assert find_differences(seen, WANTED) == []


def test_nothing_differs_in_all() -> None:
    record, policy, reports = find_differences(domain(MX), WANTED)
    assert (record.about, record.published) == ("TXT _mta-sts.example.com", "")
    assert record.wanted == f"v=STSv1; id={OLD};"
    assert "no TXT record" in record.reason
    assert (policy.about, policy.published) == ("mta-sts.example.com", "")
    assert policy.wanted == TESTING
    assert policy.reason == "it has no address"
    assert (reports.about, reports.wanted) == ("TXT _smtp._tls.example.com", REPORTS)


@pytest.mark.parametrize(
    ("seen", "about", "published"),
    [
        (
            domain(MX, policy=TESTING, policy_id="1", reports=(REPORTS,)),
            "TXT _mta-sts.example.com",
            "v=STSv1; id=1;",
        ),
        (
            domain(MX, policy=document("enforce", MX), reports=(REPORTS,)),
            "mta-sts.example.com (192.0.2.1)",
            document("enforce", MX),
        ),
        (
            domain(
                MX,
                policy=TESTING,
                addresses=(served(TESTING), served("<html>", "192.0.2.2")),
                reports=(REPORTS,),
            ),
            "mta-sts.example.com (192.0.2.2)",
            "<html>",
        ),
        (
            domain(MX, policy=TESTING, reports=(f"{REPORTS},mailto:b@example.com",)),
            "TXT _smtp._tls.example.com",
            f"{REPORTS},mailto:b@example.com",
        ),
    ],
)
def test_each_difference_is_told_by_itself(seen: Observed, about: str, published: str) -> None:
    (difference,) = find_differences(seen, WANTED)
    assert (difference.about, difference.published) == (about, published)
