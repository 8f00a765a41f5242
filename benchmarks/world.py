"""A network namespace with a validating resolver and policy hosts, for any number of domains.

`listed` domains stand in a signed zone, each with records of its own, as real ones do. `wild` ones
come from wildcards, so that there may be ten thousand of them: their answers are longer.

All have an enforced policy, and MX hosts in a signed zone that have no TLSA records: DANE is looked
up, and proven absent. `hosted` ones have their mail at one of a few providers, whose MX hosts have
TLSA records; an enforced policy, too, or nothing of MTA-STS.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.namespace import Namespace
from tests.lab.namespace import missing as missing_for_lab
from tests.lab.stream import end, text_stream
from tests.lab.unbound import AUTHORITY, Resolver
from tests.lab.zones import Zone

from .procfs import children

LISTED = 500
"""Domains with records of their own: those of the hot and the cold look-ups."""

LISTED_ZONE = "listed.example"
WILD_ZONE = "wild.example"
PROVIDERS = 2
PROVIDER_HOSTS = 3
"""MX hosts of each provider."""

POLICY_ADDRESS = "192.0.2.80"
MAIL_ADDRESS = "198.51.100.25"
RESOLVER_ADDRESS = "127.0.0.1"
CA_FILE = "ca.pem"
POLICY_ID = "20261101T000000"
RECORD = f'"v=STSv1; id={POLICY_ID};"'
MAX_AGE = 10 * 86_400
"""Seconds that a policy lives: nothing expires while it is measured."""

TLSA = f"3 1 1 {'ab' * 32}"

NOT_FOUND = "NOTFOUND "
TTL = 3_600
"""Seconds that DNS answers live, the negative ones too: what is hot stays hot."""

# The lab's resolver forgets at once; this one remembers, as one beside a mail server does.
REMEMBERING = """\
server:
  cache-max-ttl: 86400
  cache-max-negative-ttl: 3600
  msg-cache-size: 64m
  rrset-cache-size: 128m
  key-cache-size: 16m
  outgoing-range: 4096
  num-queries-per-thread: 2048
  so-rcvbuf: 0
  so-sndbuf: 0
"""


def listed(number: int) -> str:
    """Return the name of a domain with records of its own."""
    return f"d{number}.{LISTED_ZONE}"


def wild(number: int) -> str:
    """Return the name of a domain whose records come from wildcards."""
    return f"d{number}.{WILD_ZONE}"


def hosted(number: int, *, policy: bool) -> str:
    """Return the name of a domain with its mail at a provider; it has a policy, or has none."""
    return f"d{number}.{hosted_zone(number % PROVIDERS, policy=policy)}"


def hosted_zone(provider: int, *, policy: bool) -> str:
    return f"{'hosted' if policy else 'plain'}{provider}.example"


def provider_zone(provider: int) -> str:
    return f"provider{provider}.example"


def document(domain: str) -> bytes:
    """Return the policy of a domain: no two are alike, so that no two answers are."""
    lines = ("version: STSv1", "mode: enforce", f"mx: mx.{domain}", f"max_age: {MAX_AGE}")
    return "".join(f"{line}\r\n" for line in lines).encode()


def answer(domain: str) -> str:
    """Return what every server should say of a domain."""
    return f"OK secure match=mx.{domain} servername=hostname"


def published(*domains: str) -> list[tuple[str, str]]:
    """Return domains and what should be said of them."""
    return [(domain, answer(domain)) for domain in domains]


def absent(number: int) -> str:
    """Return the name of a domain that does not exist."""
    return f"n{number}.absent.example"


@dataclass(frozen=True, slots=True)
class World:
    """The running namespace; servers are started in it."""

    namespace: Namespace
    directory: Path
    hosts: int
    """The process of the policy hosts."""
    resolver: Resolver

    @property
    def ca_file(self) -> Path:
        return self.directory / CA_FILE

    def questions(self) -> int:
        """Return how many questions the resolver has been asked."""
        counts = self.resolver.control("stats_noreset").splitlines()
        (count,) = (line for line in counts if line.startswith("total.num.queries="))
        return int(count.partition("=")[2])

    def start(
        self, *command: str | Path, log: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command inside; it ends with this process. The process returned is nsenter."""
        with log.open("ab") as file:
            return self.namespace.start(
                *("setpriv", "--pdeathsig", "KILL", "--"),
                *command,
                stdout=file.fileno(),
                env=env,
            )


def missing() -> str:
    """Return why there can be no world here, or nothing."""
    return missing_for_lab().replace("the lab", "a benchmark")


@contextmanager
def running_world(tell: Callable[[str], None]) -> Iterator[World]:
    """Run a namespace with DNS and policy hosts. `tell` is given, in words, each step."""
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="mtasts-bench-"))
        stack.callback(shutil.rmtree, directory)
        tell("a network namespace")
        namespace = stack.enter_context(Namespace(directory))
        tell("signed zones, and a resolver that validates them")
        anchor, sources = _write_zones(directory / "zones")
        resolver = Resolver(
            namespace, directory / "dns", RESOLVER_ADDRESS, anchor, sources + REMEMBERING
        )
        stack.enter_context(resolver)
        tell("policy hosts and their certificates")
        hosts = stack.enter_context(_hosts(namespace, directory))
        yield World(namespace, directory, hosts, resolver)


@contextmanager
def _hosts(namespace: Namespace, directory: Path) -> Iterator[int]:
    process = namespace.start(
        *(sys.executable, "-m", "benchmarks.hosts", directory, str(LISTED)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    said = text_stream("the policy hosts", process.stdout)
    said.wait(0, lambda line: line == "ready" or None, "their start")
    try:
        (pid,) = children(process.pid)
        yield pid
    finally:
        if process.stdin is not None:
            process.stdin.close()
        end(process)
        said.join()


def _write_zones(directory: Path) -> tuple[str, str]:
    """Write the signed zones; return the trust anchor, and what unbound reads to serve them."""
    directory.mkdir()
    customers = [
        (hosted_zone(provider, policy=policy), provider_zone(provider), policy)
        for provider in range(PROVIDERS)
        for policy in (True, False)
    ]
    below = [LISTED_ZONE, WILD_ZONE, *map(provider_zone, range(PROVIDERS))]
    below += [zone for zone, _, _ in customers]
    zones = {origin: Zone(origin, ttl=TTL) for origin in ("", "example", *below)}
    for parent, child in (("", "example"), *(("example", zone) for zone in below)):
        zones[parent].put(child, "NS", "ns.example.")
        zones[parent].put(child, "DS", *zones[child].ds)
    zones["example"].put("ns.example", "A", RESOLVER_ADDRESS)
    for number in range(LISTED):
        _publish(zones[LISTED_ZONE], listed(number), "_mta-sts.", "mta-sts.", "mail.")
    _publish(zones[WILD_ZONE], f"*.{WILD_ZONE}", "", "", "")
    zones[WILD_ZONE].put(f"mail.{WILD_ZONE}", "A", MAIL_ADDRESS)
    for provider in range(PROVIDERS):
        _provide(zones[provider_zone(provider)])
    for origin, provider_name, policy in customers:
        _have_hosted(zones[origin], provider_name, policy=policy)
    for zone in zones.values():
        zone.write(directory)
    sources = (
        AUTHORITY.format(origin=z.origin, file=directory / z.file_name) for z in zones.values()
    )
    (anchor,) = zones[""].ds
    return f". IN DS {anchor}\n", "".join(sources)


def _publish(zone: Zone, domain: str, record: str, policy_host: str, mail_host: str) -> None:
    """Publish all of a domain, each name with its prefix; wild ones have none."""
    zone.put(record + domain, "TXT", RECORD)
    zone.put(policy_host + domain, "A", POLICY_ADDRESS)
    target = mail_host + domain if mail_host else f"mail.{zone.origin}"
    if mail_host:
        zone.put(target, "A", MAIL_ADDRESS)
    zone.put(domain, "MX", f"10 {target}.")


def _provide(zone: Zone) -> None:
    """Publish a provider's MX hosts."""
    for number in range(PROVIDER_HOSTS):
        host = f"mx{number}.{zone.origin}"
        zone.put(host, "A", MAIL_ADDRESS)
        zone.put(f"_25._tcp.{host}", "TLSA", TLSA)


def _have_hosted(zone: Zone, provider: str, *, policy: bool) -> None:
    """Publish domains whose mail the provider takes, from a wildcard."""
    hosts = (f"{number} mx{number}.{provider}." for number in range(PROVIDER_HOSTS))
    zone.put(f"*.{zone.origin}", "MX", *hosts)
    if policy:
        zone.put(f"*.{zone.origin}", "TXT", RECORD)
        zone.put(f"*.{zone.origin}", "A", POLICY_ADDRESS)
