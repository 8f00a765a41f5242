"""A store that is full of policies, as the program itself writes it."""

import asyncio
import shutil
import time
from pathlib import Path

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.sqlite import SqliteStore

from .packagehost import CONFIG, STATE, PackageHost

COUNT = 20_000
"""Policies: what a busy host of a provider has."""

DOMAINS = tuple(f"customer{number}.example" for number in range(COUNT))
POLICY = "version: STSv1\nmode: enforce\nmx: mx.provider.example\nmax_age: 604800\n"
SECURE = "secure match=mx.provider.example servername=hostname"
"""What Postfix is told of each of them."""

CONFIGURATION = """\
# Changed by the administrator: the tests have no name servers.
dns: {servers: ["127.0.0.1:1"], timeout: 1s, dnssec: off}
"""


def write_full_store(directory: Path) -> None:
    """Write the files of a full store into a directory."""
    asyncio.run(_write(directory))


async def _write(directory: Path) -> None:
    store = SqliteStore(directory / "policies.sqlite", clock=SystemClock())
    await store.open()
    now = time.time()
    for domain in DOMAINS:
        store.put(StoredPolicy(domain, "1", POLICY, now, now))
    await store.close()


def fill(host: PackageHost, store: Path) -> None:
    """Have the daemon, which does not run, find that store, and a configuration of its own."""
    shutil.rmtree(host.path(STATE), ignore_errors=True)  # systemd gives a new one to its user
    shutil.copytree(store, host.path(STATE))
    host.path(CONFIG).write_text(CONFIGURATION)
