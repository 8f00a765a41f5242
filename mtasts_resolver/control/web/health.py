"""Whether the daemon is alive, and whether it is well: for balancers, containers and monitors."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from mtasts_resolver.control.views.readiness import view_trouble


async def healthz(_request: Request) -> Response:
    """Answer, which shows that the event loop turns."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """Tell whether all is well, or in words what is not."""
    trouble = view_trouble(request.app.state.sources)
    text = "".join(f"{part}: {why}\n" for part, why in trouble.items()) or "ok\n"
    return PlainTextResponse(text, 503 if trouble else 200)
