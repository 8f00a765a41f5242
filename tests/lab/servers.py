"""`python -m tests.lab.servers CERTIFICATES`: all SMTP and HTTPS hosts, inside the namespace.

Reads one Order a line from standard input, writes one Event a line to standard output, and ends
when standard input does.
"""

import asyncio
import socket
import sys
from functools import cache
from pathlib import Path

import msgspec

from .events import Change, Changed, Event, Order, Ready, Told
from .internet import MAIL_ADDRESSES, POLICY_ADDRESSES, POLICY_DOMAINS, RECEIVERS
from .pki import server_context
from .policyhosts import PolicySite
from .published import IPV4, IPV6, MailHost, PolicyHost, Tls
from .receivers import receiver_of

SOME_IPV6 = "2001:db8::1"


def tell(event: Event) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
    sys.stdout.buffer.flush()


@cache
def has_ipv6() -> bool:
    try:
        with socket.create_server((SOME_IPV6, 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def listened(host: MailHost | PolicyHost, addresses: tuple[str, ...]) -> list[str]:
    """Return the addresses of a host at which somebody listens."""
    families = [(IPV6 if ":" in address else IPV4, address) for address in addresses]
    absent = () if has_ipv6() else (IPV6,)
    return [address for family, address in families if family not in (*host.down, *absent)]


async def open_receivers(certificates: Path) -> None:
    for host in RECEIVERS:
        context = None
        if host.certificate is not None:
            context = server_context(certificates, host.name, host.tls)
        receiver = receiver_of(host, context, tell)
        for address in listened(host, MAIL_ADDRESSES[host.name]):
            for port in host.ports:
                await receiver.listen(address, port)


async def open_policy_sites(certificates: Path) -> dict[str, PolicySite]:
    sites = {}
    for domain in POLICY_DOMAINS:
        name, does = domain.name, domain.policy_host
        plain = does.tls is Tls.NONE
        context = None if plain else server_context(certificates, f"mta-sts.{name}", does.tls)
        sites[name] = PolicySite(name, listened(does, POLICY_ADDRESSES[name]), context, tell)
        await sites[name].become(does, domain.document or b"")
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
