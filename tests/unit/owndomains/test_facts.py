"""What of a check is compared with the one before."""

from typing import Any

import msgspec
import pytest

from mtasts_resolver.owndomains.facts import MAX_SHOWN, Facts, facts_of, is_seen
from mtasts_resolver.published.observed import SeenFailure, SeenHost
from tests.unit.owndomains.seen import (
    DOCUMENT,
    SERVFAIL,
    cut_off,
    host,
    observed,
    policy_host,
    texts,
)

SHOWN = " of mx1.own.example, valid until 2027-03-16, issued by Example CA"
KNOWN = facts_of(observed(), Facts())


def test_the_facts_of_a_domain() -> None:
    assert KNOWN.texts == {
        "record": "v=STSv1; id=1;",
        "reports": "v=TLSRPTv1; rua=mailto:a@own.example",
        "policy": DOCUMENT.replace("\r\n", "\n"),
        "mx": "10 mx1.own.example",
        "certificate mta-sts.own.example": "ff" + SHOWN,
        "certificate mx1.own.example": "aa" + SHOWN,
    }
    assert facts_of(observed(), KNOWN) == KNOWN


@pytest.mark.parametrize(
    "unseen",
    [
        {"record": texts("_mta-sts", failure=SERVFAIL)},
        {"reports": texts("_smtp._tls", failure=SERVFAIL)},
        {"policy_host": policy_host(None, status=503)},
        {"policy_host": SeenHost(name="mta-sts.own.example", failure=SERVFAIL)},
        {"mx_hosts": (), "mx_failure": SERVFAIL},
        {"mx_hosts": (host("mx1.own.example", ""),)},
        {"smtp": False, "mx_hosts": (host("mx1.own.example"),)},
    ],
)
def test_what_could_not_be_seen_is_as_it_was(unseen: dict[str, Any]) -> None:
    assert facts_of(observed(**unseen), KNOWN) == KNOWN


def test_a_host_that_is_cut_off_sees_nothing_and_forgets_nothing() -> None:
    assert facts_of(cut_off(), KNOWN) == KNOWN
    assert not is_seen(cut_off())
    assert not is_seen(observed(ipv4=False, ipv6=False))
    assert is_seen(observed())
    assert is_seen(observed(record=texts("_mta-sts", failure=SERVFAIL)))


def test_a_domain_whose_own_name_servers_fail_is_seen_to_be_so() -> None:
    """A monitor is to tell of it: mail to it is held."""
    theirs = SeenFailure("dns-server", "SERVFAIL from 192.0.2.53")
    assert is_seen(msgspec.structs.replace(cut_off(), mx_failure=theirs))


@pytest.mark.parametrize(
    ("changes", "key", "now"),
    [
        ({"record": texts("_mta-sts")}, "record", ""),
        ({"record": texts("_mta-sts", "b", "a")}, "record", "a\nb"),
        ({"policy_host": policy_host(None, status=404)}, "policy", ""),
        ({"policy_host": policy_host("other")}, "policy", "other"),
        ({"mx_hosts": (), "mx_failure": SeenFailure("mx-null", "")}, "mx", "a null MX: no mail is"),
        ({"mx_hosts": (), "mx_failure": SeenFailure("domain-unknown", "")}, "mx", "no such domain"),
        ({"mx_hosts": (host("own.example", preference=None),)}, "mx", "own.example"),
    ],
)
def test_what_is_seen_to_be_otherwise(changes: dict[str, Any], key: str, now: str) -> None:
    found = facts_of(observed(**changes), KNOWN).texts[key]
    assert found == now or (now and found.startswith(now))


def test_of_a_host_that_is_an_mx_no_more_no_certificate_is_known() -> None:
    facts = facts_of(observed(mx_hosts=(host("mx2.own.example", "bb"),)), KNOWN)
    assert {key for key in facts.texts if key.startswith("certificate mx")} == {
        "certificate mx2.own.example"
    }
    assert facts.shown.keys() == {"mta-sts.own.example", "mx2.own.example"}


def test_machines_that_take_turns_show_no_new_certificate() -> None:
    facts = KNOWN
    texts_seen = []
    for shown in ("aa", "bb", "aa", "bb", "aa"):
        facts = facts_of(observed(mx_hosts=(host("mx1.own.example", shown),)), facts)
        texts_seen.append(facts.texts["certificate mx1.own.example"][:2])
    assert texts_seen == ["aa", "bb", "bb", "bb", "bb"]  # one change


def test_what_a_host_has_shown_is_bounded() -> None:
    facts = KNOWN
    for number in range(3 * MAX_SHOWN):
        facts = facts_of(observed(mx_hosts=(host("mx1.own.example", str(number)),)), facts)
    assert len(facts.shown["mx1.own.example"]) == MAX_SHOWN
    assert facts.shown["mx1.own.example"][0] == str(3 * MAX_SHOWN - 1)


def test_both_certificates_of_a_host_with_two_are_told() -> None:
    facts = facts_of(observed(mx_hosts=(host("mx1.own.example", "aa", "cc"),)), KNOWN)
    lines = facts.texts["certificate mx1.own.example"].split("\n")
    assert [line[:2] for line in lines] == ["aa", "cc"]
