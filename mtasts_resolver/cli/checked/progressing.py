"""What has come of several checks so far, shown in the order of their names."""

from collections.abc import Callable, Sequence

from mtasts_resolver.cli.checked.results import CheckedDomain


class Results:
    """What has come of the domains so far, in the order in which they were named."""

    def __init__(self, domains: Sequence[str], show: Callable[[CheckedDomain], None]) -> None:
        self._domains = domains
        self._show = show
        self._ended: dict[str, CheckedDomain] = {}
        self._shown = 0  # so many of the domains, or they were left out
        self.interrupted = False

    def add(self, one: CheckedDomain) -> None:
        self._ended[one.domain] = one

    def show_next(self) -> None:
        """Show those before which no other has to come."""
        for domain in self._domains[self._shown :]:
            if domain not in self._ended:
                return
            self._show(self._ended[domain])
            self._shown += 1

    def show_rest(self) -> None:
        """Show what had to wait for others, whose checks will not end."""
        for domain in self._domains[self._shown :]:
            if domain in self._ended:
                self._show(self._ended[domain])
        self._shown = len(self._domains)

    @property
    def ended(self) -> tuple[CheckedDomain, ...]:
        return tuple(self._ended[name] for name in self._domains if name in self._ended)

    @property
    def unchecked(self) -> tuple[str, ...]:
        return tuple(name for name in self._domains if name not in self._ended)
