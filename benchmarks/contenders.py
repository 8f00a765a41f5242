"""Who is measured: this daemon, postfix-mta-sts-resolver, and the limit."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import yaml

from . import load
from .bench import Bench
from .servers import START, Server, running
from .world import LISTED, RESOLVER_ADDRESS, World, answer, listed, published, wild

OURS = "mtasts-resolver"
OURS_UNIX = "mtasts-resolver, unix socket"
LIMIT = "C epoll loop, constant reply"
PEER_MEMORY = "postfix-mta-sts-resolver, memory cache"
PEER_SQLITE = "postfix-mta-sts-resolver, SQLite cache"

MAP = "QUERY"
MAP_WITHOUT_DANE = "without-dane"
FIRST_PORT = 18_000
HTTP_PORTS = 10_000  # above the port at which the same daemon is asked
FIRST = wild(10_000_000)
"""The domain of the first look-up, which nothing else asks for."""
FIRST_ANSWER = 20.0  # seconds that a cold look-up may take when everything is imported for it


@contextmanager
def limit(bench: Bench) -> Iterator[Server]:
    """Run the C server, which says the same of every domain."""
    port, reply = FIRST_PORT + bench.number(), answer(listed(0))
    keys = load.write_keys(
        bench.directory / f"{port}.keys", MAP, ((listed(n), reply) for n in range(LISTED))
    )
    with running(bench.world, LIMIT, bench.programs.epoll_server, str(port), reply) as (pid, log):
        server = Server(LIMIT, f"inet:127.0.0.1:{port}", MAP, pid, keys, log)
        load.run(bench.programs, server, "--once=1", f"--patience={START}", seconds=START)
        yield server


@contextmanager
def ours(
    bench: Bench,
    *,
    name: str = OURS,
    map_name: str = MAP,
    store: Path | None = None,
    unix: bool = False,
    module: str = "mtasts_resolver",
    **settings: object,
) -> Iterator[Server]:
    """Run this daemon with its defaults, and `settings`; it has answered once."""
    port, directory = FIRST_PORT + bench.number(), bench.world.directory
    address = f"unix:{directory}/ours-{port}" if unix else f"inet:127.0.0.1:{port}"
    store = store or directory / f"ours-{port}.sqlite"
    configuration = directory / f"ours-{port}.yaml"
    ways_in = {
        "control": {"socket": str(control_socket(bench, port))},
        "http": {"address": f"127.0.0.1:{port + HTTP_PORTS}"},
    }
    ours = our_settings(bench.world, address, store)
    configuration.write_text(yaml.safe_dump(ours | ways_in | settings))
    command = (sys.executable, "-m", module, "serve", "--config", configuration)
    with running(bench.world, name, *command) as (pid, log):
        yield _awake(bench, Server(name, address, map_name, pid, log, log))


@contextmanager
def peer(bench: Bench, name: str) -> Iterator[Server]:
    """Run postfix-mta-sts-resolver on uvloop; it has answered once."""
    port, directory = FIRST_PORT + bench.number(), bench.world.directory
    store = directory / f"peer-{port}.sqlite" if name == PEER_SQLITE else None
    configuration = directory / f"peer-{port}.yaml"
    configuration.write_text(yaml.safe_dump(peer_settings(port, store)))
    command = (Path(sys.executable).with_name("mta-sts-daemon"), "-c", configuration)
    trust = {"SSL_CERT_FILE": str(bench.world.ca_file)}  # what OpenSSL's defaults go by
    with running(bench.world, name, *command, env=trust) as (pid, log):
        yield _awake(bench, Server(name, f"inet:127.0.0.1:{port}", MAP, pid, log, log))


def control_socket(bench: Bench, port: int) -> Path:
    """Return the control socket of our daemon that listens at `port`."""
    return bench.world.directory / f"ours-{port}.control"


def our_settings(world: World, address: str, store: Path) -> dict[str, object]:
    """Return the configuration of this daemon: its defaults, but for where the world is."""
    return {
        "listen": [{"protocol": "socketmap", "address": address}],
        "maps": {MAP_WITHOUT_DANE: {"dane": False}},
        "dns": {"servers": [RESOLVER_ADDRESS]},
        "https": {"ca_file": str(world.ca_file), "allow_networks": ["192.0.2.0/24"]},
        "store": {"url": f"sqlite://{store}"},
    }


def peer_settings(port: int, store: Path | None) -> dict[str, object]:
    """Return the configuration of postfix-mta-sts-resolver.

    It has its own defaults, except that its cache is large enough, that it may take as long for a
    discovery as we do, and that it does not ask DNS again for a cached policy after a minute: the
    cache alone is what is compared.
    """
    cache: dict[str, object] = {"type": "internal", "options": {"cache_size": 1_000_000}}
    if store is not None:
        cache = {"type": "sqlite", "options": {"filename": str(store)}}
    return {
        "host": "127.0.0.1",
        "port": port,
        "cache_grace": 86_400,
        "cache": cache,
        "default_zone": {"strict_testing": False, "timeout": 20},
    }


def asking(
    bench: Bench,
    server: Server,
    answers: Iterable[tuple[str, str]],
    map_name: str | None = None,
) -> Server:
    """Return `server`, asked for other domains: each with the answer that must come."""
    name = map_name or server.map_name
    keys = load.write_keys(bench.directory / f"{bench.number()}.keys", name, answers)
    return replace(server, map_name=name, keys=keys)


def _awake(bench: Bench, server: Server) -> Server:
    """Return the server when it has answered: then it has imported all that it needs."""
    first = asking(bench, server, published(FIRST))
    load.run(bench.programs, first, "--once=1", f"--patience={START}", seconds=FIRST_ANSWER)
    return asking(bench, server, published(*map(listed, range(LISTED))))
