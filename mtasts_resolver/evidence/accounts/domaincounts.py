"""What went to each domain, or came from each host."""

from mtasts_resolver.evidence.accounts.frequent import OTHERS, FrequentRows
from mtasts_resolver.evidence.deliveries import Encryption
from mtasts_resolver.evidence.report import DomainCounts
from mtasts_resolver.maillog.events import LoggedPeer, TlsLevel

# Domains, hosts and the like in one table, of which there are ten: 7 MB each. What is beyond is
# counted together (frequent.py): who has more partners looks for the most frequent.
MAX_COUNTED = 20_000
# Of these, rows in the report: more than anybody reads, and 200 kB of JSON.
MAX_ROWS = 1_000


class DomainRow:
    """One domain or host."""

    __slots__ = (
        *("at_least", "deliveries", "encrypted", "enforced", "plain", "unknown", "verified"),
    )

    def __init__(self) -> None:
        self.deliveries = self.encrypted = self.plain = self.unknown = self.verified = 0
        self.enforced = ""
        self.at_least = False

    def count(self, encryption: Encryption, level: str) -> None:
        """Count a message."""
        self.deliveries += 1
        if encryption is Encryption.ENCRYPTED:
            self.encrypted += 1
            if level == TlsLevel.VERIFIED:
                self.verified += 1
        elif encryption is Encryption.PLAIN:
            self.plain += 1
        else:
            self.unknown += 1

    def absorb(self, other: "DomainRow") -> None:
        """Add what `other` has counted."""
        self.deliveries += other.deliveries
        self.encrypted += other.encrypted
        self.plain += other.plain
        self.unknown += other.unknown
        self.verified += other.verified


class DomainTally(FrequentRows[str, DomainRow]):
    """A row for each domain, bounded."""

    def __init__(self, capacity: int) -> None:
        super().__init__(DomainRow, capacity=capacity)

    def counts(self) -> tuple[DomainCounts, ...]:
        """Return the most frequent first, and last what has no row of its own."""
        return tuple(
            DomainCounts(
                domain=OTHERS if domain is None else domain,
                deliveries=row.deliveries,
                encrypted=row.encrypted,
                verified=row.verified,
                plain=row.plain,
                unknown=row.unknown,
                enforced=row.enforced,
                at_least=row.at_least,
            )
            for domain, row in self.most(MAX_ROWS)
        )


def client_name(peer: LoggedPeer) -> str:
    """Return what a client is called: its host, or its address where Postfix found no name."""
    if peer.host and peer.host != "unknown":
        return peer.host
    return f"[{peer.address}]" if peer.address else "unknown"
