"""How the daemon is."""

from mtasts_resolver.control.api.endpoint import Call, Endpoint
from mtasts_resolver.control.values.status import DaemonStatus
from mtasts_resolver.control.views.status import view_status


async def _status(call: Call) -> DaemonStatus:
    return await view_status(call.sources)


ENDPOINTS = (
    Endpoint(
        "GET", "/v1/status", "status", "How the daemon is, at a glance.", _status, DaemonStatus
    ),
)
