"""Fetching a policy from its policy host over HTTPS (RFC 8461 §3.3): the whole way of a fetch.

here            PolicyFetcher.fetch_policy
lookup.py       A and AAAA of mta-sts.<domain>; what addresses.py does not allow is left out
request.py      one GET by httpx and httpcore, whole, which get their connection from
backend.py      connect.py (or proxy.py): TCP to one of those addresses, and no other;
TLS before anything else: what a policy host sends, tls/wire.py lets TLS alone read;
the bounds on a response's head and on all its bytes
tls/            authorities.py: whom to trust; certificates.py: why a certificate is rejected
here            what of a response counts: 200, text/plain, 64 KiB; no redirect, no coding
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import httpx

from mtasts_resolver import __version__
from mtasts_resolver.base.quoting import printable
from mtasts_resolver.config import IPNetwork, ProxyUrl
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import (
    BodyError,
    FetchTimeoutError,
    InvalidPolicyError,
    MediaTypeError,
    StatusError,
)
from mtasts_resolver.discovery.policyhost.backend import PolicyHostBackend
from mtasts_resolver.discovery.policyhost.lookup import find_addresses
from mtasts_resolver.discovery.policyhost.proxy import Proxy
from mtasts_resolver.discovery.policyhost.request import PolicyHostTransport
from mtasts_resolver.discovery.tls.authorities import TrustStore
from mtasts_resolver.discovery.trace import Trace
from mtasts_resolver.policy import (
    MAX_DOCUMENT_BYTES,
    DocumentError,
    Policy,
    parse_document,
)

PREFIX = "mta-sts."
PATH = "/.well-known/mta-sts.txt"
HTTPS_PORT = 443

# The chunks of a body, and what comes of one at a time. Servers send a policy in one part, or in
# parts of kilobytes; one line each, from a program that forgets to buffer, is the worst known.
MAX_PARTS = 500

# Of the time of a fetch: to reach a proxy takes milliseconds, and one that is down must be told
# from a policy host that is silent behind it.
PROXY_SHARE = 0.5

_LINES_SHOWN = 200  # of a document, in a trace

# RFC 8461 §3.3: no HTTP caching, so nothing conditional is asked. A coded body could grow beyond
# all bounds when it is decoded, so no coding is asked for, and none accepted.
REQUEST_HEADERS = {
    "Accept": "text/plain",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": f"mtasts-resolver/{__version__}",
}


class PolicyFetcher:
    """Fetches policies; nothing is kept from one fetch to the next but the trust store.

    `timeout` is for one whole fetch, in seconds. `ca_file` replaces the system's trust store.
    `allow_networks` are exceptions to what addresses.py allows. Nothing is taken from the
    environment: no proxy, no credentials, no cookies. ValueError if `ca_file` is unusable.

    With a `proxy` the connection goes through it. The addresses of the policy host are still looked
    up and checked, but the proxy looks them up again and may find others: a proxy has to keep its
    own watch. Its own address is not checked.
    """

    def __init__(
        self,
        dns: DnsClient,
        *,
        timeout: float = 10.0,
        ca_file: Path | None = None,
        proxy: ProxyUrl | None = None,
        allow_networks: Sequence[IPNetwork] = (),
        port: int = HTTPS_PORT,
    ) -> None:
        self._dns = dns
        self._timeout = timeout
        self._trust = TrustStore(ca_file)
        self._proxy = None if proxy is None else Proxy(proxy, timeout * PROXY_SHARE)
        self._allow_networks = tuple(allow_networks)
        self._port = port

    async def fetch_policy(self, domain: str, trace: Trace | None = None) -> Policy:
        """Return the policy of `domain`, an A-label name.

        Raise a FetchError that says why there is none, or DnsError where our name servers fail.
        """
        host = PREFIX + domain
        trace = trace or Trace(kept=False)
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await find_addresses(self._dns, host, self._allow_networks, trace)
                backend = PolicyHostBackend(addresses, self._proxy, trace)
                context = await self._trust.context()
                async with PolicyHostTransport(backend, context) as transport:
                    body = await self._get(host, transport, trace)
                return _parse(body, host, trace)
        except TimeoutError:
            raise FetchTimeoutError(
                f"{host} took more than {self._timeout:g} s, the last of them for: {trace.current}"
            ) from None

    async def _get(self, host: str, transport: PolicyHostTransport, trace: Trace) -> bytes:
        url = httpx.URL(scheme="https", host=host, port=self._port, path=PATH)
        with trace.step(f"GET {url}") as step:
            response = await transport.handle_async_request(
                httpx.Request("GET", url, headers=REQUEST_HEADERS)
            )
            async with aclosing(response):
                _check_status(response)
                _check_media_type(response)
                check_length(response)
                body = await read_body(response)
            step.outcome = f"{response.status_code}, text/plain, {len(body)} bytes"
        return body


def _check_status(response: httpx.Response) -> None:
    """RFC 8461 §3.3: only 200 counts, and a redirect is not followed."""
    if response.status_code == httpx.codes.OK:
        return
    location = response.headers.get("location")
    if response.has_redirect_location and location:
        raise StatusError(f"redirect to {printable(location)}, which RFC 8461 §3.3 forbids")
    raise StatusError(f"HTTP status {response.status_code} {printable(response.reason_phrase)}")


def _check_media_type(response: httpx.Response) -> None:
    """RFC 8461 §3.2: the media type is text/plain; parameters do not matter."""
    served = response.headers.get("content-type")
    if served is None:
        raise MediaTypeError("no media type, RFC 8461 §3.2 requires text/plain")
    media_type = served.partition(";")[0].strip().lower()
    if media_type != "text/plain":
        raise MediaTypeError(
            f"media type {printable(media_type)}, RFC 8461 §3.2 requires text/plain"
        )


def check_length(response: httpx.Response) -> None:
    """Reject what would be too long, or coded, before reading it."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise BodyError(f"content coding {printable(coding)}, although none was asked for")
    length = response.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > MAX_DOCUMENT_BYTES:
        raise _too_long()


async def read_body(response: httpx.Response) -> bytes:
    """Return the body, within its bounds. Raise BodyError."""
    body = bytearray()
    parts = 0
    async for part in response.aiter_raw():
        body += part
        if len(body) > MAX_DOCUMENT_BYTES:
            raise _too_long()
        if parts == MAX_PARTS:
            raise BodyError(f"the policy comes in more than {MAX_PARTS} parts")
        if parts:
            await asyncio.sleep(0)  # others' turn
        parts += 1
    return bytes(body)


def _too_long() -> BodyError:
    return BodyError(f"the policy is longer than {MAX_DOCUMENT_BYTES:,} bytes")


def _parse(body: bytes, host: str, trace: Trace) -> Policy:
    with trace.step("policy document") as step:
        if trace.kept:
            step.details = _numbered(body)
        try:
            policy = parse_document(body)
        except DocumentError as error:
            raise InvalidPolicyError(f"the policy of {host} is invalid: {error}") from None
        step.outcome = f"mode {policy.mode}, {len(policy.mx)} mx, max_age {policy.max_age} s"
    return policy


def _numbered(body: bytes) -> tuple[str, ...]:
    """Return the lines of a document, each with the number that errors of it name."""
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").removesuffix("\n").split("\n")
    shown = enumerate(lines[:_LINES_SHOWN], start=1)
    return tuple(f"{number:4} {printable(line)}" for number, line in shown)
