"""A visit to one address of an MX host: what it says, and what its TLS shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mtasts_resolver.discovery.mailhost.conversation import Conversation
from mtasts_resolver.discovery.tls.authorities import TrustStore
from mtasts_resolver.discovery.tls.shown import ShownTls, look_at_tls
from mtasts_resolver.discovery.visit import VisitError, connect_to

SMTP_PORT = 25
# Seconds for one conversation, TLS included. Many hosts hold back their greeting, to tell those who
# cannot wait: postscreen(8) for 6 seconds, others for up to 30.
CONVERSATION_TIMEOUT = 40.0


class MailHostVisit:
    """Visits `address` of the MX host `host`. `name` is who we are, or None for an address."""

    def __init__(self, host: str, address: str, name: str | None, port: int = SMTP_PORT) -> None:
        self._host = host
        self._address = address
        self._name = name
        self._port = port
        self.greeting = ""
        """What it says first: the first line of it."""
        self.starttls: bool | None = None
        """Whether it offers STARTTLS; None where that did not become known."""

    async def look(self, trust: TrustStore) -> ShownTls | None:
        """Return what TLS shows to who trusts `trust`; None where no STARTTLS is offered.

        Raise VisitError, and ShortageError.
        """
        try:
            return await look_at_tls(self._host, self._approach, await trust.context())
        except _NoStarttlsError:
            return None

    @asynccontextmanager
    async def _approach(self) -> AsyncIterator[Conversation]:
        wire = await connect_to(self._address, self._port)
        try:
            async with asyncio.timeout(CONVERSATION_TIMEOUT):
                conversation = Conversation(wire, self._name or wire.own_literal)
                try:
                    await self._come_to_tls(conversation)
                    yield conversation
                finally:
                    await conversation.close()
        except TimeoutError:
            said = "has greeted" if self.greeting else "has not greeted"
            why = f"it took more than {CONVERSATION_TIMEOUT:g} s; it {said}"
            raise VisitError("conversation-timeout", why) from None
        finally:
            wire.abort()

    async def _come_to_tls(self, conversation: Conversation) -> None:
        greeting = await conversation.greeting()
        self.greeting = self.greeting or greeting
        try:
            offered = await conversation.offers_starttls()
            self.starttls = self.starttls or offered
            if not offered:
                raise _NoStarttlsError("starttls-absent", "offers no STARTTLS")
            await conversation.begin_tls()
        except VisitError as error:
            if error.code != "starttls-injection":
                await conversation.leave()
            raise


class _NoStarttlsError(VisitError):
    """The host offers no STARTTLS."""
