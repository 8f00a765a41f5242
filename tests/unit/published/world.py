"""A domain with real servers on loopback, to be looked at."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode

from mtasts_resolver.config import Config, DnsConfig, HttpsConfig
from mtasts_resolver.published.observe import Observer
from tests.unit.discovery.policyhost import DOMAIN, HOST, LOOPBACK
from tests.unit.discovery.servers import name_server, respond

MX = "mx.x.example"
RECORDS = (
    f'_mta-sts.{DOMAIN}. 300 IN TXT "v=STSv1; id=1;"',
    f'_smtp._tls.{DOMAIN}. 300 IN TXT "v=TLSRPTv1; rua=mailto:tls@x.example"',
    f"{HOST}. 300 IN A 127.0.0.1",
    f"{DOMAIN}. 300 IN MX 10 {MX}.",
    f"{MX}. 300 IN A 127.0.0.1",
    ". 300 IN SOA a. b. 1 2 3 4 5",
)


@asynccontextmanager
async def observing(
    records: Sequence[str] = RECORDS,
    *,
    signed: bool = False,
    unsigned: Sequence[str] = (),
    broken: Sequence[str] = (),
    https: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Observer]:
    """Return who looks, under a name server such as that of `configured_for`."""
    async with configured_for(
        records, signed=signed, unsigned=unsigned, broken=broken, https=https
    ) as config:
        yield Observer(config, **options)


@asynccontextmanager
async def configured_for(
    records: Sequence[str] = RECORDS,
    *,
    signed: bool = False,
    unsigned: Sequence[str] = (),
    broken: Sequence[str] = (),
    https: dict[str, Any] | None = None,
) -> AsyncIterator[Config]:
    """Have a name server with `records`, which fails for the names that are `broken`.

    With `signed` DNSSEC vouches for all but what is `unsigned`.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for record in records:
        name, _, _, rdtype, _ = record.split(maxsplit=4)
        found.setdefault((name, rdtype), []).append(record)
    names = {name for name, _ in found}

    def answer(query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        name, rdtype = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        flags = dns.flags.AD if signed and name not in unsigned else 0
        if name in broken:
            return respond(query, rcode=dns.rcode.SERVFAIL)
        if alias := found.get((name, "CNAME")):
            target = alias[0].split()[-1]
            return respond(query, *alias, *found.get((target, rdtype), ()), flags=flags)
        rcode = dns.rcode.NOERROR if name in names else dns.rcode.NXDOMAIN
        return respond(query, *found.get((name, rdtype), ()), rcode=rcode, flags=flags)

    async with name_server(answer) as server:
        yield Config(
            dns=DnsConfig(servers=(server.address,)),
            https=HttpsConfig(**{"allow_networks": LOOPBACK} | (https or {})),
        )


def trusting(ca_file: Path) -> dict[str, Any]:
    return {"ca_file": ca_file}
