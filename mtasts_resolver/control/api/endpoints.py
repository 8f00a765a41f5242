"""All endpoints there are."""

from mtasts_resolver.control.api import (
    counts,
    domains,
    history,
    holdings,
    overrides,
    owndomains,
    renewals,
    status,
)
from mtasts_resolver.control.api.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *status.ENDPOINTS,
    *domains.ENDPOINTS,
    *renewals.ENDPOINTS,
    *holdings.ENDPOINTS,
    *history.ENDPOINTS,
    *counts.ENDPOINTS,
    *overrides.ENDPOINTS,
    *owndomains.ENDPOINTS,
)
