"""Set-ups as they are seen: a perfect one, and what may be wrong with it."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from mtasts_resolver.findings import Finding
from mtasts_resolver.published.judge import SeenBefore, judge
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

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DOCUMENT = (
    "version: STSv1\r\nmode: enforce\r\nmx: mx1.example\r\nmx: *.mx.example\r\nmax_age: 1209600\r\n"
)


def certificate(*names: str, days_left: float = 60, lifetime: float = 90) -> SeenCertificate:
    end = NOW + timedelta(days=days_left)
    return SeenCertificate(
        dns_names=names,
        common_name="",
        issuer="CN=An authority",
        not_before=end - timedelta(days=lifetime),
        not_after=end,
        key="EC secp256r1",
        sha256="ab" * 32,
    )


def tls(name: str, **changed: object) -> SeenTls:
    good = SeenTls(
        version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        certificate=certificate(name),
        chain=(certificate("intermediate.invalid"),),
    )
    return replace(good, **changed)


def mx_host(name: str, preference: int | None = 10) -> SeenHost:
    return SeenHost(
        name=name,
        preference=preference,
        addresses=tuple(
            SeenAddress(address=address, greeting="220 mx", starttls=True, tls=tls(name))
            for address in ("192.0.2.25", "2001:db8::25")
        ),
    )


GOOD = Observed(
    domain="good.example",
    at=NOW,
    record=SeenTexts(name="_mta-sts.good.example", texts=("v=STSv1; id=20261126;",), ttl=3_600.0),
    reports=SeenTexts(
        name="_smtp._tls.good.example",
        texts=("v=TLSRPTv1; rua=mailto:tlsrpt@good.example,https://reports.example/in",),
        ttl=3_600.0,
    ),
    policy_host=SeenHost(
        name="mta-sts.good.example",
        addresses=tuple(
            SeenAddress(
                address=address,
                tls=tls("mta-sts.good.example"),
                status=200,
                headers=(("content-type", "text/plain; charset=utf-8"),),
                document=DOCUMENT,
            )
            for address in ("192.0.2.80", "2001:db8::80")
        ),
    ),
    mx_hosts=(mx_host("mx1.example"), mx_host("two.mx.example", 20)),
    mx_authenticated=True,
    dane="required",
    dane_reason="every host that can be used has usable TLSA records",
    dane_hosts=tuple(
        SeenDane(host=name, outcome="usable TLSA records", detail="3 1 1", fits=True)
        for name in ("mx1.example", "two.mx.example")
    ),
)


# -- what may be wrong ---------------------------------------------------------------------------


def with_record(*texts: str, **changed: object) -> Observed:
    """Return the set-up with other TXT records at the name of the policy record."""
    return replace(GOOD, record=replace(GOOD.record, texts=texts, **changed))


def with_reports(*texts: str, **changed: object) -> Observed:
    return replace(GOOD, reports=replace(GOOD.reports, texts=texts, **changed))


def with_document(document: str) -> Observed:
    return with_policy_host(document=document)


def with_policy_host(**changed: object) -> Observed:
    """Return the set-up with another answer at each address of the policy host."""
    addresses = tuple(replace(seen, **changed) for seen in GOOD.policy_host.addresses)
    return replace(GOOD, policy_host=replace(GOOD.policy_host, addresses=addresses))


def with_policy_host_address(**changed: object) -> Observed:
    """Return the set-up with another answer at the first address of the policy host."""
    first, second = GOOD.policy_host.addresses
    addresses = (replace(first, **changed), second)
    return replace(GOOD, policy_host=replace(GOOD.policy_host, addresses=addresses))


def failed_policy_host(code: str, reason: str = "so it is") -> Observed:
    """Return the set-up with no conversation at any address of the policy host."""
    return with_policy_host(
        failure=SeenFailure(code, reason), tls=None, status=None, headers=(), document=None
    )


def with_mx(observed: Observed = GOOD, /, **changed: object) -> Observed:
    """Return the set-up with another conversation at each address of the first MX host."""
    first, *others = observed.mx_hosts
    addresses = tuple(replace(seen, **changed) for seen in first.addresses)
    return replace(observed, mx_hosts=(replace(first, addresses=addresses), *others))


def with_mode(mode: str, observed: Observed = GOOD) -> Observed:
    """Return the set-up with a policy of another mode, and without DANE."""
    document = DOCUMENT.replace("enforce", mode)
    served = with_document(document).policy_host
    return without_dane(replace(observed, policy_host=served))


def without_policy(observed: Observed = GOOD) -> Observed:
    """Return the set-up of a domain that knows nothing of MTA-STS."""
    missing = SeenHost(
        name="mta-sts.good.example",
        failure=SeenFailure("host-without-address", "mta-sts.good.example does not exist"),
    )
    record = replace(observed.record, texts=())
    return replace(observed, record=record, policy_host=missing)


def without_dane(observed: Observed = GOOD) -> Observed:
    return replace(observed, dane="none", dane_reason="no host has TLSA records", dane_hosts=())


# -- what is said of it --------------------------------------------------------------------------


def codes(observed: Observed, before: SeenBefore | None = None) -> list[str]:
    """Return what was found, as codes, the worst first."""
    return [finding.code for finding in judge(observed, before)]


def the_one(observed: Observed, before: SeenBefore | None = None) -> Finding:
    """Return the finding, which is to be the only one."""
    (finding,) = judge(observed, before)
    return finding


def named(observed: Observed, code: str, before: SeenBefore | None = None) -> Finding:
    """Return the one finding of that code."""
    (finding,) = [each for each in judge(observed, before) if each.code == code]
    return finding
