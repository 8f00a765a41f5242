"""All endpoints there are."""

from mtasts_resolver.control.api import status
from mtasts_resolver.control.api.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (*status.ENDPOINTS,)
