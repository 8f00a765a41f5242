"""A store that is full of policies, as the program itself writes it."""

import asyncio
import json
import shutil
import time
from pathlib import Path

from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.store import StoredPolicy
from mtasts_resolver.store.sqlite import SqliteStore

from .packagehost import CONFIG, NAME, SERVICE, SOCKET, STATE, PackageHost

COUNT = 20_000
"""Policies: what a busy host of a provider has."""

DOMAINS = tuple(f"customer{number}.example" for number in range(COUNT))
POLICY = "version: STSv1\nmode: enforce\nmx: mx.provider.example\nmax_age: 604800\n"
SECURE = "secure match=mx.provider.example servername=hostname"
"""What Postfix is told of each of them."""

CONFIGURATION = """\
# Changed by the administrator.
dns: {servers: ["127.0.0.1"], dnssec: off}
"""
NOBODY_KNOWS = """\
server:
  local-zone: "example." static
"""
"""To the resolver: that no domain of the tests publishes anything."""


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
    """Have the daemon, which does not run, find that store, a configuration, and a resolver."""
    shutil.rmtree(host.path(STATE), ignore_errors=True)  # systemd gives a new one to its user
    shutil.copytree(store, host.path(STATE))
    host.path(CONFIG).write_text(CONFIGURATION)
    host.path("/etc/unbound/unbound.conf.d/tests.conf").write_text(NOBODY_KNOWS)
    host.run("rm -f /etc/unbound/unbound.conf.d/root-auto*")  # there is no network to get a key by
    host.run("systemctl start unbound.service")


def have_running(host: PackageHost, package: Path, store: Path) -> None:
    """Have the package installed, the store full, and the daemon run with it."""
    if not host.has(package):
        host.clear()
        host.install(package)
    host.run(f"systemctl stop {SOCKET} {SERVICE}")
    fill(host, store)
    host.run(f"systemctl start {SOCKET} {SERVICE}")


def has_all_policies(host: PackageHost) -> bool:
    """Tell whether the daemon has them in memory: it reads them behind its first answers."""
    code, said = host.outcome(f"{NAME} status --json")
    return code == 0 and json.loads(said)["policies"]["enforce"] == COUNT
