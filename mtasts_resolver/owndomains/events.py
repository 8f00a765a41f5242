"""What happens to domains of one's own."""

from typing import NamedTuple

from mtasts_resolver.owndomains.lastcheck import LastCheck
from mtasts_resolver.owndomains.news import News


class OwnDomainChecked(NamedTuple):
    """A domain was checked."""

    check: LastCheck
    news: News
    first: bool
    """Nothing was known of it before."""


class OwnDomainNotChecked(NamedTuple):
    """A domain could not be checked, through no fault of its own; told once for each reason."""

    domain: str
    reason: str


class NotifyFailed(NamedTuple):
    """The administrator's program did not do what it was run for."""

    program: str
    reason: str
    said: str
    """The end of what it wrote."""
    again: bool
    """It is run again with the same news."""
