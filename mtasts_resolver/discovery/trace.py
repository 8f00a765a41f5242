"""What happened during one discovery, step by step, for `mtasts-resolver explain`."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a discovery and its outcome."""

    name: str
    """What was done, for example `TXT _mta-sts.example.com`."""
    ok: bool
    seconds: float
    outcome: str
    """One line."""
    details: tuple[str, ...] = ()
    """More lines, for example a certificate's names."""
    absent: bool = False
    """What was looked for is not there, as most domains have none: no fault of anybody's."""


@dataclass(slots=True)
class Trace:
    """Collects the steps of one discovery; only `explain` asks for one."""

    steps: list[Step] = field(default_factory=list)
    begin: Callable[[str], None] = lambda _name: None
    """Called with the name of each step as it begins, for whoever waits."""

    def record(
        self,
        name: str,
        *,
        ok: bool,
        seconds: float,
        outcome: str,
        details: tuple[str, ...] = (),
        absent: bool = False,
    ) -> None:
        self.steps.append(Step(name, ok, seconds, outcome, details, absent))
