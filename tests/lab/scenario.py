"""What a row of the tables of scenarios holds."""

import re
from dataclasses import dataclass

from .ends import End
from .postfix import Sender
from .steps import Step


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One row: a mail goes `to` a domain, and it ends so."""

    name: str
    to: str
    end: End
    answer: str
    """What the daemon answers for the key when it is asked afterwards."""
    modern_end: End | None = None
    """How it ends with Postfix 3.10 and later, if not as with older ones."""
    key: str = ""
    """The lookup key; empty: `via` or `to`."""
    via: str = ""
    """The next hop, where transport_maps names one for the recipient."""
    sender: Sender = Sender.USUAL
    before: tuple[Step, ...] = ()
    own_resolver: bool = False
    """Whether the daemon asks a resolver of its own instead of everybody's."""
    because: str = ""
    """What the daemon logs about the domain, besides its name."""
    fetches: int | None = None
    """How often a policy host was asked for a document; None: it does not matter."""
    rows: tuple[str, ...] = ()
    """The rows of docs/conformance.md that this proves."""

    @property
    def lookup_key(self) -> str:
        return self.key or self.via or self.to

    @property
    def policy_domain(self) -> str:
        """The domain whose policy is asked for."""
        return re.split(r"[\]:]", self.lookup_key.removeprefix("["))[0]
