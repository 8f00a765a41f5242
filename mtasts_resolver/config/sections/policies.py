"""How policies are kept, and kept current: `store`, `cache` and `refresh`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from mtasts_resolver.config import kinds
from mtasts_resolver.config.keys import Key, Section
from mtasts_resolver.config.kinds import DAY, HOUR, duration, integer
from mtasts_resolver.config.paths import StoreUrl, default_store

MIB = 1 << 20


class StoreConfig(Section, frozen=True, kw_only=True):
    """Where policies outlive the daemon."""

    url: Annotated[
        StoreUrl | None,
        Key(
            "The store. Unset, it is `policies.sqlite` in `$STATE_DIRECTORY` under systemd, else in"
            " `/var/lib/mtasts-resolver` for root, else in"
            " `$XDG_STATE_HOME/mtasts-resolver` (`~/.local/state/mtasts-resolver`).",
            kinds.STORE,
        ),
    ] = None

    def path(self, environ: Mapping[str, str], *, uid: int) -> Path:
        """Return the store's file, where the user `uid` runs the daemon in `environ`."""
        return (self.url or default_store(environ, uid=uid)).path


class CacheConfig(Section, frozen=True, kw_only=True):
    """What is kept in memory."""

    memory_entries: Annotated[
        int,
        Key(
            "How many domains are kept in memory, for MTA-STS and for DANE each; beyond, the least"
            " valuable are dropped.",
            integer(1_000, 10_000_000, "fewer would thrash; each takes about a kilobyte"),
        ),
    ] = 200_000
    memory_megabytes: Annotated[
        int,
        Key(
            "How much memory these may take, with the answers that were made of them, in MiB: three"
            " quarters for MTA-STS, one for DANE; beyond, the least valuable are dropped. The"
            " daemon takes 100 more, and the process that discovers as many again: that and this"
            " must fit into `MemoryMax=` of the unit.",
            integer(16, 1_000_000, "less would not hold what is in use"),
        ),
    ] = 400

    @property
    def policy_bytes(self) -> int:
        return self.memory_megabytes * MIB - self.dane_bytes

    @property
    def dane_bytes(self) -> int:
        return self.memory_megabytes * MIB // 4


class RefreshConfig(Section, frozen=True, kw_only=True):
    """How policies are kept current."""

    interval: Annotated[
        float,
        Key(
            "How often each cached policy is fetched anew, with jitter (RFC 8461 §10.2).",
            duration(
                HOUR, 7 * DAY, "more often burdens policy hosts, less often lets policies expire"
            ),
        ),
    ] = DAY
    forget_after: Annotated[
        float,
        Key(
            "How long a domain that no mail goes to is kept current; then it is dropped.",
            duration(DAY, 730 * DAY, "no less than `interval`, and the store stays bounded"),
        ),
    ] = 90 * DAY
    concurrency: Annotated[
        int,
        Key(
            "How many refreshes run at once, of policies and of DANE each.",
            integer(1, 1_000, "each holds a socket and a TLS session"),
        ),
    ] = 32
