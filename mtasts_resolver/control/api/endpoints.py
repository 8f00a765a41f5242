"""All endpoints there are."""

from mtasts_resolver.control.api import history, status
from mtasts_resolver.control.api.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (*status.ENDPOINTS, *history.ENDPOINTS)
