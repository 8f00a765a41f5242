"""Looking a published set-up over: what `check DOMAIN` and the daemon do."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from mtasts_resolver.findings import Finding
from mtasts_resolver.published.judge import SeenBefore, judge
from mtasts_resolver.published.observed import Observed


class DomainCheck(Struct, frozen=True, kw_only=True):
    """What was seen of a domain, and what is to be said of it."""

    observed: Observed
    findings: tuple[Finding, ...]
    """The worst first."""


class Observing(Protocol):
    """What an Observer does. It is named by this alone: its module loads the libraries that ask."""

    async def observe(self, domain: str, *, smtp: bool, tell: Callable[[str], None]) -> Observed:
        """Return what is seen of a domain."""


def _silent(_words: str) -> None:
    pass


async def check_domain(
    observer: Observing,
    domain: str,
    *,
    smtp: bool = True,
    before: SeenBefore | None = None,
    tell: Callable[[str], None] = _silent,
) -> DomainCheck:
    """Look at what `domain`, an A-label name, publishes, and judge it.

    Without `smtp` the MX hosts are not visited. `before` is what was known of the policy earlier.
    `tell` hears what is being looked at. Raise ShortageError where this host lacks something.
    """
    observed = await observer.observe(domain, smtp=smtp, tell=tell)
    return DomainCheck(observed=observed, findings=judge(observed, before))
