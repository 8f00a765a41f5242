"""What a domain publishes fits into one message, however much it is."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from mtasts_resolver.discovery.dane import MAX_MX_HOSTS
from mtasts_resolver.discovery.policyhost.visit import HEADERS
from mtasts_resolver.published.bounds import MAX_OBSERVED, within_bounds
from mtasts_resolver.published.hosts import MAX_ADDRESSES
from mtasts_resolver.published.observed import (
    Observed,
    SeenAddress,
    SeenCertificate,
    SeenDane,
    SeenFailure,
    SeenHost,
    SeenTexts,
    SeenTls,
)
from mtasts_resolver.published.seen import MAX_NAMES, MAX_REASON, MAX_TEXT, MAX_TEXTS
from mtasts_resolver.worker.channel import MAX_MESSAGE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# As many bytes as a character can have that is printed as it is.
WIDE = "\U00020000"
LINE = WIDE * 120


def certificate(names: int) -> SeenCertificate:
    return SeenCertificate(
        dns_names=(LINE,) * names,
        common_name=LINE,
        issuer=LINE,
        not_before=NOW,
        not_after=NOW,
        key="EC secp256r1",
        sha256="0" * 64,
    )


def address(**properties: Any) -> SeenAddress:
    tls = SeenTls(
        version="TLSv1.3",
        cipher="x" * 30,
        certificate=certificate(MAX_NAMES),
        chain=(certificate(MAX_NAMES),) * 7,
        failure=SeenFailure("certificate-expired", WIDE * MAX_REASON),
    )
    return SeenAddress(address="2001:db8::1", greeting=LINE, tls=tls, **properties)


def observed(**properties: Any) -> Observed:
    texts = SeenTexts(name="x.example", texts=("v=STSv1; id=1;",))
    plain = Observed(
        domain="x.example",
        at=NOW,
        record=texts,
        reports=texts,
        policy_host=SeenHost(name="mta-sts.x.example"),
    )
    return msgspec.structs.replace(plain, **properties)


def size(value: Observed) -> int:
    return len(msgspec.msgpack.encode(value))


def test_an_honest_domain_is_left_as_it_is() -> None:
    host = SeenHost(name="mx.x.example", addresses=(address(),))
    honest = observed(mx_hosts=(host,) * 2)
    assert size(honest) < MAX_OBSERVED
    assert within_bounds(honest) is honest


@pytest.mark.threat("seen-too-much")
def test_whatever_is_published_fits_into_a_message() -> None:
    headers = tuple((name, LINE) for name in HEADERS)
    texts = SeenTexts(name="x.example", texts=("\xff" * MAX_TEXT,) * MAX_TEXTS)
    policy_host = SeenHost(
        name="mta-sts.x.example",
        addresses=tuple(
            address(document="x" * 65_536, headers=headers) for _ in range(MAX_ADDRESSES)
        ),
    )
    hosts = tuple(
        SeenHost(name=f"mx{number}.x.example", addresses=(address(),) * MAX_ADDRESSES)
        for number in range(MAX_MX_HOSTS)
    )
    dane = tuple(
        SeenDane(host=host.name, outcome="usable TLSA records", detail=WIDE * MAX_REASON)
        for host in hosts
    )
    most = observed(
        record=texts, reports=texts, policy_host=policy_host, mx_hosts=hosts, dane_hosts=dane
    )
    kept = within_bounds(most)
    assert size(most) > MAX_MESSAGE
    assert size(kept) <= MAX_OBSERVED
    assert len(kept.mx_hosts) + kept.more_mx_hosts == MAX_MX_HOSTS
    assert [each.document for each in kept.policy_host.addresses] == ["x" * 65_536]
    assert kept.policy_host.more_addresses == MAX_ADDRESSES - 1
    assert kept.policy_host.addresses[0].tls is not None
    assert kept.policy_host.addresses[0].tls.failure is not None


def test_names_go_before_hosts_do() -> None:
    hosts = tuple(
        SeenHost(name=f"mx{number}.x.example", addresses=(address(),)) for number in range(3)
    )
    kept = within_bounds(observed(mx_hosts=hosts))
    assert [host.name for host in kept.mx_hosts] == [host.name for host in hosts]
    tls = kept.mx_hosts[0].addresses[0].tls
    assert tls is not None
    assert tls.certificate is not None
    assert len(tls.certificate.dns_names) + tls.certificate.more_names == MAX_NAMES
    assert tls.certificate.more_names > 0
