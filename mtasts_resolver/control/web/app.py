"""What is to be seen at `http.address`, as an application: nothing can be changed there."""

import ipaddress
import re

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.web.changes import change_list
from mtasts_resolver.control.web.domains import (
    ASKED_AT_ONCE,
    domain_hosts,
    domain_list,
    domain_story,
)
from mtasts_resolver.control.web.health import healthz, readyz
from mtasts_resolver.control.web.metrics import metrics
from mtasts_resolver.control.web.overrides import overrides_page
from mtasts_resolver.control.web.overview import overview
from mtasts_resolver.control.web.owndomains import own_domain_list, own_domain_page
from mtasts_resolver.control.web.page import Pages
from mtasts_resolver.control.web.rendering import STATIC, StrictHeaders, static

_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]]+))(?::[0-9]{1,5})?\Z")


def application(sources: Sources) -> Starlette:
    """Return the application behind `http.address`."""
    hosts = frozenset({"localhost", *sources.in_force.config.http.hosts})
    address = sources.in_force.config.http.address
    if address is not None:
        hosts |= {address.host}
    pages = Pages(sources)
    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            pages.route("/", overview),
            pages.route("/domains", domain_list),
            pages.route("/domains/{hop}", domain_story),
            pages.route("/domains/{hop}/hosts", domain_hosts, at_once=ASKED_AT_ONCE),
            pages.route("/changes", change_list),
            pages.route("/overrides", overrides_page),
            pages.route("/own-domains", own_domain_list),
            pages.route("/own-domains/{domain}", own_domain_page),
            *(Route(f"/static/{name}", static(name)) for name in STATIC),
        ],
        middleware=[Middleware(StrictHeaders), Middleware(KnownHosts, hosts=hosts)],
    )
    app.state.sources = sources
    return app


class KnownHosts:
    """Refuses requests by a name that is not ours.

    A stranger's page in an administrator's browser can have its own name lead to 127.0.0.1, and
    would read what is here (DNS rebinding). It cannot do so by an IP address.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._knows(scope):
            await self._app(scope, receive, send)
            return
        refusal = PlainTextResponse(
            "This is not served by that name. Add it to http.hosts in the configuration.\n", 421
        )
        await refusal(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1 or not (found := _HOST.match(given[0].decode("latin-1"))):
            return False
        name = found["six"] or found["name"].lower()
        return name in self._hosts or _is_address(name)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
