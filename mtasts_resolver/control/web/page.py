"""What every page has in common: how it is made, one after the other, and what it says around.

All of it is made here, on the server. A script of our own (static/page.js) keeps current what is
left open; nothing is missing without it, and nothing can be changed.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mtasts_resolver import __version__
from mtasts_resolver.base import logs
from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.views.times import timestamp
from mtasts_resolver.control.web.rendering import fill_template

# Pages that are made at a time: each is a guest in the look-ups' loop, with a bite in each turn,
# and holds some hundred kilobytes. Others wait, of which the door lets in only so many.
MADE_AT_ONCE = 2
BUG = "Internal error: see the log of mtasts-resolver, and report it with its traceback.\n"

log = logs.get(__name__)


class Pages:
    """Makes pages out of templates."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self._host = socket.gethostname()
        self._places = asyncio.Semaphore(MADE_AT_ONCE)

    def route(
        self,
        path: str,
        make: Callable[["Pages", Request], Awaitable[Response]],
        *,
        at_once: int | None = None,
    ) -> Route:
        """Return the route of a page, which waits for its turn.

        One that waits for others, `at_once` at a time, keeps no other page waiting.
        """
        places = self._places if at_once is None else asyncio.Semaphore(at_once)

        async def wait_and_make(request: Request) -> Response:
            async with places:
                try:
                    return await make(self, request)
                except Exception as error:  # noqa: BLE001  a bug must cost one page, not the daemon
                    log.bug("internal-error", error, during=f"GET {request.url.path}")
                    return PlainTextResponse(BUG, 500)

        return Route(path, wait_and_make)

    async def page(
        self,
        request: Request,
        name: str,
        *,
        status: int = 200,
        **values: Any,  # noqa: ANN401  a template takes anything
    ) -> Response:
        """Return the page of the template `name`.

        Links are relative, so that a proxy may serve the page below a path of its own.
        """
        return await fill_template(
            name,
            status,
            root="../" * (request.url.path.count("/") - 1) or "./",
            host=self._host,
            version=__version__,
            now=timestamp(self.sources.clock.wall()),
            **values,
        )

    async def problem(
        self, request: Request, status: int, title: str, error: str, action: str = ""
    ) -> Response:
        """Return the page that says what cannot be shown, and what to do."""
        return await self.page(
            request,
            "problem",
            status=status,
            here=None,
            title=title,
            error=error,
            action=action,
        )
