"""What may be seen of a domain, and a looker that shows it: the seam to the discoverer."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.overload import OverloadedError
from mtasts_resolver.findings import FindingKind, Severity
from mtasts_resolver.published.observed import (
    Observed,
    SeenAddress,
    SeenCertificate,
    SeenFailure,
    SeenHost,
    SeenTexts,
    SeenTls,
)

DOMAIN = "own.example"
DOCUMENT = "version: STSv1\r\nmode: enforce\r\nmx: mx1.own.example\r\nmax_age: 604800\r\n"
AT = datetime(2027, 1, 15, 8, tzinfo=UTC)  # tests/unit/knowledge/world.py: START
SERVFAIL = SeenFailure("dns-server", "SERVFAIL from 192.0.2.53", outage=True)

BROKEN = FindingKind(code="mx-broken", severity=Severity.ERROR, title="broken", action="mend it")
SOON = FindingKind(code="expires-soon", severity=Severity.WARNING, title="soon")
FINE = FindingKind(code="looked-at", severity=Severity.OK, title="fine")


def certificate(sha256: str = "aa", days: float = 60, at: datetime = AT) -> SeenCertificate:
    return SeenCertificate(
        dns_names=("mx1.own.example",),
        common_name="mx1.own.example",
        issuer="Example CA",
        not_before=at - timedelta(days=30),
        not_after=at + timedelta(days=days),
        key="EC secp256r1",
        sha256=sha256,
    )


def host(
    name: str, *sha256s: str, preference: int | None = 10, days: float = 60, **more: Any
) -> SeenHost:
    """Return a host that shows a certificate at each of its addresses; none at `""`."""
    addresses = tuple(
        SeenAddress(
            address=f"192.0.2.{number}",
            starttls=True,
            tls=SeenTls(version="TLSv1.3", cipher="x", certificate=certificate(sha256, days)),
            **more,
        )
        if sha256
        else SeenAddress(
            address=f"192.0.2.{number}", failure=SeenFailure("connect-timeout", "no answer")
        )
        for number, sha256 in enumerate(sha256s, 1)
    )
    return SeenHost(name=name, preference=preference, addresses=addresses)


def policy_host(document: str | None = DOCUMENT, *, status: int | None = 200) -> SeenHost:
    return host(f"mta-sts.{DOMAIN}", "ff", preference=None, document=document, status=status)


def texts(name: str, *found: str, failure: SeenFailure | None = None) -> SeenTexts:
    return SeenTexts(name=name, texts=found, failure=failure)


def observed(**changes: Any) -> Observed:
    """Return what is seen of a domain that is well, but for `changes`."""
    seen = Observed(
        domain=DOMAIN,
        at=AT,
        record=texts(f"_mta-sts.{DOMAIN}", "v=STSv1; id=1;"),
        reports=texts(f"_smtp._tls.{DOMAIN}", "v=TLSRPTv1; rua=mailto:a@own.example"),
        policy_host=policy_host(),
        mx_hosts=(host("mx1.own.example", "aa"),),
    )
    return replace(seen, **changes)


def cut_off(**changes: Any) -> Observed:
    """Return what is seen of it from a host whose resolver reaches nobody."""
    return observed(
        record=texts("_mta-sts", failure=SERVFAIL),
        reports=texts("_smtp._tls", failure=SERVFAIL),
        policy_host=SeenHost(name=f"mta-sts.{DOMAIN}", failure=SERVFAIL),
        mx_hosts=(),
        mx_failure=SERVFAIL,
        **changes,
    )


class FakeLooker:
    """Shows what a test has it show, at the clock's time, and notes when each was looked at."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.shown: Callable[[str], Observed] = lambda _: observed()
        self.looks: list[tuple[float, str, bool]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.takes = 0.0
        self.overloaded = ""

    async def published(self, domain: str, *, smtp: bool) -> Observed:
        self.looks.append((self.clock.monotonic(), domain, smtp))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.takes:
                await self.clock.sleep(self.takes)
            else:
                await asyncio.sleep(0)
            if self.overloaded:
                raise OverloadedError(self.overloaded)
        finally:
            self.at_once -= 1
        at = datetime.fromtimestamp(self.clock.wall(), UTC)
        return replace(self.shown(domain), domain=domain, at=at)

    def times(self, domain: str) -> list[float]:
        return [time for time, looked_at, _ in self.looks if looked_at == domain]
