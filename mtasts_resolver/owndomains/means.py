"""What it takes to look after domains of one's own."""

from pathlib import Path

from msgspec import Struct

from mtasts_resolver.base.clock import Clock
from mtasts_resolver.base.events import Events
from mtasts_resolver.store.history import History
from mtasts_resolver.worker.supervisor import Supervisor


class OwnDomainMeans(Struct, eq=False):
    """Parts of the daemon."""

    discoverer: Supervisor
    policies: Path
    """The file of the store, beside which the last checks are kept."""
    history: History
    clock: Clock
    events: Events
