"""Domains as they may be seen, for tests of what is to be published for them."""

from datetime import UTC, datetime

from mtasts_resolver.published.observed import (
    Observed,
    SeenAddress,
    SeenFailure,
    SeenHost,
    SeenTexts,
    SeenTls,
)
from mtasts_resolver.published.publication import PolicySite

NOW = datetime(2026, 11, 26, 14, 0, 0, tzinfo=UTC)
FRESH = "20261126140000Z"
"""The id of a policy that is new then."""

REPORTS = "v=TLSRPTv1; rua=mailto:tls-reports@example.com"
OLD = "20260101000000Z"
DAY = 86_400

SITE = PolicySite(
    domain="example.com",
    root="/srv/mta-sts/example.com",
    certificate="/etc/ssl/mta-sts.pem",
    key="/etc/ssl/mta-sts.key",
)


def document(mode: str, *mx: str, max_age: int = DAY, end: str = "\r\n") -> str:
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in mx)]
    return "".join(f"{line}{end}" for line in [*lines, f"max_age: {max_age}"])


def served(text: str, address: str = "192.0.2.1", media_type: str = "text/plain") -> SeenAddress:
    """Return an address of a policy host that serves a text as it should."""
    return SeenAddress(
        address=address,
        tls=SeenTls(version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256"),
        status=200,
        headers=(("content-type", media_type),),
        document=text,
    )


def domain(
    *hosts: str,
    policy: str | None = None,
    policy_id: str | None = OLD,
    records: tuple[str, ...] | None = None,
    addresses: tuple[SeenAddress, ...] | None = None,
    reports: tuple[str, ...] | None = None,
) -> Observed:
    """Return a domain that publishes a policy and its record; or none, without `policy`."""
    texts = () if policy is None or policy_id is None else (f"v=STSv1; id={policy_id};",)
    if addresses is None:
        addresses = () if policy is None else (served(policy),)
    if reports is None:
        reports = (REPORTS,) if texts else ()
    absent = SeenFailure("host-without-address", "it has no address")
    return Observed(
        domain="example.com",
        at=NOW,
        record=SeenTexts(
            name="_mta-sts.example.com", texts=texts if records is None else records, ttl=60.0
        ),
        reports=SeenTexts(name="_smtp._tls.example.com", texts=reports),
        policy_host=SeenHost(
            name="mta-sts.example.com",
            addresses=addresses,
            failure=None if addresses else absent,
        ),
        mx_hosts=tuple(SeenHost(name=name, preference=10) for name in hosts),
    )
