"""What TLS with one address of a host shows: version, cipher, certificates, and older versions.

Each look takes a connection of its own, since a handshake that fails ends it. The first one
verifies as senders do. Where that rejects the certificate, a second one takes any, to see which it
is. Whether outdated versions are taken is found by asking for nothing else.
"""

import asyncio
import ssl
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import NamedTuple, Protocol

from mtasts_resolver.discovery.errors import ConnectError
from mtasts_resolver.discovery.oserrors import shortage
from mtasts_resolver.discovery.tls.certificates import (
    WARNINGS,
    describe_rejection,
    rejection_code,
    unchecking_context,
)
from mtasts_resolver.discovery.tls.failures import describe_tls_failure
from mtasts_resolver.discovery.tls.wire import Tls, Wire
from mtasts_resolver.discovery.visit import VisitError

MAX_CHAIN = 8  # certificates that are kept of those that a host sends; few send more than three

# RFC 8996. What OpenSSL has of the versions before these, distributions leave out.
_OUTDATED = (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1)


class Threshold(Protocol):
    """A connection that has come to where TLS begins."""

    wire: Wire

    async def leave(self, tls: Tls) -> None:
        """Say good-bye within TLS, where the protocol has a word for it."""


Approach = Callable[[], AbstractAsyncContextManager[Threshold]]
"""Connects, as far as to where TLS begins. Raises VisitError, and ShortageError."""


class Rejection(NamedTuple):
    """Why a certificate is not valid for its host, or not trusted."""

    code: str
    reason: str


class ShownTls(NamedTuple):
    """What TLS with one address showed."""

    version: str
    """Empty, as are cipher and chain, where a certificate was rejected and not to be had again."""
    cipher: str
    chain: tuple[bytes, ...]
    """The certificates as DER, the host's own first. They need not belong together."""
    rejection: Rejection | None = None
    outdated: tuple[str, ...] = ()
    """The versions before TLS 1.2 that it takes."""


async def look_at_tls(host: str, approach: Approach, context: ssl.SSLContext) -> ShownTls:
    """Return what TLS with `host` shows where `approach` leads, judged by `context`.

    Raise VisitError where there is no TLS to be seen, and ShortageError.
    """
    try:
        shown = await _verified(host, approach, context)
    except VisitError as error:
        if error.code != "tls-failed":
            raise
        outdated = await _outdated(host, approach)
        if not outdated:
            raise
        why = f"{host} speaks no TLS of version 1.2 or later"
        shown = outdated[0]._replace(rejection=Rejection("tls-outdated", why))
    else:
        outdated = await _outdated(host, approach)
    return shown._replace(outdated=tuple(each.version for each in outdated))


def shown_by(tls: Tls) -> ShownTls:
    """Return what `tls` showed at its handshake."""
    cipher = tls.object.cipher()
    return ShownTls(tls.object.version() or "", cipher[0] if cipher else "", _chain(tls.object))


async def _verified(host: str, approach: Approach, context: ssl.SSLContext) -> ShownTls:
    """Return what whoever verifies it is shown; where that rejects it, what anybody is shown."""
    try:
        return await _look(host, approach, context)
    except ssl.SSLCertVerificationError as error:
        rejected = error
    try:
        shown = await _look(host, approach, unchecking_context())
    except VisitError:  # as where a host takes but so many connections in a minute
        shown = ShownTls("", "", ())
    der = shown.chain[0] if shown.chain else None
    # In a thread: the library that reads certificates takes tens of milliseconds to load.
    why = await asyncio.to_thread(describe_rejection, host, rejected, der)
    return shown._replace(rejection=Rejection(rejection_code(rejected), why))


async def _outdated(host: str, approach: Approach) -> list[ShownTls]:
    """Return what it shows in each outdated version that it takes, the latest first.

    Most take none, and are asked once.
    """
    found: list[ShownTls] = []
    for version in _OUTDATED:
        if found and found[-1].version != "TLSv1.1":
            break
        try:
            context = _outdated_context(version)
        except ValueError:  # an OpenSSL that was built without these versions
            break
        try:
            found.append(await _look(host, approach, context))
        except VisitError:  # as it should be
            break
    return found


async def _look(host: str, approach: Approach, context: ssl.SSLContext) -> ShownTls:
    """Return what one handshake shows. Raise SSLCertVerificationError, too."""
    async with approach() as threshold:
        tls = Tls(threshold.wire, context, host)
        try:
            await tls.handshake()
        except ssl.SSLCertVerificationError:
            raise
        except ConnectError as error:
            raise VisitError("tls-failed", str(error)) from None
        except OSError as error:
            raise (
                shortage(error, threshold.wire.peer)
                or VisitError("tls-failed", describe_tls_failure(host, error))
            ) from None
        shown = shown_by(tls)
        await threshold.leave(tls)
        return shown


@cache
def _outdated_context(latest: ssl.TLSVersion) -> ssl.SSLContext:
    """Return the context that speaks outdated versions only, up to `latest`, by any cipher."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Python warns of these versions. The filters are the process's own, hence the lock.
    with WARNINGS, warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = latest
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _chain(connection: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the first certificates that the peer sent."""
    if sys.version_info >= (3, 13):
        return tuple(connection.get_unverified_chain()[:MAX_CHAIN])
    # Python 3.11 and 3.12, which change no more, have it where nobody is to look.
    found = vars(connection)["_sslobj"].get_unverified_chain() or []
    return tuple(ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in found[:MAX_CHAIN])
