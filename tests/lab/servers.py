"""`python -m tests.lab.servers CERTIFICATES`: all SMTP and HTTPS hosts, inside the namespace.

Reads one Order a line from standard input, writes one Event a line to standard output, and ends
when standard input does.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from .events import Change, Changed, Event, Order, Ready, Told
from .internet import DOMAINS, MAIL_ADDRESSES, POLICY_ADDRESSES, RECEIVERS
from .pki import server_context
from .policyhosts import PolicySite
from .receivers import Receiver


def tell(event: Event) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
    sys.stdout.buffer.flush()


async def open_receivers(certificates: Path) -> None:
    for host in RECEIVERS:
        context = None if host.certificate is None else server_context(certificates, host.name)
        receiver = Receiver(host.name, context, tell)
        for port in host.ports:
            await receiver.listen(MAIL_ADDRESSES[host.name], port)


async def open_policy_sites(certificates: Path) -> dict[str, PolicySite]:
    sites = {}
    for domain in DOMAINS:
        if domain.document is not None:
            name = domain.name
            context = server_context(certificates, f"mta-sts.{name}")
            sites[name] = PolicySite(name, POLICY_ADDRESSES[name], context, tell)
            await sites[name].become(domain.policy_host, domain.document)
    return sites


async def standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=2**24)  # a Change carries a document of a megabyte
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


async def main(certificates: Path) -> None:
    await open_receivers(certificates)
    sites = await open_policy_sites(certificates)
    decoder = msgspec.json.Decoder(Order)
    tell(Ready())
    async for line in await standard_input():
        order: Order = decoder.decode(line)
        if isinstance(order, Change):
            await sites[order.domain].become(order.policy_host, order.document)
            tell(Changed(order.domain))
        else:
            tell(Told(order.number))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
