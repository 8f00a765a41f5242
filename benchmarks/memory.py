"""Resident memory: at the start, and what each cached domain adds."""

import msgspec

from . import contenders, load
from .bench import Bench
from .contenders import MAP, MAP_WITHOUT_DANE, PEER_MEMORY, asking
from .page import table
from .procfs import resident_bytes
from .quiet import wait_until_idle
from .servers import Server
from .store import fill
from .world import NOT_FOUND, absent, published, wild

FEW, MANY, QUICK_MANY = 1_000, 20_000, 3_000
"""Domains before and after: the first are cached to fill what is allocated once."""
CONNECTIONS = 32
SECONDS = 590.0  # far more than it takes


class Memory(msgspec.Struct, frozen=True):
    """Bytes, resident."""

    empty: int
    peer_empty: int
    domains: int
    absence: float
    absence_without_dane: float
    policy_stored: float
    """A policy that was read from the store at the start, and not asked for."""
    policy: float
    """A policy that is asked for, with what is known of DANE."""

    def markdown(self) -> str:
        cells = [
            ["nothing cached, after a first look-up, MB", f"{self.empty / 1e6:.1f}"],
            ["the same, postfix-mta-sts-resolver, MB", f"{self.peer_empty / 1e6:.1f}"],
            ["each cached absence, bytes", f"{self.absence:,.0f}"],
            [
                "each cached absence in a map without DANE, bytes",
                f"{self.absence_without_dane:,.0f}",
            ],
            ["each policy read from the store, bytes", f"{self.policy_stored:,.0f}"],
            ["each policy in use, DANE included, bytes", f"{self.policy:,.0f}"],
        ]
        return (
            "Resident memory of the server and its child; pages that both share count once. Per"
            f" domain: what {self.domains:,} domains add, one look-up each,"
            f" to a server that knows {FEW:,} already.\n\n{table(['what', 'RSS'], cells)}"
        )


def measure(bench: Bench) -> Memory:
    """Start a daemon for each of the cases, and let it learn."""
    many = QUICK_MANY if bench.quick else MANY
    bench.tell("memory: nothing cached")
    with contenders.peer(bench, PEER_MEMORY) as server:
        peer_empty = resident_bytes(server.pid)
    with contenders.ours(bench) as server:
        empty = resident_bytes(server.pid)
        absence = per_absence(bench, server, MAP, many)
    with contenders.ours(bench) as server:
        without_dane = per_absence(bench, server, MAP_WITHOUT_DANE, many)
    few_stored, few_used = with_policies(bench, FEW)
    many_stored, many_used = with_policies(bench, FEW + many)
    return Memory(
        empty=empty,
        peer_empty=peer_empty,
        domains=many,
        absence=absence,
        absence_without_dane=without_dane,
        policy_stored=(many_stored - few_stored) / many,
        policy=(many_used - few_used) / many,
    )


def per_absence(bench: Bench, server: Server, map_name: str, many: int) -> float:
    """Return the bytes that each of so many domains without a policy takes."""
    bench.tell(f"memory: {many:,} absences, map {map_name}")
    few = resident_when_asked(bench, server, map_name, absences(0, FEW))
    return (resident_when_asked(bench, server, map_name, absences(FEW, many)) - few) / many


def with_policies(bench: Bench, policies: int) -> tuple[int, int]:
    """Return the resident bytes of a daemon that begins with stored policies; then, all asked."""
    bench.tell(f"memory: {policies:,} policies")
    domains = [wild(number) for number in range(policies)]
    store = fill(bench.directory / f"memory-{bench.number()}.sqlite", domains)
    with contenders.ours(bench, store=store) as server:
        wait_until_idle(server.pid)
        stored = resident_bytes(server.pid)
        return stored, resident_when_asked(bench, server, MAP, published(*domains))


def absences(first: int, count: int) -> list[tuple[str, str]]:
    return [(absent(number), NOT_FOUND) for number in range(first, first + count)]


def resident_when_asked(
    bench: Bench, server: Server, map_name: str, answers: list[tuple[str, str]]
) -> int:
    """Ask for each domain, and return the resident bytes when the server rests."""
    asked = asking(bench, server, answers, map_name)
    load.ask_once(bench.programs, asked, CONNECTIONS, SECONDS)
    wait_until_idle(server.pid)
    return resident_bytes(server.pid)
