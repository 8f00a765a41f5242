"""Fetches policies as the discoverer does, and tells what it imports meanwhile.

A certificate that is rejected comes last, as after the discoverer has given up root.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme
import uvloop

from mtasts_resolver.base.privileges import LATE_IMPORTS, import_now
from mtasts_resolver.discovery.errors import CertificateError
from mtasts_resolver.worker import child
from tests.unit.discovery.policyhost import DOMAIN, HOST, fetcher_for, policy_host, response, tls
from tests.unit.discovery.servers import stream_server
from tests.unit.discovery.test_proxy import Proxy


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


@contextmanager
def telling_what_is_late() -> Iterator[None]:
    before = set(sys.modules)
    yield
    say(f"late: {sorted(set(sys.modules) - before)}")


async def fetch(port: int, ca_file: Path, proxy: str | None = None) -> None:
    async with fetcher_for(port, ca_file, proxy=proxy) as fetcher:
        try:
            await fetcher.fetch_policy(DOMAIN)
        except CertificateError as error:
            say(type(error).__name__)
        else:
            say("a policy")


async def main(ca_file: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(ca_file))
    async with (
        policy_host(response(), tls(ca.issue_cert(HOST))) as server,
        policy_host(response(), tls(trustme.CA().issue_cert(HOST))) as stranger,
        stream_server(Proxy(server.port).serve) as proxy,
    ):
        import_now(child.FETCH_IMPORTS)
        with telling_what_is_late():
            await fetch(server.port, ca_file)
            await fetch(server.port, ca_file, f"http://localhost:{proxy}")
        import_now(LATE_IMPORTS + child.LATE_IMPORTS)
        with telling_what_is_late():
            await fetch(stranger.port, ca_file)


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(main(Path(directory, "ca.pem")))
