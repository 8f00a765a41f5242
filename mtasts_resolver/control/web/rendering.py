"""Templates, and what goes out with each page.

They are read and compiled when this module is imported, which is not in the look-ups' loop, and may
be before the daemon gives up the right to read them (door.py).
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mtasts_resolver.control.guest import bites
from mtasts_resolver.control.web import readable

STATIC = MappingProxyType(
    {
        "page.css": "text/css",
        "page.js": "text/javascript",
        "page.svg": "image/svg+xml",
        "well.svg": "image/svg+xml",
        "warning.svg": "image/svg+xml",
        "critical.svg": "image/svg+xml",
    }
)
# Nothing from other hosts, nothing that stands in a page, and nothing that makes code or markup out
# of text. `connect-src` lets the script ask for the page again.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)


class StrictHeaders:
    """Sends HEADERS with every answer, of whatever kind it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_strictly)


async def fill_template(name: str, status: int = 200, **values: object) -> Response:
    """Return the page that the template `name` makes of `values`.

    It is made in bites, and complete before its first byte is sent: a bug is then an error, and no
    half a page.
    """
    pieces = [piece async for piece in bites(_TEMPLATES[f"{name}.html"].generate(**values))]
    headers = {"Cache-Control": "no-store"}
    return Response("".join(pieces), status, headers, media_type="text/html")


def static(name: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers for a file that never changes while the daemon runs."""
    content = _CONTENTS[name]
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=STATIC[name])

    return answer


def _load_templates() -> Mapping[str, Template]:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for words in readable.FILTERS:
        environment.filters[words.__name__] = words
    # With those that others include and import: each would be compiled when it is met first.
    return {name: environment.get_template(name) for name in environment.list_templates()}


_TEMPLATES = _load_templates()
_CONTENTS = {name: (resources.files(__package__) / "static" / name).read_bytes() for name in STATIC}
