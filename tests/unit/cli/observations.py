"""Domains as they may have been observed, for what shows them."""

from datetime import UTC, datetime, timedelta

from mtasts_resolver.findings import Finding, FindingKind, Severity
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

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
DOCUMENT = "version: STSv1\nmode: enforce\nmx: *.good.example\nmax_age: 604800\n"

NO_STARTTLS = FindingKind(
    code="mx-host-without-starttls",
    severity=Severity.ERROR,
    title="an MX host does not offer STARTTLS",
    matters="Senders that enforce the policy hold mail to it.",
    action="Have it offer STARTTLS, with a certificate for its name.",
)
SHORT_MAX_AGE = FindingKind(
    code="max-age-short",
    severity=Severity.NOTE,
    title="max_age is short",
    matters="Whoever keeps a sender from the policy for so long has it forgotten.",
    action="Set max_age to 604800 or more.",
)
EXPIRES_SOON = FindingKind(
    code="certificate-expires-soon",
    severity=Severity.WARNING,
    title="a certificate expires soon",
    matters="Then senders hold the mail.",
    action="Renew it.",
)
TITLES = {kind.code: kind.title for kind in (NO_STARTTLS, SHORT_MAX_AGE, EXPIRES_SOON)}


def certificate(*names: str, days: float = 58.5) -> SeenCertificate:
    return SeenCertificate(
        dns_names=names,
        common_name=names[0] if names else "",
        issuer="Test CA",
        not_before=AT - timedelta(days=30),
        not_after=AT + timedelta(days=days),
        key="EC secp256r1",
        sha256="0" * 64,
    )


def tls(*names: str, days: float = 58.5, failure: SeenFailure | None = None) -> SeenTls:
    return SeenTls(
        version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        certificate=certificate(*names, days=days),
        failure=failure,
    )


def policy_host(domain: str, document: str | None = DOCUMENT) -> SeenHost:
    name = f"mta-sts.{domain}"
    return SeenHost(
        name=name,
        addresses=tuple(
            SeenAddress(
                address=address,
                tls=tls(name),
                status=200,
                headers=(("content-type", "text/plain"),),
                document=document,
            )
            for address in ("192.0.2.80", "2001:db8::80")
        ),
    )


def mx_host(name: str, preference: int | None = 10, *addresses: SeenAddress) -> SeenHost:
    return SeenHost(name=name, preference=preference, addresses=addresses or (mx_address(name),))


def mx_address(name: str, address: str = "192.0.2.25", days: float = 58.5) -> SeenAddress:
    return SeenAddress(
        address=address, greeting=f"220 {name}", starttls=True, tls=tls(name, days=days)
    )


def observed(domain: str = "good.example", **changes: object) -> Observed:
    """Return a domain without a fault, save for what is changed."""
    host = f"mx.{domain}"
    seen: dict[str, object] = {
        "domain": domain,
        "at": AT,
        "record": SeenTexts(name=f"_mta-sts.{domain}", texts=("v=STSv1; id=1;",), ttl=3600),
        "reports": SeenTexts(name=f"_smtp._tls.{domain}", texts=("v=TLSRPTv1; rua=mailto:a@b",)),
        "policy_host": policy_host(domain),
        "mx_hosts": (mx_host(host),),
        "mx_authenticated": True,
        "dane": "required",
        "dane_hosts": (SeenDane(host=host, outcome="usable TLSA records", fits=True),),
    }
    return Observed(**(seen | changes))  # type: ignore[arg-type]


def found(kind: FindingKind, about: str = "mx.good.example") -> Finding:
    return kind.found(about, "so it is")
