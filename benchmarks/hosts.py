"""`python -m benchmarks.hosts DIRECTORY PREPARED`: the policy host of every domain.

It runs inside the namespace and answers for any name at one address, over HTTPS and with a
certificate for the name that was asked for. The certificates of the domains of world.LISTED are
made before it says that it is ready, for a certificate costs more than a handshake; others at
their first handshake. It ends when its standard input does.
"""

import asyncio
import os
import ssl
import sys
from pathlib import Path

import trustme
import uvloop

from tests.lab.policyhosts import PATH, response
from tests.lab.published import PolicyHost

from .world import CA_FILE, POLICY_ADDRESS, document, listed

REQUEST_TIMEOUT = 30.0  # seconds for a client to send its request
BACKLOG = 1_024  # as the servers that are measured have
WELL = PolicyHost()
PREFIX = "mta-sts."


class Certificates:
    """A server context for each name, made once."""

    def __init__(self) -> None:
        self.ca = trustme.CA(organization_name="The benchmarks' CA")
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, name: str) -> ssl.SSLContext:
        if name not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.ca.issue_cert(name).configure_cert(context)
            self._contexts[name] = context
        return self._contexts[name]

    def choose(
        self, tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> int | None:
        """Take the context for the name in the handshake: an `SSLContext.sni_callback`."""
        if name is None or not name.startswith(PREFIX):
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        tls.context = self.context(name)
        return None


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT):
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            head, body = response(WELL, document(domain_of(request)), PATH)
            writer.write(head + body)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        pass  # the client has gone: what is measured is the client
    finally:
        writer.close()


def domain_of(request: str) -> str:
    """Return the policy domain in the Host field of an HTTP/1.1 request."""
    fields = (line.partition(":") for line in request.split("\r\n")[1:])
    hosts = (value.strip() for name, _, value in fields if name.lower() == "host")
    return next(hosts, "").removeprefix(PREFIX)


async def run(directory: Path, prepared: int) -> None:
    certificates = Certificates()
    default = certificates.context(PREFIX + "nobody.invalid")
    default.sni_callback = certificates.choose
    for number in range(prepared):
        certificates.context(PREFIX + listed(number))
    server = await asyncio.start_server(serve, POLICY_ADDRESS, 443, ssl=default, backlog=BACKLOG)
    certificates.ca.cert_pem.write_to_path(str(directory / CA_FILE))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    # They stand for machines elsewhere: they compute when nobody here has anything to do.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    uvloop.run(run(Path(sys.argv[1]), int(sys.argv[2])))
